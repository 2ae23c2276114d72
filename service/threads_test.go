package service

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/bus"
)

func testThreadRecords(t *testing.T, start starter) {
	h := start(t, setting{})
	refused(h, ckpt.NotFound, ckpt.ThreadsGet, ckpt.ThreadsGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
	created := h.clock.now().UTC()
	do(h, ckpt.StatePut, ckpt.StatePutRequest{State: ckpt.Raw{1}, WriteRef: ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: "t", UserID: "u"}}})
	h.clock.advance(time.Minute)
	h.putState("t", ckpt.Raw{2})
	updated := h.clock.now().UTC()
	want := ckpt.ThreadInfo{ThreadID: "t", UserID: "u", Bare: true, CreatedAt: created, UpdatedAt: updated}
	if got := h.info("t"); !reflect.DeepEqual(got, want) {
		t.Errorf("bare: got %+v, want %+v", got, want)
	}
	h.clock.advance(time.Minute)
	put := h.putThread("later", []any{1, nil}, "thread_id", "t", "thread_name", "Refund", "run_id", 7, "metadata", map[string]any{"a": int64(1)},
		"created_at", 5, "bare", true)
	raw := do(h, ckpt.ThreadsGet, ckpt.ThreadsGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
	got := decodeInfo(t, raw.Record)
	if later := raw.Record.Get("later"); !reflect.DeepEqual(later.Any(), []any{int64(1), nil}) {
		t.Errorf("a field of a later version came back as %x", []byte(later))
	}
	if got.ThreadName != "Refund" || got.RunID != "7" || got.UserID != "u" || got.Bare || !got.CreatedAt.Equal(created) ||
		!got.UpdatedAt.Equal(h.clock.now()) || !reflect.DeepEqual(got.Metadata, map[string]any{"a": int64(1)}) || raw.Revision != put.Revision {
		t.Errorf("record: got %+v at revision %d after %+v", got, raw.Revision, put)
	}
	// What the put says of its time stands, whatever happens to the thread.
	h.putThread("thread_id", "t", "updated_at", 1234, "user_id", "u")
	h.clock.advance(time.Minute)
	h.putState("t", ckpt.Raw{3})
	if got := h.info("t"); got.UpdatedAt.UnixMilli() != 1234 || got.ThreadName != "" || got.Metadata != nil || got.UserID != "u" {
		t.Errorf("record: got %+v", got)
	}
	for name, bad := range map[string]any{
		"no map": "t", "no thread": map[string]any{"thread_name": "x"}, "name no string": map[string]any{"thread_id": "t", "thread_name": 1},
		"empty ID": map[string]any{"thread_id": ""}, "metadata no map": map[string]any{"thread_id": "t", "metadata": 1},
	} {
		_, err := h.send(ckpt.ThreadsPut.OpInfo, pairs(t, "thread", bad))
		if e := h.want(ckpt.InvalidArgument, ckpt.ThreadsPut.OpInfo, err); !strings.Contains(e.Message, "thread") {
			t.Errorf("%s: %v", name, e)
		}
	}
}

// A record that is put again keeps its thread's place and time of creation.
func testThreadRecordKeepsPlace(t *testing.T, start starter) {
	h := start(t, setting{})
	for i := range 5 {
		h.clock.advance(time.Second)
		h.putThread("thread_id", fmt.Sprint("t", i))
	}
	created := h.info("t1").CreatedAt
	h.clock.advance(time.Second)
	h.putThread("thread_id", "t1", "thread_name", "again")
	if got := h.threads(ckpt.ThreadsListRequest{}); !slices.Equal(got, []string{"t0", "t1", "t2", "t3", "t4"}) {
		t.Errorf("threads %q", got)
	}
	if info := h.info("t1"); !info.CreatedAt.Equal(created) || info.ThreadName != "again" {
		t.Errorf("record %+v, created at %v before", info, created)
	}
	do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: write1("t1")})
	h.putThread("thread_id", "t1")
	if got := h.threads(ckpt.ThreadsListRequest{}); !slices.Equal(got, []string{"t0", "t2", "t3", "t4", "t1"}) {
		t.Errorf("threads %q after one was cleaned and came again", got)
	}
}

