package main

import (
	"context"
	"os"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/service"
)

// Puts that go on while gets are measured: a few, once in a while.
const (
	putsAtOnce = 2
	putsEvery  = time.Millisecond
)

// reads compares gets of a service with a journal with those of one in memory, while
// as many puts go on at both.
func reads(ctx context.Context, b bounds, t *table) error {
	folder, err := os.MkdirTemp("", "ckpt-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	memory, err := newRig(ctx)
	if err != nil {
		return err
	}
	defer memory.close()
	journal, err := newRigWith(ctx, bus.Options{Data: folder, SyncInterval: time.Second}, 1, service.WithJetStream(service.Stream{}))
	if err != nil {
		return err
	}
	defer journal.close()
	n := b.sizes[0]
	writing, stop := context.WithCancel(ctx)
	var loads [2]load
	failed := make(chan error, len(loads))
	for i, r := range []*rig{memory, journal} {
		if err := r.putAll(n); err != nil {
			stop()
			return err
		}
		go func() { failed <- r.keepPutting(writing, n) }()
		loads[i] = r.requests(ckpt.StateGet.Subject(ckpt.DefaultPrefix), func() (numbered, error) {
			return number(&ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{ThreadID: threadID(0)}}})
		})
	}
	t.begin("Get while 2000 puts a second go on, with a journal, against the same in memory", "reply")
	for _, inFlight := range b.inFlight {
		var f figure
		if f, err = compare(b, inFlight, loads[0], loads[1]); err != nil {
			break
		}
		t.add(f, 0, inFlight, size(n))
	}
	stop()
	for range loads {
		if e := <-failed; err == nil {
			err = e
		}
	}
	return err
}

// keepPutting puts states of n bytes at a steady rate until the context ends.
func (r *rig) keepPutting(ctx context.Context, n int) error {
	q, err := statePut(n)
	if err != nil {
		return err
	}
	tick := time.NewTicker(putsEvery)
	defer tick.Stop()
	id := int(r.issued.Add(1)) * callerFactor
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		for range putsAtOnce {
			id++
			setNumber(q.thread, id%threads)
			setNumber(q.request, id)
			if _, err := r.ask(ckpt.StatePut.Subject(ckpt.DefaultPrefix), q.bytes); err != nil {
				return err
			}
		}
	}
}
