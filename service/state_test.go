package service

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

// states returns values of every kind that must come back byte for byte.
func states(t testing.TB) []ckpt.Raw {
	deep := append(bytes.Repeat([]byte{0x91}, ckpt.MaxDepth-1), 0x90)
	return []ckpt.Raw{
		{0xc0}, {0xc2}, {0xc3}, {0x00}, {0xff}, {0x80}, {0x90}, {0xa0}, {0xc4, 0x00}, // empty ones
		wire.AppendUint(nil, math.MaxUint64),
		wire.AppendInt(nil, math.MinInt64),
		{0xcf, 0, 0, 0, 0, 0, 0, 0, 7},                        // 7 in eight bytes
		{0xdf, 0, 0, 0, 1, 0xdb, 0, 0, 0, 1, 'k', 0xdc, 0, 0}, // wide headers
		wire.AppendBin(nil, []byte{0, 1, 0xff}),
		wire.AppendStr(nil, "\x00 ü 漢字"),
		{0xca, 0x7f, 0xc0, 0, 0},                 // a float that is no number
		{0xd6, 0xff, 1, 2, 3, 4},                 // a timestamp
		{0xc7, 2, 42, 9, 9},                      // an extension of the caller's own
		{0x82, 0x01, 0xa1, 'a', 0x01, 0xa1, 'b'}, // a key twice, of integers
		deep,
		pack(t, map[string]any{"a": []any{int64(1), nil, map[string]any{}, []byte{}}}),
		wire.AppendBin(nil, bytes.Repeat([]byte{7}, 100_000)),
	}
}

func testStates(t *testing.T, start starter) {
	h := start(t, setting{})
	refused(h, ckpt.NotFound, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
	refused(h, ckpt.NotFound, ckpt.CacheGet, ckpt.CacheGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
	last := uint64(0)
	for _, state := range states(t) {
		h.clock.advance(time.Second)
		put := h.putState("t", state)
		if put.Revision <= last || !put.UpdatedAt.Equal(h.clock.now()) {
			t.Errorf("put: %+v after revision %d at %v", put, last, h.clock.now())
		}
		got := do(h, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
		if !bytes.Equal(got.State, state) || got.Revision != put.Revision || !got.UpdatedAt.Equal(put.UpdatedAt) || !got.ExpiresAt.IsZero() {
			t.Errorf("state %.40x: got %.40x, revision %d, want %d", []byte(state), []byte(got.State), got.Revision, put.Revision)
		}
		cached := h.putCache("t", state, 0)
		got = do(h, ckpt.CacheGet, ckpt.CacheGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
		if !bytes.Equal(got.State, state) || got.Revision != cached.Revision || cached.Revision <= put.Revision || !cached.ExpiresAt.IsZero() {
			t.Errorf("cached state %.40x: got %.40x, revision %d, want %d", []byte(state), []byte(got.State), got.Revision, cached.Revision)
		}
		last = cached.Revision
	}
}

func testClear(t *testing.T, start starter) {
	h := start(t, setting{})
	one := ckpt.Raw{1}
	get := func(op ckpt.Op[ckpt.StateGetRequest, ckpt.StateGetReply]) bool {
		_, err := ask(h, op, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
		return err == nil
	}
	cacheGet := func() bool {
		_, err := ask(h, ckpt.CacheGet, ckpt.CacheGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
		return err == nil
	}
	for _, c := range []struct {
		name                          string
		state, cache                  bool // what there is
		clearState, keep              bool // a state.clear, or else a cache.clear
		cleared, stateLeft, cacheLeft bool
	}{
		{"nothing", false, false, true, false, false, false, false},
		{"nothing to keep", false, false, true, true, false, false, false},
		{"no cache", false, false, false, false, false, false, false},
		{"both", true, true, true, false, true, false, false},
		{"keep", true, true, true, true, true, false, true},
		{"the cache goes too", false, true, true, false, true, false, false},
		{"only a cache that is kept", false, true, true, true, false, false, true},
		{"the state alone", true, false, true, false, true, false, false},
		{"the cache alone", true, true, false, false, true, true, false},
		{"no cache beside a state", true, false, false, false, false, true, false},
	} {
		do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: write1("t")})
		last := uint64(0)
		if c.state {
			last = h.putState("t", one).Revision
		}
		if c.cache {
			last = h.putCache("t", one, 0).Revision
		}
		var a ckpt.ClearReply
		if c.clearState {
			a = do(h, ckpt.StateClear, ckpt.StateClearRequest{WriteRef: write1("t"), KeepCache: c.keep})
		} else {
			a = do(h, ckpt.CacheClear, ckpt.CacheClearRequest{WriteRef: write1("t")})
		}
		if a.Cleared != c.cleared || (a.Revision > last) != c.cleared || !c.cleared && a.Revision != last {
			t.Errorf("%s: %+v after revision %d", c.name, a, last)
		}
		if s, k := get(ckpt.StateGet), cacheGet(); s != c.stateLeft || k != c.cacheLeft {
			t.Errorf("%s: state %v, cache %v are left", c.name, s, k)
		}
		if ids := h.threads(ckpt.ThreadsListRequest{}); (len(ids) == 1) != (c.stateLeft || c.cacheLeft) {
			t.Errorf("%s: threads %q", c.name, ids)
		}
	}
}

// An expired value is invisible at once, before any sweep.
func testExpiry(t *testing.T, start starter) {
	h := start(t, setting{})
	h.putState("kept", ckpt.Raw{1})
	h.putCache("kept", ckpt.Raw{2}, time.Second)
	put := h.putCache("gone", ckpt.Raw{3}, time.Second)
	if want := h.clock.now().Add(time.Second); !put.ExpiresAt.Equal(want) {
		t.Errorf("expires at %v, want %v", put.ExpiresAt, want)
	}
	get := ckpt.CacheGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("gone")}}
	h.clock.advance(999 * time.Millisecond)
	if a := do(h, ckpt.CacheGet, get); !a.ExpiresAt.Equal(put.ExpiresAt) {
		t.Errorf("expires at %v, want %v", a.ExpiresAt, put.ExpiresAt)
	}
	h.clock.advance(time.Millisecond)
	refused(h, ckpt.NotFound, ckpt.CacheGet, get)
	refused(h, ckpt.NotFound, ckpt.CacheGet, ckpt.CacheGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("kept")}})
	refused(h, ckpt.NotFound, ckpt.ThreadsGet, ckpt.ThreadsGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("gone")}})
	if ids := h.threads(ckpt.ThreadsListRequest{}); !slices.Equal(ids, []string{"kept"}) {
		t.Errorf("threads %q, want the one that is kept", ids)
	}
	if a := do(h, ckpt.CacheClear, ckpt.CacheClearRequest{WriteRef: write1("gone")}); a.Cleared || a.Revision != 0 {
		t.Errorf("clear of an expired cache: %+v", a)
	}
	if a := do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: write1("gone")}); a.Cleaned {
		t.Errorf("clean of an expired thread: %+v", a)
	}
	// A thread that begins anew where one had expired has its own time.
	h.clock.advance(time.Minute)
	h.putCache("gone", ckpt.Raw{4}, 0)
	if info := h.info("gone"); !info.CreatedAt.Equal(h.clock.now()) {
		t.Errorf("created at %v, want %v", info.CreatedAt, h.clock.now())
	}
	h.clock.advance(time.Hour)
	h.sweep()
	do(h, ckpt.CacheGet, get)
	// A put without a TTL ends the one of before, and the other way round.
	h.putCache("gone", ckpt.Raw{5}, time.Second)
	h.putCache("gone", ckpt.Raw{6}, 0)
	h.clock.advance(time.Hour)
	h.sweep()
	do(h, ckpt.CacheGet, get)
}