func testThreadsList(t *testing.T, start starter) {
	h := start(t, setting{})
	h.putThread("thread_id", "refund-1", "user_id", "ann", "thread_name", "Flight", "metadata", map[string]any{"deep": []any{map[string]any{"x": "NEEDLE"}}})
	h.putState("bare", ckpt.Raw{1})
	h.putThread("thread_id", "t2", "user_id", "bob", "run_id", "run-REFUND", "metadata", map[string]any{"n": 4711})
	do(h, ckpt.CachePut, ckpt.CachePutRequest{State: ckpt.Raw{1}, WriteRef: ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: "t3", UserID: "ann"}}})
	all := []string{"refund-1", "bare", "t2", "t3"}
	for _, c := range []struct {
		q    ckpt.ThreadsListRequest
		want []string
	}{
		{ckpt.ThreadsListRequest{}, all},
		{ckpt.ThreadsListRequest{WithRecord: true}, []string{"refund-1", "t2"}},
		{ckpt.ThreadsListRequest{UserID: "ann"}, []string{"refund-1", "t3"}},
		{ckpt.ThreadsListRequest{UserID: "ann", WithRecord: true}, []string{"refund-1"}},
		{ckpt.ThreadsListRequest{UserID: "nobody"}, []string{}},
		{ckpt.ThreadsListRequest{Page: ckpt.Page{Search: "refund"}}, []string{"refund-1", "t2"}},
		{ckpt.ThreadsListRequest{Page: ckpt.Page{Search: "needle"}}, []string{"refund-1"}},
		{ckpt.ThreadsListRequest{Page: ckpt.Page{Search: "flight"}}, []string{"refund-1"}},
		{ckpt.ThreadsListRequest{Page: ckpt.Page{Search: "BARE"}}, []string{"bare"}},
		{ckpt.ThreadsListRequest{Page: ckpt.Page{Search: "ann"}}, []string{"refund-1", "t3"}},
		{ckpt.ThreadsListRequest{Page: ckpt.Page{Search: "471"}}, []string{"t2"}},
		{ckpt.ThreadsListRequest{Page: ckpt.Page{Search: "thread_id"}}, []string{}},
		{ckpt.ThreadsListRequest{Page: ckpt.Page{Offset: 1, Limit: 2}}, []string{"bare", "t2"}},
		{ckpt.ThreadsListRequest{Page: ckpt.Page{Offset: 9}}, []string{}},
		{ckpt.ThreadsListRequest{UserID: "ann", Page: ckpt.Page{Offset: 1, Search: "N"}}, []string{"t3"}},
	} {
		if got := h.threads(c.q); !slices.Equal(got, c.want) {
			t.Errorf("%+v: got %q, want %q", c.q, got, c.want)
		}
	}
	a := do(h, ckpt.ThreadsList, ckpt.ThreadsListRequest{Page: ckpt.Page{Offset: 1, Limit: 2}})
	if a.Total != 4 || !a.HasMore || a.NextOffset != 3 || a.Revision != 4 {
		t.Errorf("%+v", a)
	}
}

