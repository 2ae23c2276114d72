package store

import (
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
)

// A worker takes the lease of a thread before it forks another one to it, and the
// records of that one are cut off. A store that starts then has the lease and lacks the
// fork: it takes the snapshot that follows, and what was done meanwhile with another
// thread.
func TestBehindAFork(t *testing.T) {
	t.Parallel()
	const now = 1000
	var records []Entry
	options := Options{Limits: ckpt.LimitsFor(1 << 20), Window: 4096}
	whole := New(options)
	write := func(w *Write) {
		t.Helper()
		if entry, _, err := whole.Plan(w, now); !entry || err != nil {
			t.Fatalf("%s: an entry: %v, %v", w.Kind, entry, err)
		}
		b, err := w.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		e, err := DecodeEntry(b)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, e)
		n := uint64(len(records))
		if !whole.Apply(&e, now, n, n, func(Change) {}) {
			t.Fatalf("%s was not applied", w.Kind)
		}
	}
	to := func(thread string) ckpt.WriteRef { return ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: thread}} }
	put := func(state byte) Plan {
		return planned(PlanStatePut, &ckpt.StatePutRequest{State: ckpt.Raw{state}})
	}
	snapshot := func(thread string) *Write {
		w := newWrite(kindSnapshot, to(thread), (*View).PlanSnapshot)
		w.Own = true
		return w
	}
	write(newWrite(ckpt.StatePut.Name, to("t"), put(1)))
	write(newWrite(ckpt.LeasesAcquire.Name, to("fork"), planned(PlanLeasesAcquire, &ckpt.LeasesAcquireRequest{Owner: "w", TTL: time.Hour})))
	write(forking("fork"))
	both := newWrite(ckpt.ThreadsTransact.Name, to("other"), put(2))
	both.Group = []*Write{newWrite(ckpt.ThreadsTransact.Name, to("fork"), put(3))}
	write(both)
	write(snapshot("t"))
	write(snapshot("fork"))
	if oldest := whole.Floor(100); oldest != 4 {
		t.Errorf("record %d is needed, want that which made the other thread", oldest)
	}

	late := New(options)
	for i := 2; i <= len(records); i++ {
		late.Apply(&records[i-1], now, uint64(i), uint64(i), func(Change) {})
	}
	for _, thread := range []string{"t", "fork", "other"} {
		q := ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{ThreadID: thread}}}
		want, err := queried(whole.StateGet, &q, now)
		if err != nil {
			t.Fatal(err)
		}
		got, err := queried(late.StateGet, &q, now)
		if err != nil || got.Revision != want.Revision || string(got.State) != string(want.State) {
			t.Errorf("%s: %+v, %v, want %+v", thread, got, err, want)
		}
	}
}
