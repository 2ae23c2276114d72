package store

import (
	"fmt"
	"testing"

	"github.com/ckptbus/ckpt"
)

// What stays of the journal behind the floor makes the same store again, also
// where a snapshot was overtaken by a change: whoever starts there must not
// take it.
func TestFloorOfOvertakenSnapshot(t *testing.T) {
	t.Parallel()
	const now = 1758400000000
	s := New(Options{Window: 1024})
	var journal []Entry
	apply := func(s *Store, e Entry, revision uint64) {
		s.Apply(&e, now, revision, revision, func(Change) {})
	}
	write := func(e Entry) {
		journal = append(journal, e)
		apply(s, e, uint64(len(journal)))
	}
	put := func(thread string, base uint64) Entry {
		e := Entry{Kind: "state.put", At: now, Base: base, State: change{value: ckpt.Raw{byte(base)}}}
		e.ThreadID = thread
		return e
	}
	snapshot := func(thread string) Entry {
		e, _ := s.Snapshot(thread, now)
		return e
	}
	write(put("t", 0))
	overtaken := snapshot("t")
	write(put("t", 1))
	write(put("u", 0)) // which needs the records from here on
	write(overtaken)
	write(snapshot("t"))

	floor := s.Floor(uint64(len(journal) + 1))
	again := New(Options{Window: 1024})
	for i, e := range journal {
		if revision := uint64(i + 1); revision >= floor {
			apply(again, e, revision)
		}
	}
	for _, thread := range []string{"t", "u"} {
		q := &ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{ThreadID: thread}}}
		want, err := queried(s.StateGet, q, now)
		got, errAgain := queried(again.StateGet, q, now)
		if err != nil || errAgain != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("thread %s from record %d on: %+v %v, want %+v %v", thread, floor, got, errAgain, want, err)
		}
	}

	write(snapshot("u"))
	if floor := s.Floor(uint64(len(journal) + 1)); floor != 5 {
		t.Errorf("the floor is %d, want that of the snapshot that counts", floor)
	}
}
