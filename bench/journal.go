package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/service"
	"github.com/nats-io/nats.go"
)

// mode is one way to keep the journal in a stream.
type mode struct {
	name     string
	servers  int
	replicas int  // of the service
	far      bool // the stream's leader is not on the server that the service is connected to
	sync     bool
	targets  map[int]float64 // of a put, by requests in flight
}

// modes are those whose puts are measured against an echo of the payload.
var modes = []mode{
	{name: "one server, synced every second", servers: 1, replicas: 1, targets: map[int]float64{1: 0.55, 16: 0.55, 128: 0.75}},
	{name: "the same with two replicas", servers: 1, replicas: 2, targets: map[int]float64{128: 0.5}},
	{name: "the same with three replicas", servers: 1, replicas: 3, targets: map[int]float64{128: 0.4}},
	{name: "one server, synced always", servers: 1, replicas: 1, sync: true, targets: map[int]float64{16: 0.25, 128: 0.5}},
	{name: "three servers, synced every second", servers: 3, replicas: 1, targets: map[int]float64{16: 0.35, 128: 0.5}},
	{name: "the same with the stream's leader on another server than the service", servers: 3, replicas: 1, far: true},
}

// journals compares puts and gets of services with a JetStream journal with an
// echo of the payload, and with JetStream's own key-value store on the same
// server, or servers.
func journals(ctx context.Context, b bounds, t *table) error {
	for _, m := range modes {
		t.begin("Journal on "+m.name+", against an echo of the payload", "request", "what")
		if err := m.with(ctx, func(r *rig) error { return m.measure(r, b, t) }); err != nil {
			return err
		}
	}
	return nil
}

// with calls measure with a rig of the mode that echoes.
func (m mode) with(ctx context.Context, measure func(r *rig) error) error {
	folder, err := os.MkdirTemp("", "ckpt-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	r, err := m.rig(ctx, folder)
	if err != nil {
		return err
	}
	defer r.close()
	err = r.answer("echo", func(msg *nats.Msg) { _ = msg.Respond(msg.Data) })
	if err == nil {
		err = measure(r)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	return nil
}

func (m mode) measure(r *rig, b bounds, t *table) error {
	kv, err := m.keyValue(r)
	if err != nil {
		return err
	}
	for _, n := range b.sizes[:min(len(b.sizes), 2)] {
		put := func() (numbered, error) { return statePut(n) }
		contended := func() (numbered, error) {
			q, err := statePut(n)
			q.thread = nil // which stays the same then
			return q, err
		}
		get := func() (numbered, error) {
			return number(&ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{ThreadID: threadID(0)}}})
		}
		if err := r.putAll(n); err != nil {
			return err
		}
		payload := make([]byte, n)
		for _, c := range []struct {
			name    string
			ours    load
			targets map[int]float64
		}{
			{"put", r.requests(ckpt.StatePut.Subject(ckpt.DefaultPrefix), put), m.targets},
			{"put to one thread", r.requests(ckpt.StatePut.Subject(ckpt.DefaultPrefix), contended), nil},
			{"key-value put", keyed(func(key string) error { _, err := kv.Put(key, payload); return err }), nil},
			{"get", r.requests(ckpt.StateGet.Subject(ckpt.DefaultPrefix), get), nil},
			{"key-value get", keyed(func(key string) error { _, err := kv.Get(key); return err }), nil},
		} {
			for _, inFlight := range b.inFlight {
				f, err := compare(b, inFlight, r.same("echo", payload), c.ours)
				if err != nil {
					return fmt.Errorf("%s: %w", c.name, err)
				}
				target := c.targets[inFlight]
				if n != b.sizes[0] {
					target = 0
				}
				t.add(f, target, inFlight, size(n), c.name)
			}
		}
	}
	return nil
}

// rig starts the servers and the services of the mode.
func (m mode) rig(ctx context.Context, folder string) (*rig, error) {
	stream := service.WithJetStream(service.Stream{Replicas: m.servers, SyncAlways: m.sync})
	o := bus.Options{Data: folder, SyncAlways: m.sync, SyncInterval: time.Second}
	if m.servers == 1 {
		return newRigWith(ctx, o, m.replicas, stream)
	}
	servers, err := startCluster(ctx, o, m.servers)
	if err != nil {
		return nil, err
	}
	r := &rig{ctx: ctx, server: servers[0], peers: servers[1:]}
	err = r.begin(m.replicas, []service.Option{stream})
	if err == nil {
		err = m.place(r, stream)
	}
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// keyValue makes a bucket that is kept as the journal is, with all keys in it.
func (m mode) keyValue(r *rig) (kv nats.KeyValue, err error) {
	js, err := r.callers.JetStream()
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(patience)
	for {
		kv, err = js.CreateKeyValue(&nats.KeyValueConfig{Bucket: "bench", Replicas: m.servers, History: 1})
		if err == nil || time.Now().After(deadline) || r.ctx.Err() != nil {
			break // the servers of a cluster may not all know each other yet
		}
	}
	if err != nil {
		return nil, err
	}
	for i := range threads {
		if _, err := kv.Put(threadID(i), make([]byte, 256)); err != nil {
			return nil, err
		}
	}
	return kv, nil
}

// keyed is the load of callers that each go through the keys of their threads.
func keyed(do func(key string) error) load {
	return callers(func(i, of int) func() error {
		thread := ownThreads(i, of)
		return func() error { return do(threadID(thread())) }
	})
}

// putAll puts a state of n bytes into every thread.
func (r *rig) putAll(n int) error {
	q, err := statePut(n)
	if err != nil {
		return err
	}
	for thread := range threads {
		setNumber(q.thread, thread)
		setNumber(q.request, int(r.issued.Add(1))*callerFactor)
		if _, err := r.ask(ckpt.StatePut.Subject(ckpt.DefaultPrefix), q.bytes); err != nil {
			return errors.Join(errors.New("filling the store"), err)
		}
	}
	return nil
}
