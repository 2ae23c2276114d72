package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/service"
)

// maxFollowers is up to how many replicas the cost of one more is measured.
const maxFollowers = 3

// follows measures what one replica more costs a put: the processor time of the
// whole process, servers and callers included, with one replica, two and three, in
// turns.
func follows(ctx context.Context, b bounds, t *table) error {
	n, inFlight := b.sizes[0], b.inFlight[len(b.inFlight)-1]
	fmt.Fprintf(t.out, "\nProcessor time of a put of %s with %d in flight, and what one replica more adds to it\n\n", size(n), inFlight)
	t.row("replicas", "time", "added")
	t.row("--:", "--:", "--:")
	loads := make([]load, maxFollowers)
	for i := range loads {
		folder, err := os.MkdirTemp("", "ckpt-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		r, err := newRigWith(ctx, bus.Options{Data: folder, SyncInterval: time.Second}, i+1, service.WithJetStream(service.Stream{}))
		if err != nil {
			return err
		}
		defer r.close()
		if err := r.putAll(n); err != nil {
			return err
		}
		loads[i] = r.requests(ckpt.StatePut.Subject(ckpt.DefaultPrefix), func() (numbered, error) { return statePut(n) })
	}
	times := make([][]time.Duration, maxFollowers)
	for range b.rounds {
		for i, l := range loads {
			before := processTime()
			requests, err := count(l, inFlight, b.turn)
			if err != nil {
				return err
			}
			times[i] = append(times[i], (processTime()-before)/time.Duration(max(requests, 1)))
		}
	}
	for i := range times {
		added := ""
		if i > 0 {
			added = micros(median(times[i]) - median(times[i-1]))
		}
		t.row(fmt.Sprint(i+1), micros(median(times[i])), added)
	}
	return nil
}

func micros(d time.Duration) string { return fmt.Sprintf("%.1f us", float64(d)/1e3) }
