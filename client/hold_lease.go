package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ckptbus/ckpt"
)

// ErrLeaseLost is in the cause of a lease's context when the lease was lost.
var ErrLeaseLost = errors.New("the lease is lost")

// errReleased is the cause of a lease's context when the lease was released.
var errReleased = errors.New("the lease was released")

// Lease is a lease that is renewed in the background, made by [Client.HoldLease].
type Lease struct {
	t      *transport
	thread string
	user   User
	token  uint64
	ttl    time.Duration

	ctx  context.Context
	end  context.CancelCauseFunc
	over chan struct{} // closed when nothing renews it any more
}

// HoldLease takes the lease of the thread as [Client.AcquireLease] does, and renews
// it after each third of its time until it is released, ctx ends, or the client is
// closed. Where another holds it the error is a Conflict with the present lease's
// token. The owner must be a name that no other worker has, nor the same one before
// it was restarted: a worker of that name has the same token.
//
// Give the work [Lease.Context], and its writes [WithLease] of [Lease.Token]:
// what the work writes too late all the same is refused.
//
// Of opts, the renewals have the [User].
func (c *Client[S]) HoldLease(ctx context.Context, thread, owner string, ttl time.Duration, opts ...LeaseOption) (*Lease, error) {
	asked := time.Now() // the lease cannot run out sooner than its time after this
	a, err := acquireLease(ctx, c.transport, thread, owner, ttl, opts).result()
	if err != nil {
		return nil, err
	}
	l := &Lease{t: c.transport, thread: thread, user: User(writeWith(thread, opts).UserID), token: a.Token, ttl: ttl, over: make(chan struct{})}
	l.ctx, l.end = context.WithCancelCause(ctx)
	stopFollowing := context.AfterFunc(c.ctx, func() { l.lose(closedError(context.Cause(c.ctx))) })
	go func() {
		defer close(l.over)
		defer stopFollowing()
		l.keep(asked.Add(ttl))
	}()
	return l, nil
}

// keep renews the lease, which runs out at the deadline, until its context ends.
func (l *Lease) keep(deadline time.Time) {
	pause := l.ttl / 20 // between renewals that fail at once
	for {
		due := time.NewTimer(max(time.Until(deadline.Add(-2*l.ttl/3)), pause))
		select {
		case <-due.C:
		case <-l.ctx.Done():
			due.Stop()
			return
		}
		asked := time.Now()
		ctx, cancel := context.WithDeadline(l.ctx, deadline)
		_, err := renewLease(ctx, l.t, l.thread, l.token, l.ttl, []LeaseOption{l.user}).result()
		cancel()
		switch {
		case err == nil:
			deadline = asked.Add(l.ttl)
		case refused(err):
			l.lose(err)
			return
		case !time.Now().Before(deadline):
			l.lose(fmt.Errorf("it was not renewed in time: %w", err))
			return
		}
	}
}

// refused reports whether the error will not pass.
func refused(err error) bool {
	var e *ckpt.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case ckpt.Unknown, ckpt.Overloaded, ckpt.Internal, ckpt.Unavailable:
		return false
	}
	return true
}

func (l *Lease) lose(err error) { l.end(fmt.Errorf("%w: %w", ErrLeaseLost, err)) }

// Token returns the lease's token, for [WithLease].
func (l *Lease) Token() uint64 { return l.token }

// Context returns a context for the work that is done under the lease: the one that
// [Client.HoldLease] was given, cancelled when the lease is released or lost. It is
// lost where another holds it, and where it could not be renewed until it might have
// run out; then the [context.Cause] is [ErrLeaseLost] and what led to it.
func (l *Lease) Context() context.Context { return l.ctx }

// Release cancels the lease's context and ends the lease, so that another can take
// it at once. The lease need not be held any more. After an error it runs out by
// itself. Releasing twice is harmless.
func (l *Lease) Release(ctx context.Context) error {
	l.end(errReleased)
	<-l.over
	_, err := releaseLease(ctx, l.t, l.thread, l.token, []LeaseOption{l.user}).result()
	return err
}
