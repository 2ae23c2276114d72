package service

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"pgregory.net/rapid"
)

// listed returns the events of a page.
func listed(t testing.TB, a ckpt.ChangesListReply) (events []ckpt.Event) {
	t.Helper()
	for _, raw := range a.Events {
		var e ckpt.Event
		if err := ckpt.Decode(raw, &e); err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

// events asks for all events, page by page, which must be complete.
func (h *harness) events(q ckpt.ChangesListRequest) (events []ckpt.Event) {
	h.Helper()
	for {
		a := do(h, ckpt.ChangesList, q)
		if !a.Complete || a.Next.StoreID != h.StoreID() {
			h.Fatalf("%+v: complete %t, next %+v", q, a.Complete, a.Next)
		}
		events = append(events, listed(h, a)...)
		if !a.HasMore {
			return events
		}
		q.After, q.Skip, q.Since = a.Next, a.NextSkip, time.Time{}
	}
}

// The list has the events that were published, behind a position, since a time and
// as they are asked for.
func testChangesList(t *testing.T, start starter) {
	h := start(t, setting{})
	w := h.watch()
	var live []ckpt.Event
	change := func(revision uint64) {
		t.Helper()
		live = append(live, w.next())
		if live[len(live)-1].Revision != revision {
			t.Fatalf("event %+v of revision %d", live[len(live)-1], revision)
		}
		h.clock.advance(time.Second)
	}
	ann := ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: "a", UserID: "ann"}, Terms: ckpt.Terms{RequestID: "r1"}}
	change(do(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: ann, State: ckpt.Raw{1}}).Revision)
	change(h.putMessages("a", textMessage(t, 7, "x"), textMessage(t, 8, "x")).Revision)
	change(h.putState("b", ckpt.Raw{1}).Revision)
	change(do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: write1("a")}).Revision)
	change(h.putCache("b", ckpt.Raw{1, 2}[:1], time.Minute).Revision)
	h.settle()
	size := len(textMessage(t, 7, "x")) * 2
	if live[0].Size != 1 || live[1].Size != size || live[3].Size != 0 {
		t.Errorf("sizes %d, %d and %d, want 1, %d and 0", live[0].Size, live[1].Size, live[3].Size, size)
	}

	at := func(i int) ckpt.Position { return ckpt.Position{StoreID: h.StoreID(), Revision: live[i].Revision} }
	for name, c := range map[string]struct {
		q    ckpt.ChangesListRequest
		want []int
	}{
		"all":                       {ckpt.ChangesListRequest{}, []int{0, 1, 2, 3, 4}},
		"one a page":                {ckpt.ChangesListRequest{Limit: 1}, []int{0, 1, 2, 3, 4}},
		"behind a position":         {ckpt.ChangesListRequest{After: at(1)}, []int{2, 3, 4}},
		"behind the last":           {ckpt.ChangesListRequest{After: at(4)}, nil},
		"up to a revision":          {ckpt.ChangesListRequest{After: at(0), Until: live[2].Revision}, []int{1, 2}},
		"up to one before":          {ckpt.ChangesListRequest{After: at(3), Until: live[1].Revision}, nil},
		"since a time":              {ckpt.ChangesListRequest{Since: live[3].At}, []int{3, 4}},
		"since a moment later":      {ckpt.ChangesListRequest{Since: live[3].At.Add(time.Millisecond)}, []int{4}},
		"since a time to come":      {ckpt.ChangesListRequest{Since: live[4].At.Add(time.Hour)}, nil},
		"of a thread":               {ckpt.ChangesListRequest{ThreadID: "a"}, []int{0, 1, 3}},
		"of a thread, one a page":   {ckpt.ChangesListRequest{ThreadID: "a", Limit: 1}, []int{0, 1, 3}},
		"of a user":                 {ckpt.ChangesListRequest{UserID: "ann"}, []int{0, 1, 3}},
		"of nobody's":               {ckpt.ChangesListRequest{UserID: "bob"}, nil},
		"of kinds":                  {ckpt.ChangesListRequest{Kinds: []string{"cache.put", "state.put"}}, []int{0, 2, 4}},
		"of a kind and a thread":    {ckpt.ChangesListRequest{Kinds: []string{"state.put"}, ThreadID: "b"}, []int{2}},
		"some passed over":          {ckpt.ChangesListRequest{Skip: 2}, []int{2, 3, 4}},
		"some of a kind":            {ckpt.ChangesListRequest{Kinds: []string{"state.put"}, Skip: 1}, []int{2}},
		"more passed over than are": {ckpt.ChangesListRequest{Skip: 9}, nil},
		"all seen":                  {ckpt.ChangesListRequest{After: at(1), Until: live[4].Revision, Seen: 3}, nil},
		"all of a kind seen":        {ckpt.ChangesListRequest{Kinds: []string{"state.put"}, Until: live[4].Revision, Seen: 2}, nil},
		"one of them not":           {ckpt.ChangesListRequest{After: at(1), Until: live[4].Revision, Seen: 2}, []int{2, 3, 4}},
	} {
		got := h.events(c.q)
		var want []ckpt.Event
		for _, i := range c.want {
			want = append(want, live[i])
		}
		if !slices.EqualFunc(got, want, func(a, b ckpt.Event) bool {
			x, _ := ckpt.Append(nil, &a)
			y, _ := ckpt.Append(nil, &b)
			return bytes.Equal(x, y)
		}) {
			t.Errorf("%s: got\n%+v, want\n%+v", name, got, want)
		}
	}
	a := do(h, ckpt.ChangesList, ckpt.ChangesListRequest{Since: live[4].At.Add(time.Hour)})
	if a.Next.Revision != a.Revision || a.Revision < live[4].Revision {
		t.Errorf("the position of now is %+v at revision %d, the last change %d", a.Next, a.Revision, live[4].Revision)
	}
	a = do(h, ckpt.ChangesList, ckpt.ChangesListRequest{After: ckpt.Position{StoreID: "another", Revision: live[4].Revision}})
	if a.Complete || len(a.Events) != 5 {
		t.Errorf("behind a position of another store: complete %t, %d events", a.Complete, len(a.Events))
	}
	refused(h, ckpt.InvalidArgument, ckpt.ChangesList, ckpt.ChangesListRequest{After: at(0), Since: live[0].At})
	refused(h, ckpt.InvalidArgument, ckpt.ChangesList, ckpt.ChangesListRequest{Seen: 1})
	refused(h, ckpt.InvalidArgument, ckpt.ChangesList, ckpt.ChangesListRequest{Skip: 1, Since: live[0].At})
}

