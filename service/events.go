package service

import (
	"log/slog"
	"sync"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/store"
	"github.com/nats-io/nats.go"
)

// events tells watchers what was committed, and keeps it for those that miss it.
type events struct {
	nc     *nats.Conn
	prefix string
	log    *slog.Logger
	limit  int // bytes of an event
	ring   *eventRing
	loses  func() bool // nil but in tests
}

// event is an event on its way out: memory that serves one after the other.
type event struct {
	ckpt.Event
	codec ckpt.Codec
	bytes []byte
}

var outgoing = sync.Pool{New: func() any {
	e := new(event)
	e.codec = ckpt.NewCodec(&e.Event)
	return e
}}

// applied keeps the event of a change, and publishes that of one which this
// replica made. The journal calls it for one change of a thread after the other,
// so events of one thread leave in their order. One that cannot be sent is not
// lost on watchers: all replicas keep it.
func (p *events) applied(storeID string, c store.Change, mine bool) {
	if store.Hidden(c.ThreadID) {
		return
	}
	out := outgoing.Get().(*event)
	defer outgoing.Put(out)
	e := &out.Event
	*e = ckpt.Event{
		ThreadID:   c.ThreadID,
		Kind:       c.Kind,
		Revision:   c.Revision,
		Previous:   c.Previous,
		At:         time.UnixMilli(c.At),
		UserID:     c.Owner,
		RequestID:  c.RequestID,
		MessageIDs: c.AppendMessageIDs(e.MessageIDs[:0]),
		Trimmed:    c.Trimmed,
		Size:       c.Size(),
		StoreID:    storeID,
	}
	b, err := out.codec.Append(out.bytes[:0])
	if len(b) > p.limit {
		e.MessageIDs = nil
		b, err = out.codec.Append(b[:0])
	}
	out.bytes = b
	if err == nil {
		p.ring.add(c.Revision, c.At, b, c.Content(), e.Size)
		if mine && (p.loses == nil || !p.loses()) {
			err = p.nc.Publish(ckpt.EventSubject(p.prefix, c.ThreadID), b)
		}
	}
	if err != nil {
		p.log.Warn("an event was not sent", "thread", c.ThreadID, "revision", c.Revision, "err", err)
	}
}
