package store

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/ckptbus/ckpt"
	"pgregory.net/rapid"
)

// A table finds what a map does, however it grows and shrinks.
func TestTable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var x table
		want := make(map[string]*thread)
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 60), 0, 400).Draw(t, "toggled") {
			id := fmt.Sprint(n)
			if th := want[id]; th != nil {
				x.remove(th)
				delete(want, id)
			} else {
				want[id] = &thread{id: id}
				x.add(want[id])
			}
			for n := range 61 {
				if id := fmt.Sprint(n); x.get(id) != want[id] {
					t.Fatalf("thread %s: found %v, want %v", id, x.get(id), want[id])
				}
			}
			got := make(map[string]*thread)
			for th := range x.all {
				got[th.id] = th
			}
			if !maps.Equal(got, want) || x.used != len(want) {
				t.Fatalf("%d threads, counted %d, want %d", len(got), x.used, len(want))
			}
		}
	})
}

// The listing keeps the order of creation while thousands of threads come and go.
func TestDirectoryOrder(t *testing.T) {
	t.Parallel()
	s := New(Options{Limits: ckpt.LimitsFor(1 << 20)})
	revision := uint64(0)
	commit := func(id string, plan Plan) {
		t.Helper()
		w := newWrite("x", ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: id}}, plan)
		if _, err := s.Commit(w, 1, func() uint64 { revision++; return revision }, func(Change) {}); err != nil {
			t.Fatal(err)
		}
	}
	var want []string
	for i := range 5000 {
		id := fmt.Sprint("t", i)
		commit(id, planned(PlanStatePut, &ckpt.StatePutRequest{State: ckpt.Raw{1}}))
		want = append(want, id)
		if i%5 != 0 { // most go soon, which squeezes the directory now and then
			at := i * 7 % len(want)
			commit(want[at], planned(PlanThreadsClean, &ckpt.ThreadsCleanRequest{}))
			want = slices.Delete(want, at, at+1)
		}
	}
	a, err := queried(s.ThreadsList, &ckpt.ThreadsListRequest{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, raw := range a.Threads {
		id, _ := raw.Get("thread_id").Str()
		got = append(got, id)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d threads, want %d in the order of their creation", len(got), len(want))
	}
	if len(s.directory.threads) > 4*len(want) {
		t.Errorf("the directory has %d places for %d threads", len(s.directory.threads), len(want))
	}
	checkStore(t, s, 0)
}
