package client_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/nats-io/nats.go"
)

// ended waits for the end of a lease's context and returns its cause.
func ended(t *testing.T, l *client.Lease) error {
	t.Helper()
	select {
	case <-l.Context().Done():
	case <-time.After(patience):
		t.Fatal("the context does not end")
	}
	return context.Cause(l.Context())
}

// A lease that is held outlives its time, many times over, and nobody else can take
// it until it is released.
func TestHoldLease(t *testing.T) {
	t.Parallel()
	c, _ := connect[string](t, store(t, bus.Options{}))
	ctx := within(t, patience)
	const ttl = time.Second // so long that a busy machine renews in time
	l := must[*client.Lease](t)(c.HoldLease(ctx, "t", "ann", ttl))
	first := must[ckpt.LeaseReply](t)(c.GetLease(ctx, "t"))
	for expires := first.ExpiresAt; expires.Before(first.ExpiresAt.Add(3 * ttl)); {
		a := must[ckpt.LeaseReply](t)(c.GetLease(ctx, "t"))
		if a.Token != l.Token() || a.Owner != "ann" || l.Context().Err() != nil {
			t.Fatalf("lease %+v, want token %d, still held (%v)", a, l.Token(), context.Cause(l.Context()))
		}
		expires = a.ExpiresAt
		if _, err := c.HoldLease(ctx, "t", "bob", ttl); failure(t, err).Lease != l.Token() {
			t.Fatalf("bob: %v", err)
		}
	}
	must[ckpt.StatePutReply](t)(c.PutState(l.Context(), "t", "x", client.WithLease(l.Token())))
	for range 2 {
		if err := l.Release(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if cause := ended(t, l); errors.Is(cause, client.ErrLeaseLost) {
		t.Errorf("released, and the context says %v", cause)
	}
	next := must[*client.Lease](t)(c.HoldLease(ctx, "t", "bob", ttl))
	defer next.Release(ctx)
	if _, err := c.PutState(ctx, "t", "y", client.WithLease(l.Token())); !errors.Is(err, ckpt.ErrConflict) || failure(t, err).Lease != next.Token() {
		t.Errorf("under the old lease: %v", err)
	}
}

// leaseService answers leases by hand: acquire gives token 5, and renew does as the
// test says.
func leaseService(t *testing.T, srv *bus.Server, renew func(n int64, q *ckpt.LeasesRenewRequest, m *nats.Msg)) {
	serve(t, srv, ckpt.LeasesAcquire, func(_ int64, q *ckpt.LeasesAcquireRequest, m *nats.Msg) {
		answer(t, m, &ckpt.LeaseReply{Token: 5, Owner: q.Owner, ExpiresAt: time.Now().Add(q.TTL)})
	})
	serve(t, srv, ckpt.LeasesRenew, renew)
	serve(t, srv, ckpt.LeasesRelease, func(_ int64, _ *ckpt.LeasesReleaseRequest, m *nats.Msg) {
		answer(t, m, &ckpt.LeasesReleaseReply{})
	})
}

// Where another holds the lease, its former holder's context ends with the reason.
func TestLeaseTaken(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	leaseService(t, srv, func(n int64, q *ckpt.LeasesRenewRequest, m *nats.Msg) {
		if q.ThreadID != "t" || q.UserID != "u" || q.Token != 5 || q.TTL != 1500*time.Millisecond || q.Expected != (ckpt.Condition{}) || q.RequestID == "r" {
			t.Errorf("renewed by %+v", q)
		}
		if n < 3 {
			answer(t, m, &ckpt.LeaseReply{Token: 5, Owner: "ann", ExpiresAt: time.Now().Add(q.TTL)})
			return
		}
		refuse(t, m, ckpt.Conflict)
	})
	c, _ := connect[string](t, srv)
	l := must[*client.Lease](t)(c.HoldLease(t.Context(), "t", "ann", 1500*time.Millisecond, client.User("u"), client.RequestID("r"), client.ExpectedRevision(0)))
	if l.Token() != 5 {
		t.Errorf("token %d", l.Token())
	}
	if cause := ended(t, l); !errors.Is(cause, client.ErrLeaseLost) || !errors.Is(cause, ckpt.ErrConflict) {
		t.Errorf("the context ended with %v", cause)
	}
	if err := l.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

// A lease that cannot be renewed is lost when it may have run out, not before.
func TestLeaseNotRenewed(t *testing.T) {
	t.Parallel()
	for name, renew := range map[string]func(*testing.T) func(int64, *ckpt.LeasesRenewRequest, *nats.Msg){
		"silence": func(*testing.T) func(int64, *ckpt.LeasesRenewRequest, *nats.Msg) {
			return silent[ckpt.LeasesRenewRequest]
		},
		"refusals": func(t *testing.T) func(int64, *ckpt.LeasesRenewRequest, *nats.Msg) {
			return func(_ int64, _ *ckpt.LeasesRenewRequest, m *nats.Msg) { refuse(t, m, ckpt.Internal) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := bustest.Start(t)
			leaseService(t, srv, renew(t))
			c, _ := connect[string](t, srv)
			begin := time.Now()
			const ttl = 300 * time.Millisecond
			l := must[*client.Lease](t)(c.HoldLease(t.Context(), "t", "ann", ttl))
			if cause := ended(t, l); !errors.Is(cause, client.ErrLeaseLost) || errors.Is(cause, ckpt.ErrConflict) {
				t.Errorf("the context ended with %v", cause)
			}
			if took := time.Since(begin); took < ttl {
				t.Errorf("given up after %v, and it runs for %v", took, ttl)
			}
		})
	}
}

// One renewal that fails is made good by the next.
func TestLeaseRenewedLater(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	renewed := make(chan struct{}, 100)
	leaseService(t, srv, func(n int64, q *ckpt.LeasesRenewRequest, m *nats.Msg) {
		if n%2 == 1 {
			refuse(t, m, ckpt.Internal)
			return
		}
		answer(t, m, &ckpt.LeaseReply{Token: 5, Owner: "ann", ExpiresAt: time.Now().Add(q.TTL)})
		renewed <- struct{}{}
	})
	c, _ := connect[string](t, srv)
	l := must[*client.Lease](t)(c.HoldLease(t.Context(), "t", "ann", 1500*time.Millisecond))
	for range 5 {
		select {
		case <-renewed:
		case <-l.Context().Done():
			t.Fatal(context.Cause(l.Context()))
		}
	}
	if err := l.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

// Whatever a lease stands on takes it along when it ends.
func TestLeaseEnds(t *testing.T) {
	t.Parallel()
	srv := store(t, bus.Options{})
	c, _ := connect[string](t, srv)
	ctx, cancel := context.WithCancelCause(t.Context())
	l := must[*client.Lease](t)(c.HoldLease(ctx, "t", "ann", time.Hour))
	why := errors.New("enough")
	cancel(why)
	if cause := ended(t, l); cause != why {
		t.Errorf("the context ended with %v", cause)
	}
	if a := must[ckpt.LeaseReply](t)(c.GetLease(t.Context(), "t")); a.Token != l.Token() {
		t.Errorf("it is held under %d, want %d until it is released", a.Token, l.Token())
	}
	l = must[*client.Lease](t)(c.HoldLease(t.Context(), "t", "ann", time.Hour))
	c.Close()
	if cause := ended(t, l); !errors.Is(cause, client.ErrClosed) || !errors.Is(cause, client.ErrLeaseLost) {
		t.Errorf("the context ended with %v", cause)
	}
	if err := l.Release(t.Context()); !errors.Is(err, client.ErrClosed) {
		t.Errorf("released by a client that is closed: %v", err)
	}
}
