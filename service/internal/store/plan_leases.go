package store

import (
	"time"

	"github.com/ckptbus/ckpt"
)

// PlanLeasesAcquire plans a leases.acquire.
func PlanLeasesAcquire(v *View, q *ckpt.LeasesAcquireRequest, _ *ckpt.LeaseReply, e *Entry) error {
	if err := v.checkLease(q.TTL); err != nil {
		return err
	}
	if v.lease.held() && v.lease.owner != q.Owner {
		return v.notHeld("the thread's lease is not free")
	}
	v.hold(q.Owner, q.TTL, e)
	return nil
}

// PlanLeasesRenew plans a leases.renew.
func PlanLeasesRenew(v *View, q *ckpt.LeasesRenewRequest, _ *ckpt.LeaseReply, e *Entry) error {
	if err := v.checkLease(q.TTL); err != nil {
		return err
	}
	if !v.lease.held() || q.Token != v.lease.token {
		return v.notHeld("lease %d is not the thread's any more", q.Token)
	}
	e.RequestID = "" // to renew twice is harmless, and must not push out the answers of writes
	v.hold(v.lease.owner, q.TTL, e)
	return nil
}

// hold plans that an owner has the lease for a time; the reply is known when the
// entry is applied. That of who has it already is void once it has run out, since
// by then it is a new one.
func (v *View) hold(owner string, ttl time.Duration, e *Entry) {
	e.Hold = &lease{owner: owner, expires: v.now + ttl.Milliseconds(), token: v.lease.token}
	e.Until = v.lease.expires
}

func (v *View) checkLease(ttl time.Duration) error {
	limits := v.store.opts.Limits
	if ms := ttl.Milliseconds(); ms < limits.LeaseMin || ms > limits.LeaseMax {
		return ckpt.Errorf(ckpt.InvalidArgument, "ttl_ms %d: want %d to %d (lease_min_ms, lease_max_ms)", ms, limits.LeaseMin, limits.LeaseMax)
	}
	return nil
}

// PlanLeasesRelease plans a leases.release.
func PlanLeasesRelease(v *View, q *ckpt.LeasesReleaseRequest, a *ckpt.LeasesReleaseReply, e *Entry) error {
	if a.Released = v.lease.held() && q.Token == v.lease.token; a.Released {
		e.Hold, e.Until = &lease{}, v.lease.expires
	}
	return nil
}

// PlanLeasesGet answers a leases.get: a plan without effect.
func PlanLeasesGet(v *View, _ *ckpt.LeasesGetRequest, a *ckpt.LeaseReply, _ *Entry) error {
	if !v.lease.held() {
		return v.notFound("nobody holds the thread's lease")
	}
	*a = *v.lease.reply()
	return nil
}
