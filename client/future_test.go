package client_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/nats-io/nats.go"
)

// A Wait that gives up leaves the request alone, and many may wait for it.
func TestFutureWait(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[string](t, srv)
	release := make(chan struct{})
	serve(t, srv, ckpt.StatePut, func(_ int64, _ *ckpt.StatePutRequest, m *nats.Msg) {
		<-release
		answer(t, m, putReply(7))
	})
	f := c.PutStateAsync(t.Context(), "t", "state")
	over, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.Wait(over)
	if e := failure(t, err); !errors.Is(err, context.Canceled) || e.Code != ckpt.Unknown || e.Subject != "ckpt.state.put" {
		t.Fatalf("got %v", err)
	}
	select {
	case <-f.Done():
		t.Fatal("done before the answer")
	default:
	}
	close(release)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if r, err := f.Wait(t.Context()); err != nil || r.Revision != 7 {
				t.Errorf("got %+v, %v", r, err)
			}
		})
	}
	wg.Wait()
	if r, err := f.Wait(over); err != nil || r.Revision != 7 {
		t.Errorf("done, and the context over: got %+v, %v", r, err)
	}
}

// One goroutine keeps many requests in flight.
func TestManyFutures(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[int](t, srv)
	serve(t, srv, ckpt.StatePut, func(n int64, _ *ckpt.StatePutRequest, m *nats.Msg) { answer(t, m, putReply(uint64(n))) })
	ctx := within(t, patience)
	futures := make([]*client.Future[ckpt.StatePutReply], 500)
	for i := range futures {
		futures[i] = c.PutStateAsync(ctx, "t", i)
	}
	seen := make(map[uint64]bool)
	for _, f := range futures {
		r, err := f.Wait(ctx)
		if err != nil {
			t.Fatal(err)
		}
		seen[r.Revision] = true
	}
	if len(seen) != len(futures) {
		t.Fatalf("%d different answers, want %d", len(seen), len(futures))
	}
}