// The sweep frees what nobody asks for, and tells of threads that are gone.
func testExpiryWithoutReader(t *testing.T, start starter) {
	h := start(t, setting{sweepEvery: time.Millisecond})
	events := h.watch()
	kept := h.putState("kept", ckpt.Raw{1})
	h.putCache("kept", ckpt.Raw{2}, time.Second)
	put := do(h, ckpt.CachePut, ckpt.CachePutRequest{TTL: time.Second, State: ckpt.Raw{3},
		WriteRef: ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: "gone", UserID: "u"}}})
	for range 3 {
		events.next()
	}
	h.clock.advance(time.Second)
	e := events.next()
	if e.Kind != ckpt.KindExpired || e.ThreadID != "gone" || e.Previous != put.Revision || e.Revision <= put.Revision ||
		e.UserID != "u" || !e.At.Equal(h.clock.now()) || e.RequestID != "" {
		t.Errorf("event %+v after %+v", e, put)
	}
	// The thread with a state goes on with the revision that it had.
	if a := do(h, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("kept")}}); a.Revision != kept.Revision+1 {
		t.Errorf("revision %d, want that of the cache.put", a.Revision)
	}
}

func testTTLBounds(t *testing.T, start starter) {
	h := start(t, setting{})
	for _, ttl := range []time.Duration{-time.Millisecond, ckpt.MaxTTL + time.Millisecond, -ckpt.MaxTTL * 20} {
		e := refused(h, ckpt.InvalidArgument, ckpt.CachePut, ckpt.CachePutRequest{WriteRef: write1("t"), State: ckpt.Raw{1}, TTL: ttl})
		if !strings.Contains(e.Message, "ttl_ms") {
			t.Errorf("%v: %v", ttl, e)
		}
	}
	for _, ms := range []uint64{math.MaxInt64, math.MaxUint64} {
		_, err := h.send(ckpt.CachePut.OpInfo, pairs(t, "thread_id", "t", "state", 1, "ttl_ms", ms))
		h.want(ckpt.InvalidArgument, ckpt.CachePut.OpInfo, err)
	}
	if ids := h.threads(ckpt.ThreadsListRequest{}); len(ids) != 0 {
		t.Errorf("threads %q after refused requests", ids)
	}
	h.putCache("t", ckpt.Raw{1}, ckpt.MaxTTL)
}
