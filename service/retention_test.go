package service

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
)

// retain sets what is kept of a thread.
func (h *harness) retain(id string, set func(*ckpt.ThreadsRetainRequest)) ckpt.ThreadsRetainReply {
	h.Helper()
	q := ckpt.ThreadsRetainRequest{WriteRef: write1(id)}
	set(&q)
	return do(h, ckpt.ThreadsRetain, q)
}

func ttl(d time.Duration, sliding bool) func(*ckpt.ThreadsRetainRequest) {
	return func(q *ckpt.ThreadsRetainRequest) { q.TTL, q.Sliding = &d, sliding }
}

func pinned(p bool) func(*ckpt.ThreadsRetainRequest) {
	return func(q *ckpt.ThreadsRetainRequest) { q.Pinned = &p }
}

func keep(n int) func(*ckpt.ThreadsRetainRequest) {
	return func(q *ckpt.ThreadsRetainRequest) { q.KeepMessages = &n }
}

// fillThread gives a thread of ann's all that it can hold.
func (h *harness) fillThread(id string) {
	h.Helper()
	h.putThread("thread_id", id, "user_id", "ann", "thread_name", "old")
	h.putState(id, ckpt.Raw{1})
	h.putCache(id, ckpt.Raw{2}, 0)
	h.putMessages(id, textMessage(h, "m", "x"))
}

// missing checks that nothing shows of a thread.
func (h *harness) missing(id string) {
	h.Helper()
	read := ckpt.ReadRef{ThreadRef: thread(id)}
	refused(h, ckpt.NotFound, ckpt.ThreadsGet, ckpt.ThreadsGetRequest{ReadRef: read})
	refused(h, ckpt.NotFound, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: read})
	refused(h, ckpt.NotFound, ckpt.CacheGet, ckpt.CacheGetRequest{ReadRef: read})
	if e := refused(h, ckpt.NotFound, ckpt.MessagesGet, ckpt.MessagesGetRequest{ReadRef: read, MessageID: ckpt.StringID("m")}); e.Revision != 0 {
		h.Errorf("revision %d of a thread that has expired", e.Revision)
	}
	if a := do(h, ckpt.MessagesList, ckpt.MessagesListRequest{ReadRef: read}); a.Total != 0 || a.Revision != 0 {
		h.Errorf("%d messages at revision %d of a thread that has expired", a.Total, a.Revision)
	}
	if slices.Contains(h.threads(ckpt.ThreadsListRequest{}), id) {
		h.Errorf("thread %q has expired and is listed", id)
	}
}

// A fixed lifetime ends when it was said to, whatever is written meanwhile, with
// all that the thread holds and before any sweep.
func testThreadTTL(t *testing.T, start starter) {
	h := start(t, setting{})
	h.fillThread("t")
	set := h.retain("t", ttl(time.Minute, false))
	if want := h.clock.now().Add(time.Minute); !set.ExpiresAt.Equal(want) || !h.info("t").ExpiresAt.Equal(want) {
		t.Errorf("expires at %v and %v, want %v", set.ExpiresAt, h.info("t").ExpiresAt, want)
	}
	if info := h.info("t"); info.TTL != time.Minute || info.Sliding || info.Pinned || info.ThreadName != "old" {
		t.Errorf("%+v", info)
	}
	h.clock.advance(time.Minute - time.Millisecond)
	last := h.putState("t", ckpt.Raw{3})
	h.clock.advance(time.Millisecond)
	h.missing("t")
	refused(h, ckpt.NotFound, ckpt.ThreadsRetain, ckpt.ThreadsRetainRequest{WriteRef: write1("t"), Sliding: true, TTL: new(time.Duration(time.Minute))})
	// Written again, it is another thread, which belongs to nobody.
	bob := ckpt.StatePutRequest{WriteRef: write1("t"), State: ckpt.Raw{4}}
	bob.UserID, bob.Expected = "bob", ckpt.AtRevision(last.Revision)
	refused(h, ckpt.Conflict, ckpt.StatePut, bob)
	bob.Expected = ckpt.AtRevision(0)
	put := do(h, ckpt.StatePut, bob)
	if put.Revision <= last.Revision {
		t.Errorf("revision %d after %d", put.Revision, last.Revision)
	}
	if info := h.info("t"); info.UserID != "bob" || !info.Bare || !info.CreatedAt.Equal(h.clock.now()) || !info.ExpiresAt.IsZero() || info.TTL != 0 {
		t.Errorf("begun anew: %+v", info)
	}
	if a := do(h, ckpt.MessagesList, ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}}); a.Total != 0 {
		t.Errorf("begun anew with %d messages", a.Total)
	}
	refused(h, ckpt.NotFound, ckpt.CacheGet, ckpt.CacheGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
	// A lifetime of 0 ends the one of before.
	h.retain("t", ttl(time.Minute, false))
	if a := h.retain("t", ttl(0, false)); !a.ExpiresAt.IsZero() {
		t.Errorf("expires at %v, want never", a.ExpiresAt)
	}
	h.clock.advance(time.Hour)
	h.sweep()
	h.info("t")
}

