package service

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
)

// A prune removes the threads that meet all of its filters, each with an event, and
// a dry run says what it would remove.
func testPrune(t *testing.T, start starter) {
	h := start(t, setting{})
	put := func(id, user string, metadata ...any) {
		t.Helper()
		h.putThread("thread_id", id, "user_id", user, "metadata", pairs(t, metadata...))
		h.putMessages(id, textMessage(t, "m", "x"), textMessage(t, "n", "x"))
		h.clock.advance(time.Minute)
	}
	put("a", "ann", "team", "x", "n", 1)
	put("b", "ann", "team", "y", "n", 2.0)
	put("c", "bob", "team", "x", "n", 2)
	put("pinned", "ann", "team", "x", "n", 2)
	h.retain("pinned", pinned(true))
	h.putState("bare", ckpt.Raw{1})
	h.putCache("expired", ckpt.Raw{1}, time.Second)
	h.clock.advance(time.Minute)
	now := h.clock.now()
	all := h.threads(ckpt.ThreadsListRequest{})
	for _, c := range []struct {
		q    ckpt.ThreadsPruneRequest
		want []string
	}{
		{ckpt.ThreadsPruneRequest{UserID: "ann"}, []string{"a", "b"}},
		{ckpt.ThreadsPruneRequest{UserID: "ann", Pinned: true}, []string{"a", "b", "pinned"}},
		{ckpt.ThreadsPruneRequest{UserID: "nobody"}, nil},
		{ckpt.ThreadsPruneRequest{OlderThan: 4 * time.Minute}, []string{"a", "b"}},
		{ckpt.ThreadsPruneRequest{OlderThan: 4*time.Minute + time.Millisecond}, []string{"a"}},
		{ckpt.ThreadsPruneRequest{UpdatedBefore: now.Add(-4 * time.Minute)}, []string{"a"}},
		{ckpt.ThreadsPruneRequest{OlderThan: time.Millisecond}, []string{"a", "b", "c", "bare"}},
		{ckpt.ThreadsPruneRequest{OlderThan: time.Millisecond, Limit: 2}, []string{"a", "b"}},
		{ckpt.ThreadsPruneRequest{Metadata: pairs(t, "team", "x")}, []string{"a", "c"}},
		{ckpt.ThreadsPruneRequest{Metadata: pairs(t, "n", 2)}, []string{"b", "c"}},
		{ckpt.ThreadsPruneRequest{Metadata: pairs(t, "n", 2, "team", "y")}, []string{"b"}},
		{ckpt.ThreadsPruneRequest{Metadata: pairs(t, "team", "x"), UserID: "bob", OlderThan: time.Minute}, []string{"c"}},
		{ckpt.ThreadsPruneRequest{Metadata: pairs(t, "other", nil)}, nil},
	} {
		c.q.DryRun = true
		a := do(h, ckpt.ThreadsPrune, c.q)
		messages := 0
		for _, id := range c.want {
			if id != "bare" {
				messages += 2
			}
		}
		if a.Removed.Threads != len(c.want) || a.Removed.Messages != messages || a.HasMore != (c.q.Limit > 0) {
			t.Errorf("%+v: %+v, want %q", c.q, a, c.want)
		}
	}
	if left := h.threads(ckpt.ThreadsListRequest{}); !slices.Equal(left, all) {
		t.Fatalf("dry runs left %q of %q", left, all)
	}
	events := h.watch()
	q := ckpt.ThreadsPruneRequest{Metadata: pairs(t, "team", "x"), RequestID: "r", Limit: 1}
	want := ckpt.Removed{Threads: 1, Messages: 2, Records: 1}
	for i, id := range []string{"a", "c"} {
		a := do(h, ckpt.ThreadsPrune, q)
		e := events.next()
		if a.Removed != want || a.HasMore != (i == 0) || e.Kind != ckpt.ThreadsPrune.Name || e.ThreadID != id || e.RequestID != "r" || e.Revision != a.Revision || e.UserID == "" {
			t.Errorf("%+v, event %+v, want that of %s", a, e, id)
		}
	}
	if a := do(h, ckpt.ThreadsPrune, q); a.Removed != (ckpt.Removed{}) || a.HasMore {
		t.Errorf("again: %+v", a)
	}
	if left := h.threads(ckpt.ThreadsListRequest{}); !slices.Equal(left, []string{"b", "pinned", "bare"}) {
		t.Errorf("left: %q", left)
	}
	h.sweep() // of the cached state, which no prune had counted
	if e := events.next(); e.Kind != ckpt.KindExpired || e.ThreadID != "expired" {
		t.Errorf("event %+v", e)
	}
}

func testPruneRefused(t *testing.T, start starter) {
	h := start(t, setting{})
	h.fill("ann")
	before := h.dump()
	many := []any{}
	for i := range h.store.Limits().Filters + 1 {
		many = append(many, fmt.Sprint(i), i)
	}
	for want, q := range map[string]ckpt.ThreadsPruneRequest{
		"older_than_ms, updated_before, user_id or metadata": {Pinned: true, Limit: 3},
		"user_id or metadata":                                {Metadata: ckpt.Raw{0x80}, DryRun: true},
		"older_than_ms -1":                                   {OlderThan: -time.Millisecond},
		"limit -1":                                           {UserID: "ann", Limit: -1},
		"limit 10001":                                        {UserID: "ann", Limit: 10_001},
		"metadata":                                           {Metadata: ckpt.Raw{0x01}},
	} {
		if e := refused(h, ckpt.InvalidArgument, ckpt.ThreadsPrune, q); !strings.Contains(e.Message, want) {
			t.Errorf("%v does not say %q", e, want)
		}
	}
	if e := refused(h, ckpt.TooLarge, ckpt.ThreadsPrune, ckpt.ThreadsPruneRequest{Metadata: pairs(t, many...)}); !strings.Contains(e.Message, "filters") {
		t.Error(e)
	}
	if after := h.dump(); !equalDumps(before, after) {
		t.Errorf("a refused request changed something:\n%q\n%q", before, after)
	}
}

// Of many threads none is left, and one that is written meanwhile goes as it is
// then or stays whole.
func testPruneMany(t *testing.T, start starter) {
	h := start(t, setting{})
	const threads = 1200
	for i := range threads {
		ref := write1(fmt.Sprint("t", i))
		ref.UserID = "ann"
		do(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: ref, State: ckpt.Raw{1}})
	}
	h.putState("kept", ckpt.Raw{1})
	wrote := make(chan error, 1)
	go func() {
		var err error
		for i := 0; i < threads && err == nil; i += 20 {
			_, err = ask(h, ckpt.MessagesPut, ckpt.MessagesPutRequest{WriteRef: write1(fmt.Sprint("t", i)), Messages: []ckpt.Raw{pairs(t, "role", "user")}})
		}
		wrote <- err
	}()
	a := do(h, ckpt.ThreadsPrune, ckpt.ThreadsPruneRequest{UserID: "ann"})
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
	left := 0
	for _, raw := range do(h, ckpt.ThreadsList, ckpt.ThreadsListRequest{}).Threads {
		if info := decodeInfo(t, raw); info.UserID == "ann" {
			t.Errorf("thread %q of ann's is left", info.ThreadID)
		}
		left++
	}
	if a.Removed.Threads != threads || a.Removed.States != threads || left > threads/20+1 {
		t.Errorf("%+v, %d threads are left", a, left)
	}
	h.info("kept")
}
