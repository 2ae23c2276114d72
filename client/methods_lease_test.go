package client_test

import (
	"context"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/nats-io/nats.go"
)

func TestLeaseMethods(t *testing.T) {
	t.Parallel()
	type (
		ctx = context.Context
		cl  = *client.Client[string]
	)
	srv := bustest.Start(t)
	write := ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: "t", UserID: "u"}, Terms: ckpt.Terms{RequestID: "r", Expected: ckpt.AtRevision(3), Lease: 4}}
	opts := []client.LeaseOption{client.User("u"), client.RequestID("r"), client.ExpectedRevision(3), client.WithLease(4)}
	lease := ckpt.LeaseReply{Reply: ckpt.Reply{Revision: 7, StoreID: "s"}, Token: 5, Owner: "w", ExpiresAt: time.UnixMilli(1_800_000_000_456).UTC()}

	check(t, srv, ckpt.LeasesAcquire, ckpt.LeasesAcquireRequest{WriteRef: write, Owner: "w", TTL: time.Minute},
		func(q *ckpt.LeasesAcquireRequest) *string { return &q.RequestID }, lease, lease,
		form[ckpt.LeaseReply]{
			func(x ctx, c cl) (ckpt.LeaseReply, error) { return c.AcquireLease(x, "t", "w", time.Minute, opts...) },
			func(x ctx, c cl) *client.Future[ckpt.LeaseReply] {
				return c.AcquireLeaseAsync(x, "t", "w", time.Minute, opts...)
			}})
	check(t, srv, ckpt.LeasesRenew, ckpt.LeasesRenewRequest{WriteRef: write, Token: 5, TTL: time.Minute},
		func(q *ckpt.LeasesRenewRequest) *string { return &q.RequestID }, lease, lease,
		form[ckpt.LeaseReply]{
			func(x ctx, c cl) (ckpt.LeaseReply, error) { return c.RenewLease(x, "t", 5, time.Minute, opts...) },
			func(x ctx, c cl) *client.Future[ckpt.LeaseReply] {
				return c.RenewLeaseAsync(x, "t", 5, time.Minute, opts...)
			}})
	released := ckpt.LeasesReleaseReply{Reply: lease.Reply, Released: true}
	check(t, srv, ckpt.LeasesRelease, ckpt.LeasesReleaseRequest{WriteRef: ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: "t"}}, Token: 5},
		func(q *ckpt.LeasesReleaseRequest) *string { return &q.RequestID }, released, released,
		form[ckpt.LeasesReleaseReply]{
			func(x ctx, c cl) (ckpt.LeasesReleaseReply, error) { return c.ReleaseLease(x, "t", 5) },
			func(x ctx, c cl) *client.Future[ckpt.LeasesReleaseReply] { return c.ReleaseLeaseAsync(x, "t", 5) }})
	check(t, srv, ckpt.LeasesGet, ckpt.LeasesGetRequest{ThreadRef: write.ThreadRef}, nil, lease, lease,
		form[ckpt.LeaseReply]{
			func(x ctx, c cl) (ckpt.LeaseReply, error) { return c.GetLease(x, "t", client.User("u")) },
			func(x ctx, c cl) *client.Future[ckpt.LeaseReply] { return c.GetLeaseAsync(x, "t", client.User("u")) }})
}

// Every write can be made under a lease.
func TestWithLease(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[string](t, srv)
	asked := make(chan uint64, 1)
	serve(t, srv, ckpt.ThreadsPut, func(_ int64, q *ckpt.ThreadsPutRequest, m *nats.Msg) {
		asked <- q.Lease
		answer(t, m, &ckpt.ThreadsPutReply{})
	})
	for _, token := range []uint64{9, 0} {
		if _, err := c.PutThread(t.Context(), ckpt.ThreadInfo{ThreadID: "t"}, client.WithLease(token)); err != nil {
			t.Fatal(err)
		}
		if got := <-asked; got != token {
			t.Errorf("lease %d, want %d", got, token)
		}
	}
}