// A sliding lifetime begins anew with each change, and not with a read.
func testThreadTTLSliding(t *testing.T, start starter) {
	h := start(t, setting{})
	h.putState("t", ckpt.Raw{1})
	h.retain("t", ttl(time.Minute, true))
	for range 5 {
		h.clock.advance(time.Minute - time.Millisecond)
		h.sweep()
		h.putMessages("t", textMessage(t, "m", "x"))
		if info := h.info("t"); !info.ExpiresAt.Equal(h.clock.now().Add(time.Minute)) || !info.Sliding {
			t.Fatalf("%+v", info)
		}
	}
	h.clock.advance(time.Minute - time.Millisecond)
	do(h, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
	do(h, ckpt.CacheClear, ckpt.CacheClearRequest{WriteRef: write1("t")}) // which changes nothing
	h.clock.advance(time.Millisecond)
	h.missing("t")
}

// A thread that is pinned is kept; unpinned, its lifetime begins anew.
func testThreadPinned(t *testing.T, start starter) {
	h := start(t, setting{})
	for id, sliding := range map[string]bool{"fixed": false, "sliding": true} {
		h.putState(id, ckpt.Raw{1})
		h.retain(id, ttl(time.Minute, sliding))
		if a := h.retain(id, pinned(true)); !a.ExpiresAt.IsZero() {
			t.Errorf("%s: expires at %v, want never", id, a.ExpiresAt)
		}
	}
	h.clock.advance(time.Hour)
	h.sweep()
	for _, id := range []string{"fixed", "sliding"} {
		if info := h.info(id); !info.Pinned || !info.ExpiresAt.IsZero() || info.TTL != time.Minute {
			t.Errorf("%s: %+v", id, info)
		}
		want := h.clock.now().Add(time.Minute)
		if a := h.retain(id, pinned(false)); !a.ExpiresAt.Equal(want) || !h.info(id).ExpiresAt.Equal(want) || h.info(id).Pinned {
			t.Errorf("%s: expires at %v, want %v", id, a.ExpiresAt, want)
		}
	}
	h.clock.advance(time.Minute)
	h.missing("fixed")
	h.missing("sliding")
}

// The end of a thread is one change with an event of its own, told by the sweep,
// or before the thread is written again.
func testThreadExpiryEvents(t *testing.T, start starter) {
	h := start(t, setting{})
	events := h.watch()
	var last ckpt.Event
	for _, id := range []string{"swept", "written"} {
		h.fillThread(id)
		h.retain(id, ttl(time.Minute, false))
		for range 5 {
			last = events.next()
		}
		h.clock.advance(time.Minute)
		var put ckpt.StatePutReply
		if id == "swept" {
			h.sweep()
		} else {
			put = h.putState(id, ckpt.Raw{5})
		}
		e := events.next()
		if e.Kind != ckpt.KindExpired || e.ThreadID != id || e.Previous != last.Revision || e.UserID != "ann" || !e.At.Equal(h.clock.now()) {
			t.Errorf("event %+v after %+v", e, last)
		}
		if id == "written" {
			if p := events.next(); p.Kind != ckpt.StatePut.Name || p.Revision != put.Revision || p.Previous != e.Revision || p.UserID != "" {
				t.Errorf("event %+v after %+v", p, e)
			}
		}
	}
	h.sweep()
	h.putState("end", ckpt.Raw{1})
	if e := events.next(); e.ThreadID != "end" {
		t.Errorf("event %+v, want that of the last put: each end is told once", e)
	}
}

// The sweep ends many threads, those with lifetimes that began anew excepted.
func testThreadTTLSweep(t *testing.T, start starter) {
	h := start(t, setting{options: []Option{WithThreadTTL(time.Minute, true)}})
	const threads = 200
	for i := range threads {
		h.putState(fmt.Sprint("t", i), ckpt.Raw{1})
	}
	h.clock.advance(time.Minute - time.Millisecond)
	for i := 0; i < threads; i += 10 {
		h.putState(fmt.Sprint("t", i), ckpt.Raw{2})
	}
	h.clock.advance(time.Millisecond)
	h.sweep()
	if n := h.store.Threads(); n != threads/10 {
		t.Errorf("%d threads are left, want %d", n, threads/10)
	}
	if n := len(h.threads(ckpt.ThreadsListRequest{})); n != threads/10 {
		t.Errorf("%d threads are listed, want %d", n, threads/10)
	}
}

// The service's default is what threads get when they are created.
func testThreadTTLDefault(t *testing.T, start starter) {
	h := start(t, setting{options: []Option{WithThreadTTL(time.Minute, false)}})
	h.putState("t", ckpt.Raw{1})
	h.putThread("thread_id", "r", "expires_at", 5, "pinned", true, "ttl_ms", 7, "keep_messages", 1)
	h.putState("forever", ckpt.Raw{1})
	h.retain("forever", ttl(0, false))
	want := h.clock.now().Add(time.Minute)
	for _, id := range []string{"t", "r"} {
		if info := h.info(id); !info.ExpiresAt.Equal(want) || info.Sliding || info.TTL != time.Minute || info.Pinned || info.KeepMessages != 0 {
			t.Errorf("%s: %+v, want expiry at %v", id, info, want)
		}
	}
	h.clock.advance(time.Minute)
	h.missing("t")
	h.missing("r")
	h.info("forever")
	h.putState("t", ckpt.Raw{2}) // a thread of its own again
	if info := h.info("t"); !info.ExpiresAt.Equal(h.clock.now().Add(time.Minute)) {
		t.Errorf("begun anew: %+v", info)
	}
	for _, o := range []Option{WithThreadTTL(-time.Second, true), WithThreadTTL(ckpt.MaxTTL+time.Millisecond, true), WithKeepMessages(-1), WithKeepMessages(ckpt.MaxKeepMessages + 1)} {
		if s, err := Start(h.nc, quiet, WithPrefix("other"), o); err == nil {
			stop(t, s)
			t.Error("a service was started with a retention beyond the limits")
		}
	}
}

// A thread keeps as many messages as the put, the thread or the service says.
func testKeepMessages(t *testing.T, start starter) {
	h := start(t, setting{options: []Option{WithKeepMessages(4)}})
	events := h.watch()
	put := func(id string, from, n, keep int) {
		t.Helper()
		q := ckpt.MessagesPutRequest{WriteRef: write1(id), KeepMessages: keep}
		for i := range n {
			q.Messages = append(q.Messages, textMessage(t, from+i, "x"))
		}
		do(h, ckpt.MessagesPut, q)
	}
	holds := func(id string, first, last, trimmed int) {
		t.Helper()
		a := do(h, ckpt.MessagesList, ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread(id)}})
		e := events.next()
		if a.Total != last-first+1 || a.Revision != e.Revision || e.Trimmed != trimmed {
			t.Fatalf("%s: %d messages, want %d to %d; event %+v, want %d trimmed", id, a.Total, first, last, e, trimmed)
		}
		for i, m := range a.Messages {
			if id, _ := m.Get("message_id").Int(); id != int64(first+i) {
				t.Fatalf("message %d is %d, want %d", i, id, first+i)
			}
		}
	}
	put("t", 1, 3, 0)
	holds("t", 1, 3, 0)
	put("t", 4, 3, 0)
	holds("t", 3, 6, 2)
	put("t", 4, 3, 0) // in their places
	holds("t", 3, 6, 0)
	put("t", 7, 1, 5)
	holds("t", 3, 7, 0)
	h.retain("t", keep(2)) // at once
	holds("t", 6, 7, 3)
	if info := h.info("t"); info.KeepMessages != 2 {
		t.Errorf("%+v", info)
	}
	put("t", 8, 30, 0)
	holds("t", 36, 37, 30)
	h.retain("t", keep(0)) // all, whatever the service says
	holds("t", 36, 37, 0)
	put("t", 38, 100, 0)
	holds("t", 36, 137, 0)
	put("t", 138, 1, 50)
	holds("t", 89, 138, 53)
}

