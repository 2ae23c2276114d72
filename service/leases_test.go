package service

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
)

// acquire takes a lease, which must be free or the owner's.
func (h *harness) acquire(id, owner string, ttl time.Duration) ckpt.LeaseReply {
	h.Helper()
	return do(h, ckpt.LeasesAcquire, ckpt.LeasesAcquireRequest{WriteRef: write1(id), Owner: owner, TTL: ttl})
}

// under returns a reference to a thread for a write under a lease.
func under(id string, token uint64) ckpt.WriteRef {
	return ckpt.WriteRef{ThreadRef: thread(id), Terms: ckpt.Terms{Lease: token}}
}

// lease returns who holds a lease; the zero value of nobody's.
func (h *harness) lease(id string) ckpt.LeaseReply {
	h.Helper()
	a, err := ask(h, ckpt.LeasesGet, ckpt.LeasesGetRequest{ThreadRef: thread(id)})
	if err != nil {
		h.want(ckpt.NotFound, ckpt.LeasesGet.OpInfo, err)
	}
	return a
}

func sameLease(a, b ckpt.LeaseReply) bool {
	return a.Token == b.Token && a.Owner == b.Owner && a.ExpiresAt.Equal(b.ExpiresAt)
}

// A lease is one owner's, who renews it under the same token, until it ends.
func testLeases(t *testing.T, start starter) {
	h := start(t, setting{})
	h.putState("t", ckpt.Raw{1})
	if a := h.lease("t"); a.Token != 0 {
		t.Errorf("nobody acquired it: %+v", a)
	}
	first := h.acquire("t", "ann", time.Minute)
	if first.Token == 0 || first.Owner != "ann" || !first.ExpiresAt.Equal(h.clock.now().Add(time.Minute)) || first.StoreID != h.StoreID() {
		t.Errorf("acquired %+v at %v", first, h.clock.now())
	}
	if a := h.lease("t"); !sameLease(a, first) {
		t.Errorf("got %+v, want %+v", a, first)
	}
	e := refused(h, ckpt.Conflict, ckpt.LeasesAcquire, ckpt.LeasesAcquireRequest{WriteRef: write1("t"), Owner: "bob", TTL: time.Minute})
	if e.Lease != first.Token || e.Revision != first.Revision || !strings.Contains(e.Message, "ann") || !strings.Contains(e.Message, first.ExpiresAt.UTC().Format(time.RFC3339Nano)) {
		t.Errorf("refused with %+v, which does not tell all of %+v", e, first)
	}
	h.clock.advance(30 * time.Second)
	again := h.acquire("t", "ann", time.Minute)
	if again.Token != first.Token || !again.ExpiresAt.Equal(h.clock.now().Add(time.Minute)) {
		t.Errorf("acquired again: %+v after %+v", again, first)
	}
	renewed := do(h, ckpt.LeasesRenew, ckpt.LeasesRenewRequest{WriteRef: write1("t"), Token: first.Token, TTL: time.Second})
	if renewed.Token != first.Token || renewed.Owner != "ann" || !renewed.ExpiresAt.Equal(h.clock.now().Add(time.Second)) {
		t.Errorf("renewed: %+v", renewed)
	}
	if e := refused(h, ckpt.Conflict, ckpt.LeasesRenew, ckpt.LeasesRenewRequest{WriteRef: write1("t"), Token: first.Token + 1, TTL: time.Second}); e.Lease != first.Token {
		t.Errorf("the error carries token %d, want %d", e.Lease, first.Token)
	}
	// Another token releases nothing, the lease's own does, and once.
	for _, c := range []struct {
		token    uint64
		released bool
	}{{first.Token + 1, false}, {first.Token, true}, {first.Token, false}} {
		if a := do(h, ckpt.LeasesRelease, ckpt.LeasesReleaseRequest{WriteRef: write1("t"), Token: c.token}); a.Released != c.released {
			t.Errorf("token %d: %+v, want %v", c.token, a, c.released)
		}
	}
	if a := h.lease("t"); a.Token != 0 {
		t.Errorf("released, and %+v holds it", a)
	}
	if e := refused(h, ckpt.Conflict, ckpt.LeasesRenew, ckpt.LeasesRenewRequest{WriteRef: write1("t"), Token: first.Token, TTL: time.Second}); e.Lease != 0 {
		t.Errorf("the error carries token %d of nobody", e.Lease)
	}
	if second := h.acquire("t", "bob", time.Minute); second.Token <= first.Token || second.Owner != "bob" {
		t.Errorf("%+v after %+v", second, first)
	}
}

