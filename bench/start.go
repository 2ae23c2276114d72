package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/service"
)

// starts measures how long a replica takes to read a journal with stored
// messages: from files, one thread with as many messages as the others.
func starts(ctx context.Context, b bounds, t *table) error {
	folder, err := os.MkdirTemp("", "ckpt-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	stream := service.WithJetStream(service.Stream{})
	r, err := newRigWith(ctx, bus.Options{Data: folder, SyncInterval: time.Second}, 1, stream)
	if err != nil {
		return err
	}
	defer r.close()
	const inThread = 1000
	for done := 0; done < b.stored; done += inThread {
		if err := r.fill(fmt.Sprint("stored-", done/inThread), min(inThread, b.stored-done)); err != nil {
			return err
		}
	}
	begun := time.Now()
	if err := r.serve(stream); err != nil {
		return err
	}
	took := time.Since(begun)
	fmt.Fprintf(t.out, "\nStart of a replica on a journal with %d messages of %d B (target: 5 s for 1,000,000)\n\n", b.stored, messageBytes)
	t.row("messages", "ready in", "messages a second")
	t.row("--:", "--:", "--:")
	t.row(fmt.Sprint(b.stored), took.Round(time.Millisecond).String(), fmt.Sprintf("%.0f", float64(b.stored)/took.Seconds()))
	return nil
}