func testRetainRefused(t *testing.T, start starter) {
	h := start(t, setting{})
	h.putState("t", ckpt.Raw{1})
	before := h.dump()
	refuse := func(field string, set func(*ckpt.ThreadsRetainRequest)) {
		t.Helper()
		q := ckpt.ThreadsRetainRequest{WriteRef: write1("t")}
		set(&q)
		if e := refused(h, ckpt.InvalidArgument, ckpt.ThreadsRetain, q); !strings.Contains(e.Message, field) {
			t.Errorf("%v does not name %s", e, field)
		}
	}
	refuse("ttl_ms", func(*ckpt.ThreadsRetainRequest) {})
	refuse("ttl_ms", ttl(-time.Millisecond, false))
	refuse("ttl_ms", ttl(ckpt.MaxTTL+time.Millisecond, false))
	refuse("sliding", ttl(0, true))
	refuse("sliding", func(q *ckpt.ThreadsRetainRequest) { pinned(true)(q); q.Sliding = true })
	refuse("keep_messages", keep(-1))
	refuse("keep_messages", keep(ckpt.MaxKeepMessages+1))
	refused(h, ckpt.NotFound, ckpt.ThreadsRetain, ckpt.ThreadsRetainRequest{WriteRef: write1("none"), Pinned: new(bool)})
	if after := h.dump(); !equalDumps(before, after) {
		t.Errorf("a refused request changed something:\n%q\n%q", before, after)
	}
}