func testLeaseBounds(t *testing.T, start starter) {
	h := start(t, setting{})
	limits := h.store.Limits()
	if limits.LeaseMin != 100 || limits.LeaseMax != 24*time.Hour.Milliseconds() {
		t.Errorf("limits %+v", limits)
	}
	for _, ttl := range []time.Duration{0, -1, ckpt.MinLease - time.Millisecond, ckpt.MaxLease + time.Millisecond} {
		e := refused(h, ckpt.InvalidArgument, ckpt.LeasesAcquire, ckpt.LeasesAcquireRequest{WriteRef: write1("t"), Owner: "w", TTL: ttl})
		if !strings.Contains(e.Message, "lease_min_ms") {
			t.Errorf("%v does not name the limit", e)
		}
	}
	for _, ttl := range []time.Duration{ckpt.MaxLease, ckpt.MinLease} {
		token := h.acquire("t", "w", ttl).Token
		do(h, ckpt.LeasesRenew, ckpt.LeasesRenewRequest{WriteRef: write1("t"), Token: token, TTL: ttl})
		refused(h, ckpt.InvalidArgument, ckpt.LeasesRenew, ckpt.LeasesRenewRequest{WriteRef: write1("t"), Token: token, TTL: 2 * ckpt.MaxLease})
	}
}

// fenced checks that a write is refused under any lease but the present one,
// without a change, and is carried out under that and under none.
func fenced[Q, A any](h *harness, op ckpt.Op[Q, A], q func(ckpt.WriteRef) Q) {
	h.Helper()
	do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: write1("t")})
	if old := h.lease("t"); old.Token != 0 {
		do(h, ckpt.LeasesRelease, ckpt.LeasesReleaseRequest{WriteRef: write1("t"), Token: old.Token})
	}
	lost := h.acquire("t", "dead", time.Second).Token
	h.clock.advance(time.Second)
	h.fill("ann") // which acquires a lease
	now := h.lease("t").Token
	before := h.dump()
	for _, wrong := range []uint64{lost, now + 1, 1 << 63} {
		if e := refused(h, ckpt.Conflict, op, q(under("t", wrong))); e.Lease != now || !strings.Contains(e.Message, `"w"`) {
			h.Errorf("%s under %d: %v carries lease %d, want %d", op.Name, wrong, e, e.Lease, now)
		}
	}
	if after := h.dump(); !equalDumps(before, after) {
		h.Errorf("%s: what was refused changed the thread:\n%q\n%q", op.Name, before, after)
	}
	do(h, op, q(under("t", now)))
	if held := h.lease("t").Token; held != now && op.Name != ckpt.LeasesRelease.Name {
		h.Errorf("%s: lease %d became %d", op.Name, now, held)
	}
	h.fill("ann")
	do(h, op, q(write1("t")))
}

