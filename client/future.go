package client

import (
	"context"
	"errors"
	"sync"

	"github.com/ckptbus/ckpt"
)

// Future is the outcome of an asynchronous request, which goes on whether or
// not anybody waits for it: until it has its answer, or the context that it
// was begun with ends (which is noticed within about 10 ms). Requests that are
// under way at once may be carried out in any order, since each may be sent
// again: a write that must follow another waits for it first.
type Future[T any] struct {
	pending // its payload is nil where there is nothing to send
	t       *transport
	reader  reader[T] // nil where the value is there already

	once  sync.Once // guards the reading of the reply
	value T
}

// reader is the [call] that a future is of.
type reader[T any] interface {
	decode(reply []byte) (T, error)
	refused(e *ckpt.Error)
	free()
}

// Done returns a channel that is closed when the outcome is there.
func (f *Future[T]) Done() <-chan struct{} { return f.done }

// Wait waits for the outcome and returns it. It may be called often, and by
// many goroutines. Where ctx ends first, the error is Unknown and wraps the
// error of ctx; the request goes on, and its outcome can be waited for again.
func (f *Future[T]) Wait(ctx context.Context) (T, error) {
	select {
	case <-f.done:
		return f.outcome()
	default:
	}
	select {
	case <-f.done:
		return f.outcome()
	case <-ctx.Done():
		if f.t != nil && f.ctx.Err() != nil { // it is over, only the sweeper has not seen it yet
			f.t.abandon(&f.pending, f.ctx.Err())
			<-f.done
			return f.outcome()
		}
		e := ckpt.Errorf(ckpt.Unknown, "not yet answered: %v", ctx.Err())
		e.Err = ctx.Err()
		var zero T
		return zero, f.label(e)
	}
}

// begin sends the request.
func (f *Future[T]) begin() *Future[T] {
	if f.payload != nil {
		f.t.start(&f.pending)
	}
	return f
}

// result sends the request and waits for the outcome. Where the context of the
// request ends, so does the request. The future must not be used afterwards.
func (f *Future[T]) result() (T, error) {
	if f.payload != nil {
		f.waits = true
		f.t.start(&f.pending)
		select {
		case <-f.done:
		case <-f.ctx.Done():
			f.t.abandon(&f.pending, f.ctx.Err())
			<-f.done // at once: whoever took it out of the table completes it
		}
	}
	r, over := f.reader, f.sent && !f.resent
	f.read()
	v, err := f.value, f.err
	if over {
		r.free()
	}
	return v, err
}

// outcome returns what a completed request came to. The reply is read here and
// not where it was received, so that large ones do not hold up the others.
func (f *Future[T]) outcome() (T, error) {
	f.once.Do(f.read)
	return f.value, f.err
}

// read sets the value or the error from the reply.
func (f *Future[T]) read() {
	if f.sent && !f.resent {
		freeBuffer(f.payload)
		f.payload = nil
	}
	var refusal *ckpt.Error
	switch {
	case f.reader == nil:
	case f.err != nil:
		if errors.As(f.err, &refusal) {
			f.reader.refused(refusal)
		}
	default:
		if f.value, f.err = f.reader.decode(f.reply); f.err != nil {
			f.explain()
		}
	}
	f.reply, f.reader = nil, nil
}

// explain says in the error of the reading which request it was.
func (f *Future[T]) explain() {
	var e *ckpt.Error
	if errors.As(f.err, &e) && e.Subject == "" {
		f.label(e)
	}
}