// A transaction finds the threads that have expired as they are: gone, and told so.
func testTransactExpired(t *testing.T, start starter) {
	h := start(t, setting{options: []Option{WithKeepMessages(2)}})
	for _, id := range []string{"a", "b", "c"} {
		h.putState(id, ckpt.Raw{1})
	}
	h.retain("a", ttl(time.Minute, false))
	h.retain("b", ttl(time.Minute, true))
	events := h.watch()
	h.clock.advance(time.Minute)
	texts := []ckpt.Raw{textMessage(t, 1, "x"), textMessage(t, 2, "x"), textMessage(t, 3, "x")}
	q := ckpt.ThreadsTransactRequest{Commits: []ckpt.ThreadCommit{
		{ThreadID: "c", Changes: ckpt.Changes{Messages: texts}},
		{ThreadID: "b", Expected: ckpt.AtRevision(0), Changes: ckpt.Changes{State: ckpt.Raw{2}}},
		{ThreadID: "a", Expected: ckpt.AtRevision(0)},
	}}
	a := do(h, ckpt.ThreadsTransact, q)
	for range 2 {
		if e := events.next(); e.Kind != ckpt.KindExpired || e.ThreadID == "c" || e.Revision >= a.Revision {
			t.Errorf("event %+v, want the end of a thread", e)
		}
	}
	for range 2 {
		if e := events.next(); e.Kind != ckpt.ThreadsTransact.Name || e.ThreadID == "c" && e.Trimmed != 1 {
			t.Errorf("event %+v, want that of the transaction", e)
		}
	}
	h.missing("a")
	if info := h.info("b"); info.TTL != 0 || !info.CreatedAt.Equal(h.clock.now()) {
		t.Errorf("begun anew: %+v", info)
	}
}
