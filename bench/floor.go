package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/ckptbus/ckpt/internal/wire"
	"github.com/nats-io/nats.go"
)

// floors measures how fast the operations could be at most: with responders, and
// callers, that do what cannot be left out of the promises, and nothing else. They
// decode nothing, and know nothing of retries, owners, revisions and missed events.
func floors(ctx context.Context, b bounds, t *table) error {
	t.beginOf("least", "What cannot be left out, and nothing else, against the same", "request", "what")
	if err := local(floorsInMemory)(ctx, b, t); err != nil {
		return err
	}
	for _, m := range modes {
		if m.targets != nil && m.replicas == 1 {
			if err := m.with(ctx, func(r *rig) error { return m.floor(r, b, t) }); err != nil {
				return err
			}
		}
	}
	return nil
}

func floorsInMemory(r *rig, b bounds, t *table) error {
	for _, part := range []func(r *rig, b bounds, t *table) error{(*rig).keeps, (*rig).joins, (*rig).sends} {
		if err := part(r, b, t); err != nil {
			return err
		}
	}
	return nil
}

// acknowledgement is as large as that of a put.
var acknowledgement = make([]byte, 60)

// threadOf returns the ID of a thread that a request of [statePut] names.
func threadOf(request []byte) string {
	const at = len("\x83\xa9thread_id") + 1 // behind the header of the string
	return string(request[at : at+len("t-")+threadDigits])
}

// keeps has a responder check what it is sent, keep it under the thread's ID, tell of it
// on the thread's subject, and answer: a put.
func (r *rig) keeps(b bounds, t *table) error {
	kept := make(map[string][]byte)
	if err := r.answer("floor.ack", func(m *nats.Msg) { _ = m.Respond(acknowledgement) }); err != nil {
		return err
	}
	err := r.answer("floor.keep", func(m *nats.Msg) {
		if wire.Check(m.Data) != nil {
			return
		}
		thread := threadOf(m.Data)
		kept[thread] = m.Data
		_ = r.bare.Publish("floor.event."+thread, acknowledgement)
		_ = m.Respond(acknowledgement)
	})
	if err != nil {
		return err
	}
	for _, n := range b.sizes {
		build := func() (numbered, error) { return statePut(n) }
		if err := t.floor(b, "put: check, keep and tell", size(n), 0.95, r.requests("floor.ack", build), r.requests("floor.keep", build)); err != nil {
			return err
		}
	}
	return nil
}

// joins has a responder join the last 50 messages out of a thread's: a list.
func (r *rig) joins(b bounds, t *table) error {
	const last = 50
	thread := make([][]byte, b.threads[0])
	for i := range thread {
		m, err := message(i)
		if err != nil {
			return err
		}
		thread[i] = m
	}
	ready := make([]byte, last*messageBytes)
	if err := r.answer("floor.ready", func(m *nats.Msg) { _ = m.Respond(ready) }); err != nil {
		return err
	}
	var reply []byte
	err := r.answer("floor.join", func(m *nats.Msg) {
		reply = reply[:0]
		for _, message := range thread[len(thread)-last:] {
			reply = append(reply, message...)
		}
		_ = m.Respond(reply)
	})
	if err != nil {
		return err
	}
	request := make([]byte, 60)
	return t.floor(b, "list: join 50 messages", size(len(request)), 1, r.same("floor.ready", request), r.same("floor.join", request))
}

// sends has callers send bytes that are ready, and take their replies from one
// subscription: a client.
func (r *rig) sends(b bounds, t *table) error {
	nc, err := r.connect()
	if err != nil {
		return err
	}
	inbox := nc.NewInbox() + "."
	replies := make([]chan struct{}, b.inFlight[len(b.inFlight)-1])
	for i := range replies {
		replies[i] = make(chan struct{}, 1)
	}
	_, err = nc.Subscribe(inbox+"*", func(m *nats.Msg) {
		if i, err := strconv.Atoi(m.Subject[len(inbox):]); err == nil {
			replies[i] <- struct{}{}
		}
	})
	if err != nil {
		return err
	}
	for _, n := range b.sizes {
		build := func() (numbered, error) { return statePut(n) }
		ours := callers(func(i, _ int) func() error {
			q, err := build()
			reply := inbox + strconv.Itoa(i)
			return func() error {
				if err == nil {
					err = nc.PublishRequest("floor.ack", reply, q.bytes)
				}
				if err == nil {
					<-replies[i]
				}
				return err
			}
		})
		if err := t.floor(b, "client: send ready bytes", size(n), 1.2, r.requests("floor.ack", build), ours); err != nil {
			return err
		}
	}
	return nil
}

// floor adds the comparisons of one floor.
func (t *table) floor(b bounds, what, request string, target float64, bare, ours load) error {
	for _, inFlight := range b.inFlight {
		f, err := compare(b, inFlight, bare, ours)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		t.add(f, target, inFlight, request, what)
	}
	return nil
}
