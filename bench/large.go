package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/service"
)

// larges compares the puts and gets of a state that travels in parts with a
// responder that takes, or answers, as many bytes in messages of the same size.
func larges(ctx context.Context, b bounds, t *table) error {
	t.begin(fmt.Sprintf("A state of %s, against as many bytes in parts of %s, in MB/s", size(b.large), size(largePart)), "journal", "what")
	folder, err := os.MkdirTemp("", "ckpt-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	for _, m := range []struct {
		name string
		bus  bus.Options
		opts []service.Option
	}{
		{"memory", bus.Options{}, nil},
		{"files", bus.Options{Data: folder, SyncInterval: time.Second}, []service.Option{service.WithJetStream(service.Stream{})}},
	} {
		r, err := newRigWith(ctx, m.bus, 1, m.opts...)
		if err != nil {
			return err
		}
		err = r.large(b, t, m.name)
		r.close()
		if err != nil {
			return err
		}
	}
	return nil
}

// largePart is the size of the parts, and largeAtOnce how many are under way,
// as the client has it.
var largePart = ckpt.PartSize(1 << 20)

const largeAtOnce = 4

func (r *rig) large(b bounds, t *table, journal string) error {
	part, ack := make([]byte, largePart), []byte("taken")
	for subject, reply := range map[string][]byte{"bare.put": ack, "bare.get": part} {
		if err := r.respond(subject, reply); err != nil {
			return err
		}
	}
	nc, err := r.connect()
	if err != nil {
		return err
	}
	c, err := client.New[ckpt.Raw](nc)
	if err != nil {
		return err
	}
	defer c.Close()
	head := []byte{0xc6, byte(b.large >> 24), byte(b.large >> 16), byte(b.large >> 8), byte(b.large)}
	state := append(head, make([]byte, b.large)...)
	for _, s := range []struct {
		name string
		bare func() error
		ours func() error
	}{
		{"put", r.inParts("bare.put", part, b.large), func() error { _, err := c.PutState(r.ctx, "large", state); return err }},
		{"get", r.inParts("bare.get", ack, b.large), func() error { _, err := c.GetState(r.ctx, "large"); return err }},
	} {
		one := func(f func() error) load { return callers(func(int, int) func() error { return f }) }
		f, err := compare(b, 1, one(s.bare), one(s.ours))
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		f.bare, f.ours = f.bare*float64(b.large)/1e6, f.ours*float64(b.large)/1e6
		t.add(f, 0, 1, journal, s.name)
	}
	return nil
}

// inParts returns what makes as many requests as n bytes have parts, some at
// once.
func (r *rig) inParts(subject string, request []byte, n int) func() error {
	return func() error {
		var callers sync.WaitGroup
		var left atomic.Int64
		var failure atomic.Pointer[error]
		left.Store(int64(ckpt.PartCount(n, largePart)))
		for range largeAtOnce {
			callers.Go(func() {
				for left.Add(-1) >= 0 {
					if _, err := r.ask(subject, request); err != nil {
						failure.Store(&err)
						return
					}
				}
			})
		}
		callers.Wait()
		if err := failure.Load(); err != nil {
			return *err
		}
		return nil
	}
}
