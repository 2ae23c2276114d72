package store

import (
	"errors"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
)

// What was planned under a lease that runs out before its record is not applied,
// and planned anew it is refused; so is a renewal.
func TestLeaseRunsOutOnTheWay(t *testing.T) {
	t.Parallel()
	const now = 1_000_000
	ref := ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: "t"}}
	acquire := planned(PlanLeasesAcquire, &ckpt.LeasesAcquireRequest{Owner: "w", TTL: time.Second})
	for name, w := range map[string]*Write{
		"write":  newWrite("state.put", ref, planned(PlanStatePut, &ckpt.StatePutRequest{State: ckpt.Raw{1}})),
		"renew":  newWrite("leases.renew", ref, planned(PlanLeasesRenew, &ckpt.LeasesRenewRequest{Token: 5, TTL: time.Second})),
		"extend": newWrite("leases.acquire", ref, acquire),
	} {
		t.Run(name, func(t *testing.T) {
			s := New(Options{Limits: ckpt.LimitsFor(1 << 20), Window: 1000})
			first := newWrite("leases.acquire", ref, acquire)
			if entry, _, err := s.Plan(first, now); !entry || err != nil {
				t.Fatal(err)
			}
			if !s.Apply(&first.Entry, now, 5, 5, func(Change) {}) {
				t.Fatal("the lease was not acquired")
			}
			if name == "write" {
				w.Lease = 5
			}
			if entry, _, err := s.Plan(w, now+999); !entry || err != nil {
				t.Fatal(err)
			}
			if s.Apply(&w.Entry, now+1000, 6, 6, func(Change) {}) {
				t.Error("it was applied when the lease had run out")
			}
			w.Again()
			entry, a, err := s.Plan(w, now+1000)
			if name == "extend" { // it is a new lease now
				if !entry || err != nil || w.Hold.token != 0 {
					t.Errorf("planned anew: %+v, %v", w.Hold, err)
				}
				return
			}
			if e := (*ckpt.Error)(nil); !errors.As(err, &e) || e.Code != ckpt.Conflict || e.Lease != 0 {
				t.Errorf("planned anew: %v, %+v, %v", entry, a, err)
			}
		})
	}
}

// A record that is applied twice, or late, gives nobody a lease that has ended.
func TestLeaseIsNotAcquiredAgain(t *testing.T) {
	t.Parallel()
	const now = 1_000_000
	ref := ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: "t"}}
	s := New(Options{Limits: ckpt.LimitsFor(1 << 20), Window: 1000})
	put := newWrite("state.put", ref, planned(PlanStatePut, &ckpt.StatePutRequest{State: ckpt.Raw{1}}))
	acquire := newWrite("leases.acquire", ref, planned(PlanLeasesAcquire, &ckpt.LeasesAcquireRequest{Owner: "w", TTL: time.Second}))
	release := newWrite("leases.release", ref, planned(PlanLeasesRelease, &ckpt.LeasesReleaseRequest{Token: 2}))
	for i, w := range []*Write{put, acquire, release} {
		if entry, _, err := s.Plan(w, now); !entry || err != nil {
			t.Fatal(err)
		}
		if !s.Apply(&w.Entry, now, uint64(i+1), uint64(i+1), func(Change) {}) {
			t.Fatalf("entry %d was not applied", i)
		}
	}
	for _, w := range []*Write{put, acquire, release} {
		if s.Apply(&w.Entry, now, 9, 9, func(Change) {}) {
			t.Errorf("%s was applied again", w.Kind)
		}
	}
	if a, err := queried(s.StateGet, &ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ref.ThreadRef}}, now); err != nil || a.Revision != 1 {
		t.Errorf("%+v, %v, want revision 1", a, err)
	}
}