func testThreadsPages(t *testing.T, start starter) {
	h := start(t, setting{bus: bus.Options{MaxPayload: 4 << 10}})
	limit := h.store.Limits().Metadata
	var want []string
	for i := range 30 {
		id := fmt.Sprintf("t%02d", i)
		want = append(want, id)
		size := 200
		if i%7 == 6 {
			size = limit - 64 // as large as a record may be
		}
		h.putThread("thread_id", id, "thread_name", strings.Repeat("x", size))
	}
	e := refused(h, ckpt.TooLarge, ckpt.ThreadsPut, ckpt.ThreadsPutRequest{Record: pairs(t, "thread_id", "large", "thread_name", strings.Repeat("x", limit))})
	if e.Limit != int64(limit) || e.Size <= e.Limit {
		t.Errorf("sizes %d and %d, want the limit %d", e.Size, e.Limit, limit)
	}
	// The largest record that is taken can be listed.
	for n := limit; ; n-- {
		record := pairs(t, "thread_id", "largest", "thread_name", strings.Repeat("x", n))
		if _, err := ask(h, ckpt.ThreadsPut, ckpt.ThreadsPutRequest{Record: record}); err == nil {
			break
		}
	}
	do(h, ckpt.StatePut, ckpt.StatePutRequest{State: ckpt.Raw{1}, // and gains an owner
		WriteRef: ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: "largest", UserID: strings.Repeat("u", ckpt.MaxIDBytes)}}})
	want = append(want, "largest")
	var got []string
	for q := (ckpt.ThreadsListRequest{}); ; {
		a := do(h, ckpt.ThreadsList, q)
		for _, raw := range a.Threads {
			got = append(got, decodeInfo(t, raw).ThreadID)
		}
		if a.Total != len(want) || a.NextOffset != len(got) {
			t.Fatalf("%+v: %+v after %d threads", q, a.PageReply, len(got))
		}
		if !a.HasMore {
			break
		}
		q.Offset = a.NextOffset
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func testThreadsClean(t *testing.T, start starter) {
	h := start(t, setting{})
	clean := func(recordOnly bool) ckpt.ThreadsCleanReply {
		return do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: write1("t"), RecordOnly: recordOnly})
	}
	for _, recordOnly := range []bool{false, true} {
		if a := clean(recordOnly); a.Cleaned || a.Removed != (ckpt.Removed{}) || a.Revision != 0 {
			t.Errorf("clean of nothing: %+v", a)
		}
	}
	h.putThread("thread_id", "t", "user_id", "u")
	h.putState("t", ckpt.Raw{1})
	h.putCache("t", ckpt.Raw{2}, time.Hour)
	h.putMessages("t", textMessage(t, 1, "x"), textMessage(t, 2, "x"))
	last := h.putMessages("t", textMessage(t, 3, "x")).Revision
	a := clean(true)
	if !a.Cleaned || a.Removed != (ckpt.Removed{Records: 1}) || a.Revision != last+1 {
		t.Errorf("record_only: %+v", a)
	}
	if info := h.info("t"); !info.Bare || info.UserID != "u" {
		t.Errorf("%+v after its record was removed", info)
	}
	if a := clean(true); a.Cleaned || a.Revision != last+1 {
		t.Errorf("record_only again: %+v", a)
	}
	put := h.putThread("thread_id", "t").Revision
	a = clean(false)
	if want := (ckpt.Removed{Threads: 1, States: 1, Caches: 1, Messages: 3, Records: 1}); !a.Cleaned || a.Removed != want || a.Revision <= put {
		t.Errorf("got %+v, want %+v", a, want)
	}
	refused(h, ckpt.NotFound, ckpt.ThreadsGet, ckpt.ThreadsGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
	refused(h, ckpt.NotFound, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
	refused(h, ckpt.NotFound, ckpt.CacheGet, ckpt.CacheGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
	h.wantMessages("t")
	// It belongs to nobody any more.
	do(h, ckpt.StatePut, ckpt.StatePutRequest{State: ckpt.Raw{1}, WriteRef: ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: "t", UserID: "other"}}})
	// A thread that held a record only is gone with it.
	h.putThread("thread_id", "r")
	if a := do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: write1("r"), RecordOnly: true}); a.Removed.Threads != 1 || a.Removed.Records != 1 {
		t.Errorf("record_only of a thread with nothing else: %+v", a)
	}
	if got := h.threads(ckpt.ThreadsListRequest{}); !slices.Equal(got, []string{"t"}) {
		t.Errorf("threads %q", got)
	}
}

// Every operation on a thread refuses a user to whom it does not belong, and
// passes its own and no user.
func testOwnership(t *testing.T, start starter) {
	h := start(t, setting{})
	for user, code := range map[any]ckpt.Code{"ann": 0, nil: 0, "bob": ckpt.PermissionDenied, 7: ckpt.PermissionDenied} {
		for _, op := range ckpt.Operations() {
			request := goodRequest(t, op)
			if _, ok := request["thread_id"]; op.Name == ckpt.ThreadsPut.Name {
				request["thread"].(map[string]any)["user_id"] = user
			} else if !ok {
				continue
			} else {
				request["user_id"] = user
			}
			do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: write1("t")})
			h.fill("ann")
			before := h.dump()
			_, err := h.send(op, pack(t, h.present(request)))
			if code != 0 {
				h.want(code, op, err)
				if after := h.dump(); !equalDumps(before, after) {
					t.Errorf("%s by %v was refused and changed the thread:\n%v\n%v", op.Name, user, before, after)
				}
			} else if err != nil {
				t.Errorf("%s by %v: %v", op.Name, user, err)
			}
		}
	}
	// A thread that nobody owns becomes the first named user's.
	h.putState("free", ckpt.Raw{1})
	put := func(user string) ckpt.StatePutRequest {
		return ckpt.StatePutRequest{State: ckpt.Raw{2}, WriteRef: ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: "free", UserID: user}}}
	}
	do(h, ckpt.StatePut, put("bob"))
	refused(h, ckpt.PermissionDenied, ckpt.StatePut, put("ann"))
	do(h, ckpt.StatePut, put(""))
	refused(h, ckpt.PermissionDenied, ckpt.StatePut, put("ann"))
}

