package main

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
)

// clients compares the client, which encodes its request and decodes the
// reply, with nc.Request callers that send bytes. Both ask a bare responder,
// so that the figure is the client's alone.
func clients(r *rig, b bounds, t *table) error {
	t.begin("The client's PutState, against nc.Request", "request", "form")
	ack, err := ckpt.Append(nil, &ckpt.StatePutReply{Reply: ckpt.Reply{Revision: 1 << 20, StoreID: "0123456789abcdefghijkl"}, UpdatedAt: time.Now()})
	if err != nil {
		return err
	}
	const prefix = "bare"
	subject := ckpt.StatePut.Subject(prefix)
	if err := r.respond(subject, ack); err != nil {
		return err
	}
	nc, err := r.connect()
	if err != nil {
		return err
	}
	c, err := client.New[ckpt.Raw](nc, client.WithPrefix(prefix))
	if err != nil {
		return err
	}
	defer c.Close()
	for _, n := range b.sizes {
		build := func() (numbered, error) { return statePut(n) }
		q, err := build()
		if err != nil {
			return err
		}
		var sent ckpt.StatePutRequest
		if err := ckpt.Decode(q.bytes, &sent); err != nil {
			return err
		}
		for _, form := range []struct {
			name string
			load load
		}{
			{"blocking", blocking(r, c, sent.State)},
			{"async", async(r, c, sent.State)},
		} {
			for _, inFlight := range b.inFlight {
				f, err := compare(b, inFlight, r.requests(subject, build), form.load)
				if err != nil {
					return err
				}
				target := 1.2
				if inFlight == 1 { // it is meant for many
					target = 0
				}
				t.add(f, target, inFlight, size(len(q.bytes)), form.name)
			}
		}
	}
	return nil
}

func blocking(r *rig, c *client.Client[ckpt.Raw], state ckpt.Raw) load {
	return callers(func(i, _ int) func() error {
		thread := threadID(i)
		return func() error {
			_, err := c.PutState(r.ctx, thread, state)
			return err
		}
	})
}

// async is the load of one goroutine that keeps the requests under way.
func async(r *rig, c *client.Client[ckpt.Raw], state ckpt.Raw) load {
	thread := threadID(0)
	return func(inFlight int, stop *atomic.Bool) (int, error) {
		under := make(chan *client.Future[ckpt.StatePutReply], inFlight)
		answered := 0
		for !stop.Load() || len(under) > 0 {
			if len(under) < cap(under) && !stop.Load() {
				under <- c.PutStateAsync(r.ctx, thread, state)
				continue
			}
			if _, err := (<-under).Wait(r.ctx); err != nil {
				return answered, fmt.Errorf("asynchronous put: %w", err)
			}
			answered++
		}
		return answered, nil
	}
}