// What lies behind the ring is told.
func testEventsBehindTheRing(t *testing.T, start starter) {
	h := start(t, setting{options: []Option{WithEventRing(4)}})
	var revisions []uint64
	var first time.Time
	for i := range 10 {
		if h.clock.advance(time.Second); i == 0 {
			first = h.clock.now()
		}
		revisions = append(revisions, h.putState(fmt.Sprint("t", i%3), ckpt.Raw{1}).Revision)
	}
	h.settle()
	for i, revision := range append([]uint64{0}, revisions...) {
		a := do(h, ckpt.ChangesList, ckpt.ChangesListRequest{After: ckpt.Position{StoreID: h.StoreID(), Revision: revision}})
		events := listed(t, a)
		if complete := i >= 6; a.Complete != complete || a.Oldest != revisions[5] || len(events) != min(4, 10-i) {
			t.Errorf("behind %d changes: complete %t, want %t, oldest %d, want %d, %d events", i, a.Complete, complete, a.Oldest, revisions[5], len(events))
		}
	}
	for after, complete := range map[time.Duration]bool{0: false, 5 * time.Second: false, 6 * time.Second: true} {
		a := do(h, ckpt.ChangesList, ckpt.ChangesListRequest{Since: first.Add(after)})
		if a.Complete != complete || len(a.Events) != 4 {
			t.Errorf("since %v: complete %t, want %t, %d events", after, a.Complete, complete, len(a.Events))
		}
	}
}

