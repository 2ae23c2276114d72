package service

import (
	"log/slog"
	"sync"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/store"
	"github.com/nats-io/nats.go"
)

// events publishes what was committed.
type events struct {
	nc      *nats.Conn
	prefix  string
	storeID func() string
	log     *slog.Logger
}

// event is an event on its way out: memory that serves one after the other.
type event struct {
	ckpt.Event
	bytes []byte
}

var outgoing = sync.Pool{New: func() any { return new(event) }}

// publish tells watchers of a change. The journal calls it for one change of a
// thread after the other, so events of one thread leave in their order. One
// that cannot be sent is not lost on watchers: the next one's Previous tells
// that it is missing. It fits the bus: a put's message IDs are bounded by what
// the page of a reply may hold.
func (p *events) publish(c store.Change) {
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
		StoreID:    p.storeID(),
	}
	b, err := ckpt.Append(out.bytes[:0], e)
	out.bytes = b
	if err == nil {
		err = p.nc.Publish(ckpt.EventSubject(p.prefix, c.ThreadID), b)
	}
	if err != nil {
		p.log.Warn("an event was not sent", "thread", c.ThreadID, "revision", c.Revision, "err", err)
	}
}
