package store

import (
	"testing"

	"github.com/ckptbus/ckpt"
)

// A snapshot that came when its thread had moved on stays only together with the
// records that the thread needs: alone it would bring back what the thread was.
func TestFloorBesideStaleSnapshot(t *testing.T) {
	t.Parallel()
	s := New(Options{Limits: ckpt.LimitsFor(1 << 20), Window: 1024})
	put := func(thread string, revision uint64) {
		t.Helper()
		q := &ckpt.StatePutRequest{State: ckpt.Raw{byte(revision)}}
		ref := ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: thread}}
		w := newWrite(ckpt.StatePut.Name, ref, planned(PlanStatePut, q))
		if ok, _, err := s.Plan(w, 1); !ok || err != nil || !s.Apply(&w.Entry, 1, revision, revision, func(Change) {}) {
			t.Fatalf("the put at %d was not applied: %v", revision, err)
		}
	}
	restore := func(e Entry, revision uint64) bool {
		return s.Apply(&e, 1, revision, revision, func(Change) {})
	}
	put("t", 1)
	stale, _ := s.Snapshot("t", 1)
	put("t", 2)
	put("u", 3)
	if restore(stale, 4) {
		t.Error("a stale snapshot was applied")
	}
	if fresh, _ := s.Snapshot("t", 1); !restore(fresh, 5) {
		t.Error("a snapshot was not applied")
	}
	if oldest := s.Oldest(6); oldest != 3 {
		t.Errorf("the threads need the records from %d on, want 3", oldest)
	}
	if floor := s.Floor(6); floor != 1 {
		t.Errorf("the records from %d on have to stay, want 1: the thread of the snapshot begins there", floor)
	}
	fresh, _ := s.Snapshot("u", 1)
	if !restore(fresh, 6) || s.Floor(7) != 5 {
		t.Error("a stale snapshot holds the head for ever")
	}
}
