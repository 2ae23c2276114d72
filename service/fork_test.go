package service

import (
	"slices"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
)

func forkOf(id, to string, at uint64) ckpt.ThreadsForkRequest {
	return ckpt.ThreadsForkRequest{WriteRef: write1(id), To: to, AtRevision: at}
}

// same checks that a thread is what another was.
func (h *harness) same(id string, want past) {
	h.Helper()
	got := h.now(id)
	if !sameBytes(got.state, want.state) || !slices.EqualFunc(got.messages, want.messages, sameBytes) || !sameBytes(got.metadata, want.metadata) {
		h.Errorf("thread %s is %+v, want %+v", id, got, want)
	}
}

// A fork has what its source has or had, and both go on by themselves.
func testFork(t *testing.T, start starter) {
	h := start(t, setting{})
	h.putThread("thread_id", "t", "thread_name", "first", "user_id", "ann")
	h.putMessages("t", textMessage(t, "a", "A"), textMessage(t, "b", "B"))
	h.keeping("t", ckpt.Raw{1}, 5)
	h.putCache("t", ckpt.Raw{9}, time.Minute)
	first := h.now("t")
	h.putThread("thread_id", "t", "thread_name", "second", "user_id", "ann")
	do(h, ckpt.MessagesPut, ckpt.MessagesPutRequest{WriteRef: write1("t"), Metadata: pairs(t, "k", "v"), Messages: []ckpt.Raw{textMessage(t, "c", "C"), textMessage(t, "a", "A2")}})
	h.putState("t", ckpt.Raw{2})
	second := h.now("t")

	q := forkOf("t", "now", 0)
	q.RequestID = "r"
	a := do(h, ckpt.ThreadsFork, q)
	if a.Origin != (ckpt.Origin{ThreadID: "t", Revision: second.revision}) || a.Messages != 3 || a.Revision <= second.revision {
		t.Errorf("%+v, want a fork of revision %d", a, second.revision)
	}
	if again := do(h, ckpt.ThreadsFork, q); again != a {
		t.Errorf("answered %+v, then %+v", a, again)
	}
	b := do(h, ckpt.ThreadsFork, forkOf("t", "then", first.revision))
	if b.Origin != (ckpt.Origin{ThreadID: "t", Revision: first.revision}) || b.Messages != 2 {
		t.Errorf("%+v, want a fork of revision %d", b, first.revision)
	}
	h.same("now", second)
	h.same("then", first)
	for id, name := range map[string]string{"now": "second", "then": "first"} {
		if info := h.info(id); info.UserID != "ann" || info.ThreadName != name || info.Bare || info.Origin == nil || info.Origin.ThreadID != "t" {
			t.Errorf("record %+v of fork %s", info, id)
		}
		refused(h, ckpt.NotFound, ckpt.CacheGet, ckpt.CacheGetRequest{ReadRef: readAt(id)})
	}
	if info := h.info("t"); info.Origin != nil {
		t.Errorf("the source has the origin %+v", info.Origin)
	}
	// Whatever becomes of one leaves the others alone.
	h.putMessages("now", textMessage(t, "b", "of the fork"), textMessage(t, "d", "D"))
	h.same("t", second)
	now := h.now("now")
	do(h, ckpt.MessagesDelete, ckpt.MessagesDeleteRequest{WriteRef: write1("t"), MessageIDs: []ckpt.MessageID{ckpt.StringID("a")}})
	do(h, ckpt.ThreadsFork, forkOf("now", "again", 0))
	do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: write1("t")})
	h.same("now", now)
	h.same("again", now)
	h.same("then", first)
	h.putThread("thread_id", "now", "thread_name", "third", "origin", map[string]any{"thread_id": "other", "revision": 7})
	if info := h.info("now"); info.ThreadName != "third" || info.Origin == nil || *info.Origin != a.Origin {
		t.Errorf("a record put leaves %+v of %+v", info, a.Origin)
	}
	// It keeps a history as its source did, from the fork on.
	versions := func(id string) int {
		return len(do(h, ckpt.StateHistory, ckpt.StateHistoryRequest{ReadRef: readAt(id)}).Versions)
	}
	if h.putState("then", ckpt.Raw{3}); versions("then") != 2 {
		t.Errorf("%d versions, want 2", versions("then"))
	}
	h.was("then", past{b.Revision, first.state, first.messages, first.metadata})
}

// What cannot be forked is refused, and nothing changes.
func testForkRefused(t *testing.T, start starter) {
	h := start(t, setting{})
	h.fill("ann")
	h.putState("u", ckpt.Raw{1})
	h.putCache("cached", ckpt.Raw{1}, 0)
	now := h.now("t")
	before := h.dump()
	if e := refused(h, ckpt.Conflict, ckpt.ThreadsFork, forkOf("t", "u", 0)); e.Revision == 0 {
		t.Errorf("%v carries no revision", e)
	}
	refused(h, ckpt.NotFound, ckpt.ThreadsFork, forkOf("nothing", "new", 0))
	refused(h, ckpt.NotFound, ckpt.ThreadsFork, forkOf("t", "new", now.revision-1))
	refused(h, ckpt.NotFound, ckpt.ThreadsFork, forkOf("t", "new", now.revision+100))
	refused(h, ckpt.NotFound, ckpt.ThreadsFork, forkOf("cached", "new", 0))
	refused(h, ckpt.InvalidArgument, ckpt.ThreadsFork, forkOf("t", "t", 0))
	foreign := forkOf("t", "new", 0)
	foreign.UserID = "bob"
	refused(h, ckpt.PermissionDenied, ckpt.ThreadsFork, foreign)
	conditional := forkOf("t", "new", 0)
	conditional.Expected = ckpt.AtRevision(now.revision - 1)
	if e := refused(h, ckpt.Conflict, ckpt.ThreadsFork, conditional); e.Revision != now.revision {
		t.Errorf("the error carries revision %d, want that of the source, %d", e.Revision, now.revision)
	}
	if after := h.dump(); !equalDumps(before, after) {
		t.Errorf("what was refused changed something:\n%q\n%q", before, after)
	}
	conditional.Expected = ckpt.AtRevision(now.revision)
	do(h, ckpt.ThreadsFork, conditional)
	// The fork of a thread that nobody owns is the caller's.
	mine := forkOf("u", "mine", 0)
	mine.UserID = "bob"
	do(h, ckpt.ThreadsFork, mine)
	if info := h.info("mine"); info.UserID != "bob" || !info.Bare {
		t.Errorf("%+v", info)
	}
}