// Every write takes the token of a lease.
func testLeasesFence(t *testing.T, start starter) {
	h := start(t, setting{})
	fenced(h, ckpt.StatePut, func(r ckpt.WriteRef) ckpt.StatePutRequest {
		return ckpt.StatePutRequest{WriteRef: r, State: ckpt.Raw{7}}
	})
	fenced(h, ckpt.StateClear, func(r ckpt.WriteRef) ckpt.StateClearRequest { return ckpt.StateClearRequest{WriteRef: r} })
	fenced(h, ckpt.CachePut, func(r ckpt.WriteRef) ckpt.CachePutRequest {
		return ckpt.CachePutRequest{WriteRef: r, State: ckpt.Raw{7}}
	})
	fenced(h, ckpt.CacheClear, func(r ckpt.WriteRef) ckpt.CacheClearRequest { return ckpt.CacheClearRequest{WriteRef: r} })
	fenced(h, ckpt.MessagesPut, func(r ckpt.WriteRef) ckpt.MessagesPutRequest {
		return ckpt.MessagesPutRequest{WriteRef: r, Messages: []ckpt.Raw{pairs(t, "role", "user")}}
	})
	fenced(h, ckpt.MessagesDelete, func(r ckpt.WriteRef) ckpt.MessagesDeleteRequest {
		return ckpt.MessagesDeleteRequest{WriteRef: r, MessageID: ckpt.StringID("m")}
	})
	fenced(h, ckpt.ThreadsPut, func(r ckpt.WriteRef) ckpt.ThreadsPutRequest {
		return ckpt.ThreadsPutRequest{Terms: r.Terms, Record: pairs(t, "thread_id", "t")}
	})
	fenced(h, ckpt.ThreadsClean, func(r ckpt.WriteRef) ckpt.ThreadsCleanRequest { return ckpt.ThreadsCleanRequest{WriteRef: r} })
	fenced(h, ckpt.ThreadsRetain, func(r ckpt.WriteRef) ckpt.ThreadsRetainRequest {
		return ckpt.ThreadsRetainRequest{WriteRef: r, Pinned: new(true)}
	})
	fenced(h, ckpt.ThreadsCommit, func(r ckpt.WriteRef) ckpt.ThreadsCommitRequest {
		return ckpt.ThreadsCommitRequest{WriteRef: r, Changes: ckpt.Changes{State: ckpt.Raw{7}}}
	})
	fenced(h, ckpt.ThreadsTransact, func(r ckpt.WriteRef) ckpt.ThreadsTransactRequest {
		return ckpt.ThreadsTransactRequest{Commits: []ckpt.ThreadCommit{{ThreadID: "other", Changes: ckpt.Changes{State: ckpt.Raw{7}}},
			{ThreadID: r.ThreadID, Lease: r.Lease, Changes: ckpt.Changes{State: ckpt.Raw{7}}}}}
	})
	fenced(h, ckpt.MessagesTruncate, func(r ckpt.WriteRef) ckpt.MessagesTruncateRequest {
		return ckpt.MessagesTruncateRequest{WriteRef: r, MessageID: ckpt.StringID("m")}
	})
	fenced(h, ckpt.MessagesPop, func(r ckpt.WriteRef) ckpt.MessagesPopRequest {
		return ckpt.MessagesPopRequest{WriteRef: r, Count: 1}
	})
	fenced(h, ckpt.MessagesReplace, func(r ckpt.WriteRef) ckpt.MessagesReplaceRequest {
		return ckpt.MessagesReplaceRequest{WriteRef: r, Message: pairs(t, "message_id", "m", "role", "user")}
	})
	fenced(h, ckpt.StateRestore, func(r ckpt.WriteRef) ckpt.StateRestoreRequest {
		return ckpt.StateRestoreRequest{WriteRef: r, Revision: do(h, ckpt.ThreadsGet, ckpt.ThreadsGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}}).Revision}
	})
	fenced(h, ckpt.LeasesAcquire, func(r ckpt.WriteRef) ckpt.LeasesAcquireRequest {
		return ckpt.LeasesAcquireRequest{WriteRef: r, Owner: "w", TTL: time.Hour}
	})
	// The lease is asked for before the revision, and after the remembered answers.
	token := h.acquire("u", "w", time.Minute).Token
	first := ckpt.StatePutRequest{WriteRef: under("u", token), State: ckpt.Raw{1}}
	first.RequestID = "r"
	put := do(h, ckpt.StatePut, first)
	h.clock.advance(time.Minute)
	if a := do(h, ckpt.StatePut, first); a != put {
		t.Errorf("answered %+v, then %+v", put, a)
	}
	both := under("u", token)
	both.Expected = ckpt.AtRevision(put.Revision + 1)
	if e := refused(h, ckpt.Conflict, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: both, State: ckpt.Raw{1}}); !strings.Contains(e.Message, "lease") || e.Revision != put.Revision {
		t.Errorf("%v at revision %d, want %d", e, e.Revision, put.Revision)
	}
}

