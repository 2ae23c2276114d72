package service

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nats.go"
)

func testCommit(t *testing.T, start starter) {
	h := start(t, setting{})
	h.fill("ann")
	h.letters("t", 3)
	before := do(h, ckpt.ThreadsGet, ckpt.ThreadsGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}}).Revision
	events, err := h.nc.SubscribeSync(ckpt.EventSubject(h.prefix, "t"))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	q := ckpt.ThreadsCommitRequest{WriteRef: at("t", before), Changes: ckpt.Changes{
		State: pack(t, "state"), Cache: pack(t, "cache"), CacheTTL: time.Minute,
		Delete: stringIDs("b", "none", "m"), Messages: []ckpt.Raw{textMessage(t, "c", "C"), textMessage(t, "d", "d"), textMessage(t, "m", "again")},
		Metadata: pairs(t, "lang", "en"), Record: pairs(t, "thread_id", "t", "thread_name", "committed"),
	}}
	q.RequestID = "r"
	a := do(h, ckpt.ThreadsCommit, q)
	if a.Revision <= before || a.Deleted != 2 || !slices.Equal(a.MessageIDs, stringIDs("c", "d", "m")) || a.ExpiresAt.Sub(a.UpdatedAt) != time.Minute {
		t.Errorf("%+v after revision %d", a, before)
	}
	state := do(h, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
	cache := do(h, ckpt.CacheGet, ckpt.CacheGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
	list := do(h, ckpt.MessagesList, ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
	record := do(h, ckpt.ThreadsGet, ckpt.ThreadsGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
	if !bytes.Equal(state.State, q.State) || !bytes.Equal(cache.State, q.Cache) || !bytes.Equal(list.Metadata, q.Metadata) ||
		!bytes.Contains(record.Record, []byte("committed")) {
		t.Errorf("%q, %q, %q, %q", state.State, cache.State, list.Metadata, record.Record)
	}
	h.wantTexts("t", "a", "C", "d", "again")
	for what, revision := range map[string]uint64{"state": state.Revision, "cache": cache.Revision, "messages": list.Revision, "record": record.Revision} {
		if revision != a.Revision {
			t.Errorf("%s at revision %d, want %d", what, revision, a.Revision)
		}
	}
	// One event, and none for the retry.
	if again := do(h, ckpt.ThreadsCommit, q); again.Revision != a.Revision || again.Deleted != a.Deleted {
		t.Errorf("answered %+v, then %+v", a, again)
	}
	last := h.putState("t", ckpt.Raw{1}).Revision
	e := nextEvent(t, events)
	if e.Kind != ckpt.ThreadsCommit.Name || e.Revision != a.Revision || e.Previous != before || e.RequestID != "r" ||
		!slices.Equal(e.MessageIDs, stringIDs("b", "m", "c", "d", "m")) {
		t.Errorf("event %+v", e)
	}
	if e := nextEvent(t, events); e.Revision != last || e.Previous != a.Revision {
		t.Errorf("event %+v", e)
	}
	// Clearing is a change too; what there is not is no change.
	do(h, ckpt.ThreadsCommit, ckpt.ThreadsCommitRequest{WriteRef: write1("t"), Changes: ckpt.Changes{ClearState: true, ClearCache: true}})
	refused(h, ckpt.NotFound, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
	refused(h, ckpt.NotFound, ckpt.CacheGet, ckpt.CacheGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
	if none := do(h, ckpt.ThreadsCommit, ckpt.ThreadsCommitRequest{WriteRef: write1("none"), Changes: ckpt.Changes{ClearState: true}}); none.Revision != 0 {
		t.Errorf("a thread came into being by being cleared: %+v", none)
	}
	// The record says whose the thread is.
	do(h, ckpt.ThreadsCommit, ckpt.ThreadsCommitRequest{WriteRef: write1("owned"), Changes: ckpt.Changes{
		Record: pairs(t, "thread_id", "owned", "user_id", "ann")}})
	bob := ckpt.ThreadsCommitRequest{WriteRef: write1("owned"), Changes: ckpt.Changes{State: ckpt.Raw{1}}}
	bob.UserID = "bob"
	refused(h, ckpt.PermissionDenied, ckpt.ThreadsCommit, bob)
}

func nextEvent(t *testing.T, sub *nats.Subscription) (e ckpt.Event) {
	t.Helper()
	m, err := sub.NextMsg(patience)
	if err != nil {
		t.Fatal(err)
	}
	if err := ckpt.Decode(m.Data, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// Whatever is wrong with one part of a commit, nothing of it is done.
func testCommitAllOrNothing(t *testing.T, start starter) {
	h := start(t, setting{options: []Option{WithMaxValue(1<<20 - 1<<10)}}) // what fits one message
	h.fill("ann")
	before := h.dump()
	good := ckpt.Changes{State: ckpt.Raw{7}, Cache: ckpt.Raw{7}, Delete: stringIDs("m"), Messages: []ckpt.Raw{textMessage(t, "n", "n")},
		Metadata: pairs(t, "k", 1), Record: pairs(t, "thread_id", "t")}
	huge := pack(t, make([]byte, h.store.Limits().Value))
	for what, c := range map[string]struct {
		code  ckpt.Code
		names string
		spoil func(*ckpt.Changes)
	}{
		"state and clear":  {ckpt.InvalidArgument, "clear_state", func(c *ckpt.Changes) { c.ClearState = true }},
		"cache and clear":  {ckpt.InvalidArgument, "clear_cache", func(c *ckpt.Changes) { c.ClearCache = true }},
		"ttl alone":        {ckpt.InvalidArgument, "cache_ttl_ms", func(c *ckpt.Changes) { c.Cache, c.CacheTTL = nil, time.Second }},
		"ttl":              {ckpt.InvalidArgument, "cache_ttl_ms", func(c *ckpt.Changes) { c.CacheTTL = ckpt.MaxTTL + time.Second }},
		"message":          {ckpt.InvalidArgument, "messages[1]", func(c *ckpt.Changes) { c.Messages = append(c.Messages, ckpt.Raw{1}) }},
		"metadata":         {ckpt.InvalidArgument, "metadata", func(c *ckpt.Changes) { c.Metadata = ckpt.Raw{1} }},
		"record":           {ckpt.InvalidArgument, "thread", func(c *ckpt.Changes) { c.Record = ckpt.Raw{1} }},
		"another's record": {ckpt.InvalidArgument, `thread "u"`, func(c *ckpt.Changes) { c.Record = pairs(t, "thread_id", "u") }},
		"another user":     {ckpt.PermissionDenied, "bob", func(c *ckpt.Changes) { c.Record = pairs(t, "thread_id", "t", "user_id", "bob") }},
		"large record": {ckpt.TooLarge, "record", func(c *ckpt.Changes) {
			c.Record = pairs(t, "thread_id", "t", "x", make([]byte, h.store.Limits().Metadata))
		}},
		"large state":    {ckpt.TooLarge, "state", func(c *ckpt.Changes) { *c = ckpt.Changes{State: huge} }},
		"large cache":    {ckpt.TooLarge, "cached state", func(c *ckpt.Changes) { *c = ckpt.Changes{Cache: huge} }},
		"many to delete": {ckpt.TooLarge, "10001 messages", func(c *ckpt.Changes) { c.Delete = slices.Repeat(stringIDs("m"), 10001) }},
		"many to put":    {ckpt.TooLarge, "10001 messages", func(c *ckpt.Changes) { c.Messages = slices.Repeat([]ckpt.Raw{{0x80}}, 10001) }},
	} {
		bad := good
		bad.Messages = slices.Clone(good.Messages)
		c.spoil(&bad)
		if e := refused(h, c.code, ckpt.ThreadsCommit, ckpt.ThreadsCommitRequest{WriteRef: write1("t"), Changes: bad}); !strings.Contains(e.Message, c.names) {
			t.Errorf("%s: %v does not name %s", what, e, c.names)
		}
		e := refused(h, c.code, ckpt.ThreadsTransact, ckpt.ThreadsTransactRequest{Commits: []ckpt.ThreadCommit{
			{ThreadID: "x", Changes: ckpt.Changes{State: ckpt.Raw{1}}}, {ThreadID: "t", Changes: bad}}})
		if !strings.Contains(e.Message, c.names) {
			t.Errorf("%s in a transaction: %v does not name %s", what, e, c.names)
		}
	}
	if after := h.dump(); !equalDumps(before, after) {
		t.Errorf("a refused commit changed something:\n%q\n%q", before, after)
	}
	if ids := h.threads(ckpt.ThreadsListRequest{}); !slices.Equal(ids, []string{"t"}) {
		t.Errorf("threads %q", ids)
	}
}

func testTransact(t *testing.T, start starter) {
	h := start(t, setting{})
	a := h.putState("a", ckpt.Raw{1}).Revision
	b := h.putState("b", ckpt.Raw{1}).Revision
	events, err := h.nc.SubscribeSync(ckpt.EventsSubject(h.prefix))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	q := ckpt.ThreadsTransactRequest{RequestID: "r", Commits: []ckpt.ThreadCommit{
		{ThreadID: "a", Expected: ckpt.AtRevision(a), Changes: ckpt.Changes{State: ckpt.Raw{2}}},
		{ThreadID: "b", Expected: ckpt.AtRevision(b)}, // only looked at
		{ThreadID: "c", UserID: "ann", Expected: ckpt.AtRevision(0), Changes: ckpt.Changes{Messages: []ckpt.Raw{textMessage(t, "m", "x")}}},
	}}
	done := do(h, ckpt.ThreadsTransact, q)
	if len(done.Commits) != 3 || !slices.Equal(done.Commits[2].MessageIDs, stringIDs("m")) || done.Revision <= b {
		t.Errorf("%+v", done)
	}
	revisions := make(map[string]uint64)
	for range 2 {
		e := nextEvent(t, events)
		revisions[e.ThreadID] = e.Revision
		if e.Kind != ckpt.ThreadsTransact.Name || e.RequestID != "r" || e.ThreadID == "c" && e.UserID != "ann" {
			t.Errorf("event %+v", e)
		}
	}
	if revisions["a"] != done.Revision || revisions["c"] != done.Revision {
		t.Errorf("revisions %v, want %d", revisions, done.Revision)
	}
	if now := do(h, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("b")}}).Revision; now != b {
		t.Errorf("a thread without changes moved from revision %d to %d", b, now)
	}
	// A retry is answered as before, though no condition holds any more.
	if again := do(h, ckpt.ThreadsTransact, q); again.Revision != done.Revision || len(again.Commits) != 3 {
		t.Errorf("answered %+v, then %+v", done, again)
	}
	q.Commits[0].State = ckpt.Raw{3}
	refused(h, ckpt.Conflict, ckpt.ThreadsTransact, q) // which is another one with its ID
	// Conditions alone change nothing.
	checks := ckpt.ThreadsTransactRequest{Commits: []ckpt.ThreadCommit{
		{ThreadID: "a", Expected: ckpt.AtRevision(done.Revision)}, {ThreadID: "none", Expected: ckpt.AtRevision(0)}}}
	if got := do(h, ckpt.ThreadsTransact, checks); got.Revision != done.Revision {
		t.Errorf("revision %d, want %d", got.Revision, done.Revision)
	}
}

// Whatever is wrong with one thread of a transaction, nothing of it is done.
func testTransactAllOrNothing(t *testing.T, start starter) {
	h := start(t, setting{})
	h.fill("ann")
	other := h.putState("u", ckpt.Raw{1}).Revision
	before := h.dump()
	change := ckpt.Changes{State: ckpt.Raw{7}}
	for _, at := range []int{0, 1, 2} {
		for what, c := range map[string]struct {
			code ckpt.Code
			part ckpt.ThreadCommit
		}{
			"condition": {ckpt.Conflict, ckpt.ThreadCommit{ThreadID: "u", Expected: ckpt.AtRevision(other + 1), Changes: change}},
			"existing":  {ckpt.Conflict, ckpt.ThreadCommit{ThreadID: "u", Expected: ckpt.AtRevision(0)}},
			"user":      {ckpt.PermissionDenied, ckpt.ThreadCommit{ThreadID: "t", UserID: "bob", Changes: change}},
		} {
			parts := []ckpt.ThreadCommit{{ThreadID: "new", Changes: change}, {ThreadID: "newer", Changes: change}}
			parts = slices.Insert(parts, at, c.part)
			e := refused(h, c.code, ckpt.ThreadsTransact, ckpt.ThreadsTransactRequest{Commits: parts})
			if !strings.Contains(e.Message, fmt.Sprintf("thread %q", c.part.ThreadID)) || c.code == ckpt.Conflict && e.Revision != other {
				t.Errorf("%s at %d: %v at revision %d", what, at, e, e.Revision)
			}
		}
	}
	many := make([]ckpt.ThreadCommit, h.store.Limits().Threads+1)
	for i := range many {
		many[i] = ckpt.ThreadCommit{ThreadID: fmt.Sprint(i), Changes: change}
	}
	refused(h, ckpt.TooLarge, ckpt.ThreadsTransact, ckpt.ThreadsTransactRequest{Commits: many})
	if after := h.dump(); !equalDumps(before, after) {
		t.Errorf("a refused transaction changed something:\n%q\n%q", before, after)
	}
	if ids := h.threads(ckpt.ThreadsListRequest{}); !slices.Equal(ids, []string{"t", "u"}) {
		t.Errorf("threads %q", ids)
	}
	do(h, ckpt.ThreadsTransact, ckpt.ThreadsTransactRequest{Commits: many[1:]})
	if n := len(h.threads(ckpt.ThreadsListRequest{})); n != 2+h.store.Limits().Threads {
		t.Errorf("%d threads", n)
	}
}

// Transactions over the same threads in any order wait for one another, and nobody
// sees half of one: each adds one to both of two counters, or to none.
func testTransactConcurrently(t *testing.T, start starter) {
	h := start(t, setting{})
	const workers, rounds = 4, 10
	ids := []string{"a", "b", "c"}
	read := func(id string) (n byte, revision uint64) {
		a, err := ask(h, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread(id), Linearizable: true}})
		if err != nil {
			return 0, 0
		}
		return a.State[0], a.Revision
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := 0; i < rounds; {
				x, y := ids[(w+i)%3], ids[(w+i+1+w%2)%3]
				n, at := read(x)
				m, when := read(y)
				_, err := ask(h, ckpt.ThreadsTransact, ckpt.ThreadsTransactRequest{Commits: []ckpt.ThreadCommit{
					{ThreadID: x, Expected: ckpt.AtRevision(at), Changes: ckpt.Changes{State: ckpt.Raw{n + 1}}},
					{ThreadID: y, Expected: ckpt.AtRevision(when), Changes: ckpt.Changes{State: ckpt.Raw{m + 1}}},
				}})
				if err == nil {
					i++
				} else if e, ok := err.(*ckpt.Error); !ok || e.Code != ckpt.Conflict {
					t.Errorf("%v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	sum := 0
	for _, id := range ids {
		n, _ := read(id)
		sum += int(n)
	}
	if want := 2 * workers * rounds; sum != want {
		t.Errorf("the counters add up to %d, want %d", sum, want)
	}
}

func testStateMany(t *testing.T, start starter) {
	h := start(t, setting{})
	h.fill("ann") // the state of t is 1
	revision := h.putState("u", ckpt.Raw{2}).Revision
	h.putMessages("stateless", textMessage(t, 1, "x"))
	a := do(h, ckpt.StateMany, ckpt.StateManyRequest{ThreadIDs: []string{"u", "none", "t", "stateless", "u"}})
	var got []string
	for _, s := range a.States {
		got = append(got, fmt.Sprint(s.ThreadID, s.State[0]))
	}
	if !slices.Equal(got, []string{"u2", "t1", "u2"}) || a.States[0].Revision != revision || a.Next != 0 {
		t.Errorf("%v, %+v", got, a)
	}
	// What belongs to another user is not told.
	if a := do(h, ckpt.StateMany, ckpt.StateManyRequest{ThreadIDs: []string{"t", "u"}, UserID: "bob"}); len(a.States) != 1 || a.States[0].ThreadID != "u" {
		t.Errorf("%+v", a)
	}
	if a := do(h, ckpt.StateMany, ckpt.StateManyRequest{}); len(a.States) != 0 {
		t.Errorf("%+v", a)
	}
	refused(h, ckpt.TooLarge, ckpt.StateMany, ckpt.StateManyRequest{ThreadIDs: slices.Repeat([]string{"t"}, h.store.Limits().Threads+1)})
	// A full reply tells where to go on.
	large := pack(t, make([]byte, h.store.Limits().Page/2))
	ids := []string{"l0", "l1", "l2"}
	for _, id := range ids {
		h.putState(id, large)
	}
	for i := 0; i < len(ids); i++ {
		a := do(h, ckpt.StateMany, ckpt.StateManyRequest{ThreadIDs: ids[i:]})
		if last := i == len(ids)-1; len(a.States) != 1 || a.States[0].ThreadID != ids[i] || last != (a.Next == 0) || !last && a.Next != 1 {
			t.Errorf("from %d: %d states, next %d", i, len(a.States), a.Next)
		}
	}
}
