package service

import (
	"sync"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
)

// at returns a reference to a thread for a write that expects a revision of it.
func at(id string, revision uint64) ckpt.WriteRef {
	return ckpt.WriteRef{ThreadRef: thread(id), Terms: ckpt.Terms{Expected: ckpt.AtRevision(revision)}}
}

// conditional checks that a write is refused at any revision but the thread's own,
// without a change, and is carried out at that.
func conditional[Q, A any](h *harness, op ckpt.Op[Q, A], q func(at ckpt.WriteRef) Q) {
	h.Helper()
	h.fill("ann")
	now := do(h, ckpt.ThreadsGet, ckpt.ThreadsGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}}).Revision
	before := h.dump()
	for _, wrong := range []uint64{0, now - 1, now + 1} {
		if e := refused(h, ckpt.Conflict, op, q(at("t", wrong))); e.Revision != now {
			h.Errorf("%s at %d: the error carries revision %d, want %d", op.Name, wrong, e.Revision, now)
		}
	}
	if after := h.dump(); !equalDumps(before, after) {
		h.Errorf("%s: what was refused changed the thread:\n%q\n%q", op.Name, before, after)
	}
	do(h, op, q(at("t", now)))
}

// Every write takes a condition.
func testConditions(t *testing.T, start starter) {
	h := start(t, setting{})
	conditional(h, ckpt.StatePut, func(at ckpt.WriteRef) ckpt.StatePutRequest {
		return ckpt.StatePutRequest{WriteRef: at, State: ckpt.Raw{7}}
	})
	conditional(h, ckpt.StateClear, func(at ckpt.WriteRef) ckpt.StateClearRequest { return ckpt.StateClearRequest{WriteRef: at} })
	conditional(h, ckpt.StateRestore, func(at ckpt.WriteRef) ckpt.StateRestoreRequest {
		now := do(h, ckpt.ThreadsGet, ckpt.ThreadsGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}}).Revision
		return ckpt.StateRestoreRequest{WriteRef: at, Revision: now}
	})
	conditional(h, ckpt.CachePut, func(at ckpt.WriteRef) ckpt.CachePutRequest {
		return ckpt.CachePutRequest{WriteRef: at, State: ckpt.Raw{7}}
	})
	conditional(h, ckpt.CacheClear, func(at ckpt.WriteRef) ckpt.CacheClearRequest { return ckpt.CacheClearRequest{WriteRef: at} })
	conditional(h, ckpt.MessagesPut, func(at ckpt.WriteRef) ckpt.MessagesPutRequest {
		return ckpt.MessagesPutRequest{WriteRef: at, Messages: []ckpt.Raw{pairs(t, "role", "user")}}
	})
	conditional(h, ckpt.MessagesDelete, func(at ckpt.WriteRef) ckpt.MessagesDeleteRequest {
		return ckpt.MessagesDeleteRequest{WriteRef: at, MessageID: ckpt.StringID("m")}
	})
	conditional(h, ckpt.ThreadsPut, func(at ckpt.WriteRef) ckpt.ThreadsPutRequest {
		return ckpt.ThreadsPutRequest{Terms: at.Terms, Record: pairs(t, "thread_id", "t")}
	})
	conditional(h, ckpt.ThreadsRetain, func(at ckpt.WriteRef) ckpt.ThreadsRetainRequest {
		return ckpt.ThreadsRetainRequest{WriteRef: at, Pinned: new(true)}
	})
	conditional(h, ckpt.LeasesAcquire, func(at ckpt.WriteRef) ckpt.LeasesAcquireRequest {
		return ckpt.LeasesAcquireRequest{WriteRef: at, Owner: "w", TTL: time.Minute}
	})
	conditional(h, ckpt.ThreadsClean, func(at ckpt.WriteRef) ckpt.ThreadsCleanRequest { return ckpt.ThreadsCleanRequest{WriteRef: at} })

	// What does not exist is at revision 0: never written, cleaned, or expired.
	refused(h, ckpt.Conflict, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: at("t", 1), State: ckpt.Raw{1}})
	do(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: at("t", 0), State: ckpt.Raw{1}})
	do(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: at("new", 0), State: ckpt.Raw{1}})
	put := do(h, ckpt.CachePut, ckpt.CachePutRequest{WriteRef: at("cached", 0), State: ckpt.Raw{1}, TTL: time.Second})
	h.clock.advance(time.Minute)
	if e := refused(h, ckpt.Conflict, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: at("cached", put.Revision), State: ckpt.Raw{1}}); e.Revision != 0 {
		t.Errorf("a thread that has expired is at revision %d", e.Revision)
	}
	do(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: at("cached", 0), State: ckpt.Raw{1}})

	// The retry of a write whose condition held gets its answer again.
	first := ckpt.StatePutRequest{WriteRef: at("retried", 0), State: ckpt.Raw{1}}
	first.RequestID = "r"
	a := do(h, ckpt.StatePut, first)
	if again := do(h, ckpt.StatePut, first); again != a {
		t.Errorf("answered %+v, then %+v", a, again)
	}
	// A condition is a thread owner's to know of.
	h.fill("ann")
	foreign := ckpt.StatePutRequest{WriteRef: at("t", 0), State: ckpt.Raw{1}}
	foreign.UserID = "bob"
	if e := refused(h, ckpt.PermissionDenied, ckpt.StatePut, foreign); e.Revision != 0 {
		t.Errorf("revision %d is told to another user", e.Revision)
	}
}

// Of the writers that expect one revision, one succeeds, while others append.
func testConditionsExclude(t *testing.T, start starter) {
	h := start(t, setting{})
	const writers, rounds = 8, 10
	revision := uint64(0)
	for range rounds {
		var mu sync.Mutex
		var won []uint64
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				a, err := ask(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: at("t", revision), State: ckpt.Raw{byte(i)}})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won = append(won, a.Revision)
					return
				}
				if e, ok := err.(*ckpt.Error); !ok || e.Code != ckpt.Conflict || e.Revision <= revision {
					t.Errorf("%v after revision %d", err, revision)
				}
			})
		}
		wg.Wait()
		if len(won) != 1 || won[0] <= revision {
			t.Fatalf("%d writers at %d won: %v", len(won), revision, won)
		}
		revision = won[0]
	}
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() { h.putMessages("t", pairs(t, "role", "user")) })
	}
	wg.Wait()
	list := do(h, ckpt.MessagesList, ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
	if list.Total != writers || list.Revision <= revision {
		t.Errorf("%d messages at revision %d, want %d", list.Total, list.Revision, writers)
	}
}