// A lease that ran out is nobody's at once, with the sweep or without it, and
// nothing is written under it any more.
func testLeasesExpire(t *testing.T, start starter) {
	h := start(t, setting{})
	for _, sweep := range []bool{false, true} {
		held := h.acquire("t", "ann", time.Second)
		h.clock.advance(time.Second - time.Millisecond)
		do(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: under("t", held.Token), State: ckpt.Raw{1}})
		h.clock.advance(time.Millisecond)
		if sweep {
			h.sweep()
		}
		if e := refused(h, ckpt.Conflict, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: under("t", held.Token), State: ckpt.Raw{2}}); e.Lease != 0 {
			t.Errorf("the error carries token %d of nobody", e.Lease)
		}
		refused(h, ckpt.Conflict, ckpt.LeasesRenew, ckpt.LeasesRenewRequest{WriteRef: write1("t"), Token: held.Token, TTL: time.Second})
		if a := do(h, ckpt.LeasesRelease, ckpt.LeasesReleaseRequest{WriteRef: write1("t"), Token: held.Token}); a.Released {
			t.Error("a lease that ran out was released")
		}
		refused(h, ckpt.NotFound, ckpt.LeasesGet, ckpt.LeasesGetRequest{ThreadRef: thread("t")})
		// Its owner begins anew like any other.
		next := h.acquire("t", "ann", time.Second)
		if next.Token <= held.Token {
			t.Errorf("token %d after %d", next.Token, held.Token)
		}
		refused(h, ckpt.Conflict, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: under("t", held.Token), State: ckpt.Raw{2}})
		do(h, ckpt.LeasesRelease, ckpt.LeasesReleaseRequest{WriteRef: write1("t"), Token: next.Token})
	}
}

// A lease needs no thread and makes none; it outlives the thread, and its token is
// not given again.
func testLeaseOfNothing(t *testing.T, start starter) {
	h := start(t, setting{options: []Option{AllowRelease()}})
	absent := func() {
		t.Helper()
		refused(h, ckpt.NotFound, ckpt.ThreadsGet, ckpt.ThreadsGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
		if ids := h.threads(ckpt.ThreadsListRequest{}); len(ids) != 0 {
			t.Errorf("threads %q", ids)
		}
		if a := do(h, ckpt.MessagesList, ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}}); a.Revision != 0 {
			t.Errorf("revision %d of a thread that holds nothing", a.Revision)
		}
		if a := do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: write1("t")}); a.Cleaned || a.Removed != (ckpt.Removed{}) {
			t.Errorf("cleaned %+v of a thread that holds nothing", a)
		}
	}
	first := h.acquire("t", "w", time.Hour)
	if first.Revision != 0 {
		t.Errorf("%+v of a thread that does not exist", first)
	}
	absent()
	h.clock.advance(10 * time.Minute) // no answer is remembered any more
	h.sweep()
	absent()
	ref := under("t", first.Token)
	ref.Expected, ref.UserID = ckpt.AtRevision(0), "ann"
	do(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: ref, State: ckpt.Raw{1}})
	for _, end := range []func(){
		func() { do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: under("t", first.Token)}) },
		func() { do(h, ckpt.Release, ckpt.ReleaseRequest{Confirm: h.prefix}) },
		func() { do(h, ckpt.StateClear, ckpt.StateClearRequest{WriteRef: write1("t")}) },
		func() {
			h.putCache("t", ckpt.Raw{1}, time.Second)
			do(h, ckpt.StateClear, ckpt.StateClearRequest{WriteRef: write1("t"), KeepCache: true})
			h.clock.advance(time.Second)
			h.sweep()
		},
	} {
		end()
		absent()
		if a := h.lease("t"); a.Token != first.Token || a.Revision != 0 {
			t.Errorf("the lease is %+v, want %+v", a, first)
		}
		// The thread belongs to whoever writes it next, not to the lease's user.
		ref.UserID = "bob"
		do(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: ref, State: ckpt.Raw{1}})
	}
	do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: write1("t")})
	do(h, ckpt.LeasesRelease, ckpt.LeasesReleaseRequest{WriteRef: write1("t"), Token: first.Token})
	absent()
	h.clock.advance(10 * time.Minute)
	h.sweep()
	refused(h, ckpt.Conflict, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: ref, State: ckpt.Raw{1}})
	if a := h.acquire("t", "w", time.Hour); a.Token <= first.Token {
		t.Errorf("token %d after %d", a.Token, first.Token)
	}
}