// fill writes the thread "t" such that each good request finds what it asks for.
func (h *harness) fill(user string) {
	h.Helper()
	h.acquire("t", "w", time.Hour)
	do(h, ckpt.WatchersPut, ckpt.WatchersPutRequest{Name: "w", Position: ckpt.Position{StoreID: "S1", Revision: 1}})
	h.putThread("thread_id", "t", "user_id", user)
	h.putState("t", ckpt.Raw{1})
	h.putCache("t", ckpt.Raw{2}, 0)
	h.putMessages("t", textMessage(h, "m", "x"))
	h.fillParts()
}

// dump returns all that the store holds, as it is sent.
func (h *harness) dump() map[string][]byte {
	h.Helper()
	all := make(map[string][]byte)
	for _, op := range []ckpt.OpInfo{ckpt.StateGet.OpInfo, ckpt.CacheGet.OpInfo, ckpt.MessagesList.OpInfo, ckpt.ThreadsGet.OpInfo} {
		m, err := h.send(op, pairs(h, "thread_id", "t"))
		all[op.Name] = m.Data
		if err != nil {
			all[op.Name] = []byte(err.Error())
		}
	}
	return all
}

func equalDumps(a, b map[string][]byte) bool { return maps.EqualFunc(a, b, bytes.Equal) }

func testRelease(t *testing.T, start starter) {
	h := start(t, setting{options: []Option{AllowRelease()}})
	if a := do(h, ckpt.Release, ckpt.ReleaseRequest{Confirm: h.prefix}); a.Removed != (ckpt.Removed{}) {
		t.Errorf("of an empty store: %+v", a)
	}
	h.fill("ann")
	h.putCache("expired", ckpt.Raw{1}, time.Second)
	h.putMessages("u", textMessage(t, 1, "x"), textMessage(t, 2, "x"))
	last := h.putState("v", ckpt.Raw{1}).Revision
	h.clock.advance(time.Second)
	h.sweep()
	events := h.watch()
	a := do(h, ckpt.Release, ckpt.ReleaseRequest{Confirm: h.prefix, RequestID: "r"})
	if want := (ckpt.Removed{Threads: 3, States: 2, Caches: 1, Messages: 3, Records: 1}); a.Removed != want || a.Revision <= last {
		t.Errorf("got %+v, want %+v", a, want)
	}
	for _, id := range []string{"t", "u", "v"} {
		if e := events.next(); e.Kind != ckpt.Release.Name || e.ThreadID != id || e.Revision <= last || e.RequestID != "r" {
			t.Errorf("event %+v, want one of %s", e, id)
		}
	}
	if ids := h.threads(ckpt.ThreadsListRequest{}); len(ids) != 0 {
		t.Errorf("threads %q after the release", ids)
	}
	h.wantMessages("u")
	if put := h.putState("t", ckpt.Raw{1}); put.Revision <= a.Revision {
		t.Errorf("revision %d after %d", put.Revision, a.Revision)
	}
	if e := events.next(); e.ThreadID != "t" || e.Kind != ckpt.StatePut.Name {
		t.Errorf("event %+v", e)
	}
}

func testReleaseRefused(t *testing.T, start starter) {
	h := start(t, setting{})
	h.fill("ann")
	refused(h, ckpt.PermissionDenied, ckpt.Release, ckpt.ReleaseRequest{Confirm: h.prefix})
	do(h, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
	h = start(t, setting{options: []Option{AllowRelease(), WithPrefix("team.a")}})
	h.fill("ann")
	for _, confirm := range []string{"", "ckpt", "team.b", strings.Repeat("x", 100_000)} {
		refused(h, ckpt.InvalidArgument, ckpt.Release, ckpt.ReleaseRequest{Confirm: confirm})
	}
	do(h, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
	do(h, ckpt.Release, ckpt.ReleaseRequest{Confirm: "team.a"})
}