// Changes that share a revision are not lost where a page ends between them.
func testEventsOfOneRevision(t *testing.T, start starter) {
	h := start(t, setting{options: []Option{AllowRelease()}})
	for i := range 11 {
		h.putState(fmt.Sprint("t", i), ckpt.Raw{1})
	}
	last := do(h, ckpt.Release, ckpt.ReleaseRequest{Confirm: h.prefix}).Revision
	last = max(last, h.putState("after", ckpt.Raw{1}).Revision)
	h.settle()
	for _, q := range []ckpt.ChangesListRequest{{Limit: 1}, {Limit: 3}, {Limit: 4, Kinds: []string{"release", "state.put"}}, {}} {
		threads := make(map[string]int)
		revision := uint64(0)
		for _, e := range h.events(q) {
			threads[e.Kind+" "+e.ThreadID]++
			if e.Revision < revision {
				t.Errorf("limit %d: revision %d behind %d", q.Limit, e.Revision, revision)
			}
			revision = e.Revision
		}
		for event, n := range threads {
			if n != 1 {
				t.Errorf("limit %d: %s is there %d times", q.Limit, event, n)
			}
		}
		if len(threads) != 23 || revision != last {
			t.Errorf("limit %d: %d events up to revision %d, want 23 up to %d", q.Limit, len(threads), revision, last)
		}
	}
}

// A ring behaves as a list of all events would of which the last are kept.
func TestEventRing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(0, 9).Draw(t, "size")
		r := newEventRing(size)
		var all []ringSlot // in the order of their revisions
		floor := uint64(0)
		revision := uint64(0)
		for range rapid.IntRange(0, 60).Draw(t, "events") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0: // two that swap places
				if size > 1 {
					a := ringSlot{revision + 1, 1, []byte{byte(revision + 1)}}
					b := ringSlot{revision + 2, 2, []byte{byte(revision + 2)}}
					revision += 2
					r.add(b.revision, b.at, b.event)
					r.add(a.revision, a.at, a.event)
					all = append(all, a, b)
				}
			case 1:
				floor = max(floor, revision)
				r.missed(revision, 0)
			default:
				revision += uint64(rapid.IntRange(0, 2).Draw(t, "step"))
				if revision <= r.floor {
					revision = r.floor + 1
				}
				s := ringSlot{revision, int64(revision), []byte(fmt.Sprint(revision))}
				r.add(s.revision, s.at, s.event)
				all = append(all, s)
			}
		}
		if n := len(all) - size; n > 0 {
			floor = max(floor, all[n-1].revision)
		}
		after := uint64(rapid.IntRange(0, int(revision)+1).Draw(t, "after"))
		upTo := uint64(rapid.IntRange(0, int(revision)+1).Draw(t, "up to"))
		x := r.read(span{after: after, upTo: upTo, seen: -1, room: 1 << 20})
		if x.floor != floor || x.complete != (after >= floor) {
			t.Fatalf("floor %d, complete behind %d: %t; want %d", x.floor, after, x.complete, floor)
		}
		want := all[:0:0]
		for _, s := range all {
			if s.revision > max(after, floor) && s.revision <= upTo {
				want = append(want, s)
			}
		}
		if !slices.EqualFunc(x.slots, want, func(a, b ringSlot) bool {
			return a.revision == b.revision && a.at == b.at && bytes.Equal(a.event, b.event)
		}) {
			t.Fatalf("behind %d up to %d of a ring of %d: %v, want %v", after, upTo, size, x.slots, want)
		}
	})
}

// All events together are bounded in bytes.
func TestEventRingBytes(t *testing.T) {
	t.Parallel()
	r := newEventRing(DefaultEventRing)
	for i := range uint64(100) {
		r.add(i+1, 0, make([]byte, 1<<20))
	}
	if x := r.read(span{upTo: 100, room: 1 << 30}); len(x.slots) != 32 || x.floor != 68 {
		t.Errorf("%d events of 1 MiB behind revision %d", len(x.slots), x.floor)
	}
}