// Whatever happens to a lease, the thread's revision, its record and its events
// know nothing of it.
func testLeasesLeaveRevisions(t *testing.T, start starter) {
	h := start(t, setting{})
	events := h.watch()
	put := h.putState("t", ckpt.Raw{1})
	record := h.info("t")
	h.clock.advance(time.Second)
	last := put.Revision
	for range 3 {
		a := h.acquire("t", "w", time.Minute)
		b := do(h, ckpt.LeasesRenew, ckpt.LeasesRenewRequest{WriteRef: write1("t"), Token: a.Token, TTL: time.Minute})
		if got := do(h, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}}); got.Revision != last || a.Revision != last || b.Revision != last {
			t.Errorf("revisions %d, %d, %d, want %d", a.Revision, b.Revision, got.Revision, last)
		}
		if now := h.info("t"); !now.UpdatedAt.Equal(record.UpdatedAt) && last == put.Revision {
			t.Errorf("updated at %v, want %v", now.UpdatedAt, record.UpdatedAt)
		}
		ref := under("t", a.Token)
		ref.Expected = ckpt.AtRevision(last)
		last = do(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: ref, State: ckpt.Raw{1}}).Revision
		if c := do(h, ckpt.LeasesRelease, ckpt.LeasesReleaseRequest{WriteRef: at("t", last), Token: a.Token}); c.Revision != last || !c.Released {
			t.Errorf("released: %+v, want revision %d", c, last)
		}
	}
	do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: at("t", last)})
	// A history that begins behind a lease knows the revision that was there.
	first := h.putState("h", ckpt.Raw{1})
	h.acquire("h", "w", time.Minute)
	keep := 5
	do(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: at("h", first.Revision), State: ckpt.Raw{2}, Keep: &keep})
	if got := do(h, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("h")}, AtRevision: first.Revision}); !sameBytes(got.State, ckpt.Raw{1}) {
		t.Errorf("at revision %d the state is %x", first.Revision, []byte(got.State))
	}
	previous := uint64(0)
	for range 5 {
		e := events.next()
		if e.Previous != previous || e.Kind != ckpt.StatePut.Name && e.Kind != ckpt.ThreadsClean.Name {
			t.Errorf("event %+v after revision %d", e, previous)
		}
		previous = e.Revision
	}
}

// Of the workers that want one thread, one has it at a time, and no write of
// another comes between its own.
func testLeasesExclude(t *testing.T, start starter) {
	h := start(t, setting{})
	const workers, turns = 4, 8
	var mu sync.Mutex
	tokens := make(map[uint64]string)
	var wg sync.WaitGroup
	for _, owner := range []string{"a", "b", "c", "d"}[:workers] {
		wg.Go(func() {
			for done := 0; done < turns; {
				a, err := ask(h, ckpt.LeasesAcquire, ckpt.LeasesAcquireRequest{WriteRef: write1("t"), Owner: owner, TTL: time.Minute})
				if err != nil {
					if e, ok := err.(*ckpt.Error); !ok || e.Code != ckpt.Conflict || e.Lease == 0 {
						t.Errorf("%v", err)
						return
					}
					continue
				}
				mu.Lock()
				if other, again := tokens[a.Token]; again {
					t.Errorf("token %d was given to %s and to %s", a.Token, other, owner)
				}
				tokens[a.Token] = owner
				mu.Unlock()
				mine := ckpt.Raw{byte(owner[0] & 7)}
				do(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: under("t", a.Token), State: mine})
				if got := do(h, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}}); !sameBytes(got.State, mine) {
					t.Errorf("%s holds the lease, and the state is %x", owner, []byte(got.State))
				}
				do(h, ckpt.LeasesRelease, ckpt.LeasesReleaseRequest{WriteRef: write1("t"), Token: a.Token})
				done++
			}
		})
	}
	wg.Wait()
	if len(tokens) != workers*turns {
		t.Errorf("%d tokens of %d turns", len(tokens), workers*turns)
	}
}
