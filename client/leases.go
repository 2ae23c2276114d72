package client

import (
	"context"
	"time"

	"github.com/ckptbus/ckpt"
)

// AcquireLease takes the lease of the thread for an owner, an ID that no other
// worker has, and for a time of [ckpt.MinLease] to [ckpt.MaxLease] in whole
// milliseconds. The owner's own lease is renewed by it; where another holds it the
// error is a Conflict with the present lease's token. See [Client.HoldLease], which
// renews it too.
func (c *Client[S]) AcquireLease(ctx context.Context, thread, owner string, ttl time.Duration, opts ...LeaseOption) (ckpt.LeaseReply, error) {
	return acquireLease(ctx, c.transport, thread, owner, ttl, opts).result()
}

// AcquireLeaseAsync is [Client.AcquireLease] without waiting for the reply.
func (c *Client[S]) AcquireLeaseAsync(ctx context.Context, thread, owner string, ttl time.Duration, opts ...LeaseOption) *Future[ckpt.LeaseReply] {
	return acquireLease(ctx, c.transport, thread, owner, ttl, opts).begin()
}

func acquireLease(ctx context.Context, t *transport, thread, owner string, ttl time.Duration, opts []LeaseOption) *Future[ckpt.LeaseReply] {
	k := newCall(ctx, t, &ckpt.LeasesAcquire, thread, itself)
	k.request = ckpt.LeasesAcquireRequest{WriteRef: writeWith(thread, opts), Owner: owner, TTL: ttl}
	return k.encode(nil)
}

// RenewLease has the lease with the token end as long from now. Where it is held no
// longer the error is a Conflict with the present lease's token.
func (c *Client[S]) RenewLease(ctx context.Context, thread string, token uint64, ttl time.Duration, opts ...LeaseOption) (ckpt.LeaseReply, error) {
	return renewLease(ctx, c.transport, thread, token, ttl, opts).result()
}

// RenewLeaseAsync is [Client.RenewLease] without waiting for the reply.
func (c *Client[S]) RenewLeaseAsync(ctx context.Context, thread string, token uint64, ttl time.Duration, opts ...LeaseOption) *Future[ckpt.LeaseReply] {
	return renewLease(ctx, c.transport, thread, token, ttl, opts).begin()
}

func renewLease(ctx context.Context, t *transport, thread string, token uint64, ttl time.Duration, opts []LeaseOption) *Future[ckpt.LeaseReply] {
	k := newCall(ctx, t, &ckpt.LeasesRenew, thread, itself)
	k.request = ckpt.LeasesRenewRequest{WriteRef: writeWith(thread, opts), Token: token, TTL: ttl}
	return k.encode(nil)
}

// ReleaseLease ends the lease with the token. It need not be held any more.
func (c *Client[S]) ReleaseLease(ctx context.Context, thread string, token uint64, opts ...LeaseOption) (ckpt.LeasesReleaseReply, error) {
	return releaseLease(ctx, c.transport, thread, token, opts).result()
}

// ReleaseLeaseAsync is [Client.ReleaseLease] without waiting for the reply.
func (c *Client[S]) ReleaseLeaseAsync(ctx context.Context, thread string, token uint64, opts ...LeaseOption) *Future[ckpt.LeasesReleaseReply] {
	return releaseLease(ctx, c.transport, thread, token, opts).begin()
}

func releaseLease(ctx context.Context, t *transport, thread string, token uint64, opts []LeaseOption) *Future[ckpt.LeasesReleaseReply] {
	k := newCall(ctx, t, &ckpt.LeasesRelease, thread, itself)
	k.request = ckpt.LeasesReleaseRequest{WriteRef: writeWith(thread, opts), Token: token}
	return k.encode(nil)
}

func writeWith(thread string, opts []LeaseOption) ckpt.WriteRef {
	ref := write(thread)
	for _, o := range opts {
		o.lease(&ref)
	}
	return ref
}

// GetLease returns who holds the lease of the thread, NotFound where nobody does. It
// knows of every lease that was answered before.
func (c *Client[S]) GetLease(ctx context.Context, thread string, opts ...GetLeaseOption) (ckpt.LeaseReply, error) {
	return c.getLease(ctx, thread, opts).result()
}

// GetLeaseAsync is [Client.GetLease] without waiting for the reply.
func (c *Client[S]) GetLeaseAsync(ctx context.Context, thread string, opts ...GetLeaseOption) *Future[ckpt.LeaseReply] {
	return c.getLease(ctx, thread, opts).begin()
}

func (c *Client[S]) getLease(ctx context.Context, thread string, opts []GetLeaseOption) *Future[ckpt.LeaseReply] {
	k := newCall(ctx, c.transport, &ckpt.LeasesGet, thread, itself)
	k.request = ckpt.LeasesGetRequest{ThreadRef: ckpt.ThreadRef{ThreadID: thread}}
	for _, o := range opts {
		o.getLease(&k.request)
	}
	return k.encode(nil)
}
