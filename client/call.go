package client

import (
	"context"
	"errors"
	"sync"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nuid"
)

// operation is what a transport knows of one operation.
type operation struct {
	subject string
	calls   sync.Pool // of the operation's calls, to be used again
}

// call is one request of an operation and the future of its result, in one
// piece of memory. Every method of a [Client] that asks the service makes one:
// newCall, then fill in the request, then encode.
type call[Q, A, T any] struct {
	Future[T]
	op      *ckpt.Op[Q, A]
	request Q
	asked   *seenStore // the store when the request was encoded
	bytes   bool       // what the request holds is sent as it is
	answer  A
	extract func(*A) (T, error) // what the method returns of the answer
}

// newCall returns a call about the thread, if the operation is about one. An
// operation has one method, and [Do] beside it, so that the calls in its pool
// are nearly always of the same type.
func newCall[Q, A, T any](ctx context.Context, t *transport, op *ckpt.Op[Q, A], thread string, extract func(*A) (T, error)) *call[Q, A, T] {
	o := t.operations[op.Name]
	c, again := o.calls.Get().(*call[Q, A, T])
	if !again {
		c = &call[Q, A, T]{op: op}
		c.reset(pending{subject: o.subject, writes: op.Writes, done: make(chan struct{}, 1)}, t)
	}
	c.ctx, c.thread, c.extract = ctx, thread, extract
	return c
}

// reset makes the call as good as new.
func (c *call[Q, A, T]) reset(p pending, t *transport) {
	c.Future, c.asked, c.bytes = Future[T]{pending: p, t: t, reader: c}, nil, false
}

// free gives the call back. Nobody may hold its future, nor send its request.
func (c *call[Q, A, T]) free() {
	t, name := c.t, c.op.Name
	c.reset(pending{subject: c.subject, writes: c.writes, done: c.done}, t)
	t.operations[name].calls.Put(c)
}

// encode returns the future of the call, which is still to be sent. The
// request's own values are not needed any more. Where err is not nil, they
// could not be encoded, and the call has failed. All attempts carry the
// position of this moment: what is learned later, the caller did not know when
// it asked.
func (c *call[Q, A, T]) encode(err error) *Future[T] {
	c.asked = c.t.session.store.Load()
	setAfter(&c.request, c.asked.position())
	b := buffers.Get().(*[]byte)
	if c.t.compress.how != 0 && err == nil && !c.bytes {
		c.t.compress.states(&c.request)
	}
	if err == nil {
		*b, err = ckpt.Append(*b, c.op.Request(&c.request))
	}
	c.request = *new(Q)
	if err != nil {
		freeBuffer(b)
		c.complete(nil, notEncoded(err))
		return &c.Future
	}
	c.payload = b
	return &c.Future
}

func (c *call[Q, A, T]) decode(reply []byte) (T, error) {
	var v T
	err := ckpt.Decode(reply, c.op.Reply(&c.answer))
	if err != nil {
		err = unreadable(err, "the reply does not decode")
	} else {
		c.t.session.learn(any(&c.answer).(stamped).Stamp(), c.asked)
		v, err = c.extract(&c.answer)
	}
	c.answer = *new(A) // the next answer may lack fields of this one
	return v, err
}

// refused takes what the refusal of the request tells of the store.
func (c *call[Q, A, T]) refused(e *ckpt.Error) { c.t.session.see(e.Known, c.asked) }

// background returns the future of what do returns, which runs in a goroutine
// of its own: for what takes several requests.
func background[T any](do func() (T, error)) *Future[T] {
	f := &Future[T]{}
	f.done = make(chan struct{})
	go func() {
		defer close(f.done)
		f.value, f.err = do()
	}()
	return f
}

// itself is the extract of an operation whose reply is the result.
func itself[A any](a *A) (A, error) { return *a, nil }

// write names the thread that a request changes, and gives the request its ID.
func write(thread string) ckpt.WriteRef {
	return ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: thread}, Terms: ckpt.Terms{RequestID: nuid.Next()}}
}

// notEncoded is the error of a value of the caller's that cannot be encoded.
func notEncoded(err error) *ckpt.Error {
	return &ckpt.Error{Code: ckpt.InvalidArgument, Message: "not sent: " + err.Error(), Err: err}
}

// unreadable is the error of an answer that makes no sense to this client.
func unreadable(err error, what string) *ckpt.Error {
	if e := (*ckpt.Error)(nil); errors.As(err, &e) && e.Err != nil {
		err = e.Err // its code speaks of requests
	}
	return &ckpt.Error{Code: ckpt.Unknown, Message: what + ": " + err.Error(), Err: err}
}
