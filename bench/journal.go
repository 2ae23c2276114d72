package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
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
	replicas int // of the service
	sync     bool
	targets  map[int]float64 // of a put, by requests in flight
}

// modes are those whose puts are measured against an echo of the payload.
var modes = []mode{
	{"one server, synced every second", 1, 1, false, map[int]float64{1: 0.55, 16: 0.55, 128: 0.75}},
	{"the same with two replicas", 1, 2, false, map[int]float64{128: 0.5}},
	{"the same with three replicas", 1, 3, false, map[int]float64{128: 0.4}},
	{"one server, synced always", 1, 1, true, map[int]float64{16: 0.25, 128: 0.5}},
	{"three servers, synced every second", 3, 1, false, map[int]float64{16: 0.35, 128: 0.5}},
}

// journals compares puts and gets of services with a JetStream journal with an
// echo of the payload, and with JetStream's own key-value store on the same
// server, or servers.
func journals(ctx context.Context, b bounds, t *table) error {
	for _, m := range modes {
		t.begin("Journal on "+m.name+", against an echo of the payload", "request", "what")
		if err := m.measure(ctx, b, t); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

func (m mode) measure(ctx context.Context, b bounds, t *table) error {
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
	if _, err := r.bare.QueueSubscribe("echo", "bare", func(msg *nats.Msg) { _ = msg.Respond(msg.Data) }); err != nil {
		return err
	}
	if err := r.bare.Flush(); err != nil {
		return err
	}
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
	if err := r.begin(m.replicas, []service.Option{stream}); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// startCluster starts servers that form a cluster.
func startCluster(ctx context.Context, o bus.Options, n int) (servers []*bus.Server, err error) {
	defer func() {
		if err != nil {
			for _, s := range servers {
				s.Stop()
			}
		}
	}()
	folder := o.Data
	routes, err := freeRoutes(n)
	if err != nil {
		return nil, err
	}
	for i := range n {
		o.Name = fmt.Sprint("server-", i)
		o.Data = filepath.Join(folder, o.Name)
		o.Cluster = &bus.Cluster{Name: "bench", Listen: strings.TrimPrefix(routes[i], "nats-route://"), Routes: routes}
		s, err := bus.Start(o)
		if err != nil {
			return servers, err
		}
		servers = append(servers, s)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, s := range servers {
		if err := s.WaitJetStream(ctx); err != nil {
			return servers, err
		}
	}
	return servers, nil
}

// freeRoutes returns URLs of n free ports: the servers of a cluster have to know
// all of them when they start.
func freeRoutes(n int) (routes []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		routes = append(routes, "nats-route://"+l.Addr().String())
	}
	return routes, nil
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

// keyed is the load of callers that each go from key to key.
func keyed(do func(key string) error) load {
	return callers(func(i int) func() error {
		n := i * threads / 7
		return func() error {
			n++
			return do(threadID(n % threads))
		}
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
