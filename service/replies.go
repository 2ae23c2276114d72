package service

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nats.go"
)

// buffers spares each reply an allocation; publishing copies.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// keepBuffer bounds the buffers that wait for reuse.
const keepBuffer = 1 << 20

// reply answers with a success, which is in the call's reply.
func (r *request) reply() {
	r.stamp.StoreID, r.stamp.Known = r.journal.StoreID(), r.known(r.stamp.Revision)
	r.send(r.told.Append)
}

// known returns how far the store is, for an answer that has no revision to tell it:
// whoever knows that a thread is gone must not find it again at another replica.
func (r *request) known(revision uint64) uint64 {
	if revision != 0 {
		return 0
	}
	return r.store.Revision()
}

// replier is the reply of any operation.
type replier interface{ Stamp() *ckpt.Reply }

// send answers with the bytes that encode appends.
func (r *request) send(encode func([]byte) ([]byte, error)) {
	buf := buffers.Get().(*[]byte)
	b, err := encode((*buf)[:0])
	if err == nil {
		err = r.publish(b)
	}
	if cap(b) <= keepBuffer {
		*buf = b
	}
	buffers.Put(buf)
	if err != nil {
		r.fail(err)
	}
}

func (r *request) publish(b []byte) error {
	if limit := int(r.nc.MaxPayload()); len(b) > limit {
		return r.inParts(b, limit)
	}
	r.measure.note(time.Since(r.came), nil)
	r.answered.Add(1) // before it is out, so that whoever has the answer finds it counted
	return r.nc.Publish(r.inbox, b)
}

// fail answers with an error: the one place where errors cross the wire. What
// is no [ckpt.Error] is a fault of the service, which is logged and sent
// without its detail.
func (r *request) fail(err error) {
	var e *ckpt.Error
	if !errors.As(err, &e) {
		r.log.Error("internal error", "subject", r.subject, "err", err)
		e = ckpt.Errorf(ckpt.Internal, "the service failed and has logged why")
	}
	failure := e
	if e.Parts != nil { // the reply comes in parts
		failure = nil
	}
	r.measure.note(time.Since(r.came), failure)
	told := *e
	switch e.Code {
	case ckpt.NotFound, ckpt.Conflict, ckpt.PermissionDenied:
		told.Known = ckpt.Position{StoreID: r.journal.StoreID(), Revision: r.store.Revision()}
	}
	body, err := ckpt.Append(nil, &told)
	if err == nil {
		err = r.sendError(strconv.Itoa(int(e.Code)), headerText(e.Message), body)
	}
	if err != nil {
		r.log.Error("no answer could be sent", "subject", r.subject, "err", err)
	}
}

func (r *request) sendError(code, text string, body []byte) error {
	r.answered.Add(1)
	return r.nc.PublishMsg(&nats.Msg{
		Subject: r.inbox,
		Header:  nats.Header{ckpt.HeaderError: {text}, ckpt.HeaderErrorCode: {code}},
		Data:    body,
	})
}

// maxText bounds the text of an error, which may quote a request.
const maxText = 1 << 10

// headerText returns a message that can stand in a header: one line.
func headerText(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	s = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "?"))
	if s == "" {
		return "no message"
	}
	return s
}
