package store

import (
	"time"

	"github.com/ckptbus/ckpt"
	"pgregory.net/rapid"
)

// modelLease is a thread's lease in the model.
type modelLease struct {
	owner   string
	expires int64
	token   uint64
}

// lease returns the lease as it is now; the zero value is nobody's.
func (m *model) lease(id string) modelLease {
	if l := m.leases[id]; l.expires > m.now {
		return l
	}
	return modelLease{}
}

// token draws the lease that a write to a thread is made under: mostly none, or the
// present one, or one that was or will be.
func (r *run) token(id string) uint64 {
	present := r.model.lease(id).token
	return rapid.SampledFrom([]uint64{0, 0, 0, present, present, r.model.leases[id].token, present + 1}).Draw(r.T, "lease")
}

// commitLease carries out a change of a lease on both sides. next is what the
// model's lease becomes, with token 0 where it is a new one; code is the error where
// it must be refused, and changes whether it is another lease then.
func (r *run) commitLease(ref ckpt.WriteRef, kind string, plan Plan, code ckpt.Code, changes bool, next modelLease) {
	m := &r.model
	ended := m.expired(ref.ThreadID) // which is told before anything else
	m.drop(ref.ThreadID)
	told := uint64(0)
	if t := m.find(ref.ThreadID); t != nil {
		told = m.last[ref.ThreadID]
		if t.owner != "" && ref.UserID != "" && t.owner != ref.UserID {
			code = ckpt.PermissionDenied
		}
	}
	before := m.revision
	r.changes = nil
	a, err := r.store.Commit(newWrite(kind, ref, plan), m.now, r.next, r.change)
	if len(r.changes) != one(ended) || ended && r.changes[0].Kind != ckpt.KindExpired {
		r.Fatalf("%s is told as %+v", kind, r.changes)
	}
	before += uint64(one(ended))
	if code != 0 {
		if e, ok := err.(*ckpt.Error); !ok || e.Code != code || code == ckpt.Conflict && e.Lease != m.lease(ref.ThreadID).token {
			r.Fatalf("%s %+v: %v, want %s", kind, ref, err, code)
		}
		changes = false
	} else if err != nil || a.Revision != told {
		r.Fatalf("%s %+v: %+v, %v, want revision %d", kind, ref, a, err, told)
	}
	if want := before + uint64(one(changes)); m.revision != want {
		r.Fatalf("%s %+v: revision %d of the store, want %d", kind, ref, m.revision, want)
	}
	if !changes {
		return
	}
	if next.owner != "" && next.token == 0 {
		next.token = m.revision
	}
	m.leases[ref.ThreadID] = next
	if next.owner != "" {
		var got ckpt.LeaseReply
		if err := ckpt.Decode(a.Answer, &got); err != nil || (modelLease{got.Owner, got.ExpiresAt.UnixMilli(), got.Token}) != next {
			r.Fatalf("%s %+v: %+v, %v, want %+v", kind, ref, got, err, next)
		}
	}
}

func (r *run) leaseRef() ckpt.WriteRef {
	return ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: threadID.Draw(r.T, "thread"), UserID: userID.Draw(r.T, "user")}}
}

var leaseTime = rapid.SampledFrom([]time.Duration{0, ckpt.MinLease, time.Minute, time.Minute, ckpt.MaxLease, ckpt.MaxLease + time.Second})

// leaseCode is the error of a lease of that time.
func leaseCode(ttl time.Duration, held bool) ckpt.Code {
	switch {
	case ttl < ckpt.MinLease || ttl > ckpt.MaxLease:
		return ckpt.InvalidArgument
	case !held:
		return ckpt.Conflict
	}
	return 0
}

func (r *run) acquireLease() {
	ref, m := r.leaseRef(), &r.model
	q := &ckpt.LeasesAcquireRequest{Owner: rapid.SampledFrom([]string{"w1", "w2"}).Draw(r.T, "owner"), TTL: leaseTime.Draw(r.T, "ttl")}
	l := m.lease(ref.ThreadID)
	r.commitLease(ref, "leases.acquire", planned(PlanLeasesAcquire, q), leaseCode(q.TTL, l.owner == "" || l.owner == q.Owner), true,
		modelLease{q.Owner, m.now + q.TTL.Milliseconds(), l.token})
}

func (r *run) renewLease() {
	ref, m := r.leaseRef(), &r.model
	q := &ckpt.LeasesRenewRequest{Token: max(1, r.token(ref.ThreadID)), TTL: leaseTime.Draw(r.T, "ttl")}
	l := m.lease(ref.ThreadID)
	r.commitLease(ref, "leases.renew", planned(PlanLeasesRenew, q), leaseCode(q.TTL, l.token == q.Token), true,
		modelLease{l.owner, m.now + q.TTL.Milliseconds(), l.token})
}

func (r *run) releaseLease() {
	ref, m := r.leaseRef(), &r.model
	q := &ckpt.LeasesReleaseRequest{Token: max(1, r.token(ref.ThreadID))}
	r.commitLease(ref, "leases.release", planned(PlanLeasesRelease, q), 0, m.lease(ref.ThreadID).token == q.Token, modelLease{})
}

// checkLeases compares the leases of all threads with the model.
func (r *run) checkLeases() {
	m := &r.model
	for id := range m.leases {
		var a ckpt.LeaseReply
		w := newWrite("leases.get", ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: id}}, func(v *View, e *Entry) error { return PlanLeasesGet(v, nil, &a, e) })
		w.Own = true // it may be asked of a thread that has expired
		entry, _, err := r.store.Plan(w, m.now)
		want := m.lease(id)
		if entry || (err == nil) != (want.owner != "") || err == nil && (modelLease{a.Owner, a.ExpiresAt.UnixMilli(), a.Token}) != want {
			r.Fatalf("%s: lease %+v, %v, want %+v", id, a, err, want)
		}
	}
}
