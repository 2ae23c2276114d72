package service

import (
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
)

// The position of a watcher is kept as it was put, and nothing else shows it.
func testWatchers(t *testing.T, start starter) {
	h := start(t, setting{options: []Option{AllowRelease(), WithThreadTTL(time.Hour, false)}})
	get := func(name string) ckpt.WatchersGetReply {
		t.Helper()
		return do(h, ckpt.WatchersGet, ckpt.WatchersGetRequest{Name: name})
	}
	refused(h, ckpt.NotFound, ckpt.WatchersGet, ckpt.WatchersGetRequest{Name: "w"})
	first, second := ckpt.Position{StoreID: h.StoreID(), Revision: 7}, ckpt.Position{StoreID: "another", Revision: 3}
	put := do(h, ckpt.WatchersPut, ckpt.WatchersPutRequest{Name: "w", Position: first})
	if a := get("w"); a.Position != first || a.Revision != put.Revision || !a.UpdatedAt.Equal(h.clock.now()) {
		t.Errorf("%+v, want %+v", a, first)
	}
	h.clock.advance(time.Second)
	q := ckpt.WatchersPutRequest{Name: "w", Position: second, Terms: ckpt.Terms{RequestID: "r", Expected: ckpt.AtRevision(put.Revision)}}
	again := do(h, ckpt.WatchersPut, q)
	if retry := do(h, ckpt.WatchersPut, q); retry != again {
		t.Errorf("a retry: %+v, want %+v", retry, again)
	}
	q.RequestID = ""
	if e := refused(h, ckpt.Conflict, ckpt.WatchersPut, q); e.Revision != again.Revision {
		t.Errorf("%v: revision %d, want %d", e, e.Revision, again.Revision)
	}
	do(h, ckpt.WatchersPut, ckpt.WatchersPutRequest{Name: "v", Position: first})
	if a := get("w"); a.Position != second || !a.UpdatedAt.Equal(h.clock.now()) {
		t.Errorf("%+v, want %+v", a, second)
	}

	state := h.putState("w", ckpt.Raw{1}) // a thread of the same name is another thing
	h.settle()
	if ids := h.threads(ckpt.ThreadsListRequest{}); len(ids) != 1 || h.store.Threads() != 1 {
		t.Errorf("threads %q, %d in all", ids, h.store.Threads())
	}
	if events := h.events(ckpt.ChangesListRequest{}); len(events) != 1 || events[0].Revision != state.Revision {
		t.Errorf("events %+v", events)
	}
	if a := do(h, ckpt.Release, ckpt.ReleaseRequest{Confirm: h.prefix}); a.Removed.Threads != 1 {
		t.Errorf("released %+v", a.Removed)
	}
	if a := get("v"); a.Position != first {
		t.Errorf("after a release: %+v", a)
	}
	h.clock.advance(2 * time.Hour) // nor do the lifetime of threads and a prune concern it
	h.sweep()
	do(h, ckpt.ThreadsPrune, ckpt.ThreadsPruneRequest{UpdatedBefore: h.clock.now()})
	if a := get("v"); a.Position != first {
		t.Errorf("after two hours: %+v", a)
	}
	for _, deleted := range []bool{true, false} {
		if a := do(h, ckpt.WatchersDelete, ckpt.WatchersDeleteRequest{Name: "w"}); a.Deleted != deleted {
			t.Errorf("deleted: %t, want %t", a.Deleted, deleted)
		}
	}
	refused(h, ckpt.NotFound, ckpt.WatchersGet, ckpt.WatchersGetRequest{Name: "w"})
	get("v")
}
