package service

import (
	"errors"
	"strings"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
)

// A store that is full refuses what comes, still answers reads, and goes on when
// there is room.
func TestFullStore(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	g.stream.MaxBytes = 256 << 10
	replicas := g.startAll(2)
	c := g.client(client.WithRetry(client.Retry{Attempts: 1}))
	acked := make(map[string]bool)
	var err error
	for i := 0; err == nil && i < 100; i++ {
		id := "t" + strings.Repeat("x", i)
		if _, err = c.PutState(t.Context(), id, largeState(t, i)); err == nil {
			acked[id] = true
		}
	}
	if !errors.Is(err, ckpt.ErrUnavailable) || len(acked) < 10 {
		t.Fatalf("after %d puts: %v, want unavailable", len(acked), err)
	}
	if _, err := c.GetState(t.Context(), "t"); err != nil {
		t.Errorf("a read of a full store: %v", err)
	}
	info, err := g.js.StreamInfo(journalStream)
	if err != nil {
		t.Fatal(err)
	}
	info.Config.MaxBytes *= 2
	if _, err := g.js.UpdateStream(&info.Config); err != nil {
		t.Fatal(err)
	}
	if _, err := g.client().PutState(t.Context(), "last", largeState(t, 0)); err != nil {
		t.Errorf("a put when there is room: %v", err)
	}
	view := g.same(replicas...)
	for id := range acked {
		if _, ok := view[id]; !ok {
			t.Errorf("the thread of %d letters is missing", len(id))
		}
	}
	if len(view) != len(acked)+1 {
		t.Errorf("%d threads, want the %d that were acknowledged and the last", len(view), len(acked))
	}
}
