package replay

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/ckptbus/ckpt/service"
)

func connect(t *testing.T) *client.Client[ckpt.Raw] {
	t.Helper()
	srv := bustest.Start(t)
	s, err := service.Start(bustest.Connect(t, srv), service.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	c, err := client.New[ckpt.Raw](bustest.Connect(t, srv))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// The conversation of a worker that dies is taken over by another, which goes on
// where that one had stopped: no step is played twice.
func TestWorkerDies(t *testing.T) {
	t.Parallel()
	list := readSample(t, "support.json")
	puts := 0
	for i := range list {
		for range steps(list[i].Messages) {
			puts++
		}
	}
	for _, workers := range []int{1, 4} {
		c := connect(t)
		r, err := Start(t.Context(), c, list, Options{Workers: workers, Threads: "t", Lease: 2 * time.Second, Dies: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Play(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := r.Verify(t.Context()); err != nil {
			t.Fatal(err)
		}
		report := r.Report()
		if !report.OK() || report.TakenOver != 1 {
			t.Errorf("%d workers: %+v", workers, report)
		}
		for _, op := range report.Operations {
			if want := map[string]int{"messages.put": puts, "cache.put": puts, "threads.put": len(list), "leases.acquire": len(list) + 1, "leases.release": len(list)}; want[op.Name] != 0 && op.Count != want[op.Name] {
				t.Errorf("%d workers: %d requests of %s, want %d", workers, op.Count, op.Name, want[op.Name])
			}
		}
	}
}

// A worker that loses its lease writes no more, and another takes over.
func TestWorkerLosesItsLease(t *testing.T) {
	t.Parallel()
	c := connect(t)
	list := readSample(t, "garden.jsonl")
	var r *Run
	stolen := false
	progress := func(int) {
		if stolen {
			return
		}
		stolen = true
		held, err := c.GetLease(t.Context(), "t-1")
		if err == nil {
			_, err = c.ReleaseLease(t.Context(), "t-1", held.Token)
		}
		if err == nil {
			_, err = c.AcquireLease(t.Context(), "t-1", "thief", 300*time.Millisecond)
		}
		if err != nil {
			t.Error(err)
		}
	}
	r, err := Start(t.Context(), c, list, Options{Threads: "t", Progress: progress})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Play(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	if report := r.Report(); !report.OK() || report.TakenOver != 1 {
		t.Errorf("%+v", report)
	}
}
