package service

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/bus"
)

// The figures are those of what is there, and of what was asked.
func testStats(t *testing.T, start starter) {
	h := start(t, setting{})
	do(h, ckpt.WatchersPut, ckpt.WatchersPutRequest{Name: "not one of them"})
	h.acquire("leased", "w", time.Hour)
	if a := do(h, ckpt.Stats, ckpt.StatsRequest{}); a.Threads != 0 || a.LiveBytes != 0 || len(a.Largest) != 0 || len(a.Users) != 0 || a.Replica != h.replica {
		t.Errorf("of an empty store: %+v", a)
	}
	sizes := map[string]int{}
	for i := range 20 {
		id := fmt.Sprint("t", i)
		ref := write1(id)
		ref.UserID = fmt.Sprint("u", i%3)
		for n := range i {
			m := textMessage(t, n, strings.Repeat("x", 100))
			do(h, ckpt.MessagesPut, ckpt.MessagesPutRequest{WriteRef: ref, Messages: []ckpt.Raw{m}})
			sizes[id] += len(m)
		}
		state := pack(t, strings.Repeat("s", i))
		do(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: ref, State: state})
		sizes[id] += len(state)
	}
	h.putCache("expired", ckpt.Raw{1}, time.Second)
	last := h.putState("nobody's", ckpt.Raw{1})
	refused(h, ckpt.NotFound, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("none")}})
	h.clock.advance(time.Second)
	a := do(h, ckpt.Stats, ckpt.StatsRequest{Top: 5})
	total := 1
	for _, n := range sizes {
		total += n
	}
	if a.Threads != 21 || a.Messages != 190 || a.LiveBytes != total || a.HeldBytes < total || a.Revision < last.Revision || a.Lag() > 0 {
		t.Errorf("%+v, want %d bytes", a, total)
	}
	for i, row := range a.Largest {
		id := fmt.Sprint("t", 19-i)
		if row != (ckpt.ThreadStats{ThreadID: id, UserID: fmt.Sprint("u", (19-i)%3), Messages: 19 - i, Bytes: sizes[id]}) {
			t.Errorf("row %d is %+v, want thread %s of %d bytes", i, row, id, sizes[id])
		}
	}
	users, bytes := 0, 0
	for i, row := range a.Users {
		users, bytes = users+row.Threads, bytes+row.Bytes
		if i > 0 && row.Bytes > a.Users[i-1].Bytes {
			t.Errorf("users %+v are not in their order", a.Users)
		}
	}
	if len(a.Largest) != 5 || len(a.Users) != 3 || users != 20 || bytes != total-1 {
		t.Errorf("%d threads, users %+v", len(a.Largest), a.Users)
	}
	counts := map[string][2]uint64{}
	for _, op := range a.Operations {
		counts[op.Operation] = [2]uint64{op.Requests, op.Errors}
		if op.Mean <= 0 || op.P50 <= 0 || op.P99 < op.P50 || op.Max < op.P99 {
			t.Errorf("%+v", op)
		}
	}
	want := map[string][2]uint64{"messages.put": {190, 0}, "state.put": {21, 0}, "state.get": {1, 1}, "cache.put": {1, 0}, "stats": {1, 0},
		"watchers.put": {1, 0}, "leases.acquire": {1, 0}}
	if delete(counts, "setup"); !maps.Equal(counts, want) { // which other services ask when they start
		t.Errorf("operations %v, want %v", counts, want)
	}
	list := do(h, ckpt.ThreadsList, ckpt.ThreadsListRequest{Sizes: true, UserID: "u1"})
	for _, raw := range list.Threads {
		info := decodeInfo(t, raw)
		if want := sizes[info.ThreadID]; info.Bytes != want || fmt.Sprint("t", info.Messages) != info.ThreadID {
			t.Errorf("%+v, want %d bytes", info, want)
		}
	}
	if info := h.info("t7"); info.Bytes != 0 || info.Messages != 0 || len(list.Threads) != 7 {
		t.Errorf("sizes that nobody asked for: %+v", info)
	}
}

// On a bus of few bytes the reply tells of as many as fit it.
func testStatsSmallBus(t *testing.T, start starter) {
	h := start(t, setting{bus: bus.Options{MaxPayload: 8 << 10}})
	for i := range 60 {
		ref := write1(fmt.Sprintf("%0250d", i))
		ref.UserID = fmt.Sprintf("%0250d", i)
		do(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: ref, State: ckpt.Raw{1}})
	}
	a := do(h, ckpt.Stats, ckpt.StatsRequest{Top: ckpt.MaxTop})
	if a.Threads != 60 || len(a.Largest) == 0 || len(a.Largest) > 30 {
		t.Errorf("%d threads, %d of the largest", a.Threads, len(a.Largest))
	}
}
