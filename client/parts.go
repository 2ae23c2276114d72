package client

import (
	"context"
	"fmt"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nats.go"
)

// This file has the requests that do not fit one message of the bus, and the
// replies: they take a detour, in which several requests of the transport's own
// stand for one of a caller.

// step is what is special about one request of a detour. It is sent once: where
// it is not answered, or refused for now, the whole is begun anew, perhaps at
// another replica.
type step struct {
	header nats.Header
	longer time.Duration // to wait for the answer, beside [Retry.Answer]
}

// partsUnderWay is how many parts are on their way at once.
const partsUnderWay = 4

// slowest is the slowest bus, and the slowest journal, that is waited for: time
// for one byte.
const slowest = time.Second / (4 << 20)

// detour has do find out the reply of the request with the token, or its error,
// beside what else the transport does. The request stays in the table: it ends
// with its context and with the transport, and begins anew after a pause where
// its detour has failed for now.
func (t *transport) detour(token uint64, do func(ctx context.Context, p *pending) ([]byte, *ckpt.Error)) {
	t.mu.Lock()
	p := t.find(token)
	if p == nil || p.detour { // it is over, or a second answer came
		t.mu.Unlock()
		return
	}
	now := time.Now()
	if !p.seen {
		t.schedule(p, now)
	}
	p.detour, p.pausing, p.resent = true, false, true
	ctx, cancel := p.bounded()
	t.detours.Add(1)
	t.mu.Unlock()
	go func() {
		defer t.detours.Done()
		defer cancel()
		reply, e := do(ctx, p)
		t.mu.Lock()
		if t.find(token) == p {
			p.detour = false
			p.lost = p.lost || e != nil && e.Code == ckpt.Unknown
			p.next = time.Now().Add(t.retry.Answer)
		}
		t.mu.Unlock()
		again := e != nil && (e.Code == ckpt.Unknown || e.Code == ckpt.Overloaded || e.Code == ckpt.Unavailable)
		t.settle(token, reply, e, again)
	}()
}

// bounded returns a context that ends with the request's time.
func (p *pending) bounded() (context.Context, context.CancelFunc) {
	if p.deadline.IsZero() {
		return context.WithCancel(p.ctx)
	}
	return context.WithDeadline(p.ctx, p.deadline)
}

// upload sends a request in parts and returns what it is answered.
func (t *transport) upload(ctx context.Context, p *pending) ([]byte, *ckpt.Error) {
	payload := *p.payload
	size := ckpt.PartSize(int(t.nc.MaxPayload()))
	header := nats.Header{ckpt.HeaderUpload: {"1"}}
	begin := t.step(ctx, p.subject, step{header: header}, &ckpt.UploadRequest{Size: len(payload), PartSize: size, Checksum: ckpt.Checksum(payload)})
	var up ckpt.UploadReply
	if e := begin.wait(&up); e != nil {
		return nil, e
	}
	subject := ckpt.PartsPut.SubjectOf(t.prefix, up.Replica)
	count := ckpt.PartCount(len(payload), size)
	e := inTurn(count, func(i int) *pending {
		data := payload[i*size : min((i+1)*size, len(payload))]
		return t.step(ctx, subject, step{longer: slowest * time.Duration(partsUnderWay*size)}, &ckpt.PartsPutRequest{ID: up.ID, Index: i, Data: data})
	}, func(_ int, p *pending) *ckpt.Error { return p.wait(&ckpt.PartsPutReply{}) })
	if e != nil {
		return nil, e
	}
	end := t.step(ctx, ckpt.PartsEnd.SubjectOf(t.prefix, up.Replica), step{longer: slowest * time.Duration(len(payload))}, &ckpt.PartsEndRequest{ID: up.ID})
	<-end.done
	return end.reply, asError(end.err)
}

// download fetches the size bytes of a reply in parts.
func (t *transport) download(ctx context.Context, parts *ckpt.Parts, size int64) ([]byte, *ckpt.Error) {
	if size < 1 || parts.PartSize < 1 {
		return nil, ckpt.Errorf(ckpt.Unknown, "the answer tells of a reply of %d bytes in parts of %d", size, parts.PartSize)
	}
	subject := ckpt.PartsGet.SubjectOf(t.prefix, parts.Replica)
	count := ckpt.PartCount(int(size), parts.PartSize)
	reply := make([]byte, 0, min(size, firstRoom))
	e := inTurn(count, func(i int) *pending {
		return t.step(ctx, subject, step{longer: slowest * time.Duration(partsUnderWay*parts.PartSize)}, &ckpt.PartsGetRequest{ID: parts.ID, Index: i})
	}, func(i int, p *pending) *ckpt.Error {
		var a ckpt.PartsGetReply
		e := p.wait(&a)
		if e == nil && len(a.Data) != min(parts.PartSize, int(size)-i*parts.PartSize) {
			e = ckpt.Errorf(ckpt.Unknown, "part %d of the reply has %d bytes", i, len(a.Data))
		}
		reply = append(reply, a.Data...)
		return e
	})
	if e == nil && ckpt.Checksum(reply) != parts.Checksum {
		e = ckpt.Errorf(ckpt.Unknown, "the parts of the reply do not have its checksum")
	}
	return reply, e
}

// firstRoom bounds what is set aside for a reply before its parts are there.
const firstRoom = 64 << 20

// inTurn begins count requests in turn, some ahead of the one whose answer take
// gets. It ends with the first error.
func inTurn(count int, begin func(i int) *pending, take func(i int, p *pending) *ckpt.Error) *ckpt.Error {
	var ahead [partsUnderWay]*pending
	for i := range count + partsUnderWay {
		slot := &ahead[i%partsUnderWay]
		if *slot != nil {
			if e := take(i-partsUnderWay, *slot); e != nil {
				return e
			}
			*slot = nil
		}
		if i < count {
			*slot = begin(i)
		}
	}
	return nil
}

// step begins one request of a detour.
func (t *transport) step(ctx context.Context, subject string, s step, q ckpt.Record) *pending {
	p := &pending{ctx: ctx, subject: subject, payload: buffers.Get().(*[]byte), step: &s, done: make(chan struct{})}
	var err error
	if *p.payload, err = ckpt.Append(*p.payload, q); err != nil {
		p.complete(nil, notEncoded(err))
		return p
	}
	t.start(p)
	freeBuffer(p.payload) // it is sent once
	return p
}

// wait waits for the answer of a step and reads it.
func (p *pending) wait(a ckpt.Record) *ckpt.Error {
	<-p.done
	if p.err != nil {
		return asError(p.err)
	}
	if err := ckpt.Decode(p.reply, a); err != nil {
		return unreadable(err, fmt.Sprintf("the reply of %s does not decode", p.subject))
	}
	return nil
}

// asError returns the error of a pending, which is of this type; nil of nil.
func asError(err error) *ckpt.Error {
	e, _ := err.(*ckpt.Error)
	return e
}
