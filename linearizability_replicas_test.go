package ckpt_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/ckptbus/ckpt/service"
	"github.com/nats-io/nats.go"
)

// replicas are three services of one store, each on a connection of its own.
type replicas struct {
	testing.TB
	ctx     context.Context
	srv     *bus.Server
	options []service.Option
	running [3]replica
}

type replica struct {
	*service.Service
	nc *nats.Conn
}

func startReplicas(ctx context.Context, t testing.TB, stream service.Stream) *replicas {
	t.Helper()
	r := &replicas{TB: t, ctx: ctx, srv: bustest.StartJetStream(t, bus.Options{}),
		options: []service.Option{service.WithJetStream(stream), service.WithLogger(slog.New(slog.DiscardHandler))}}
	for i := range r.running {
		r.start(i)
	}
	return r
}

// start starts a replica, which has stopped when the test ends.
func (r *replicas) start(i int) {
	r.Helper()
	nc := bustest.Connect(r, r.srv)
	svc, err := service.Start(nc, append(r.options, service.WithStartContext(r.ctx))...)
	if err != nil {
		r.Error(err)
		return
	}
	r.running[i] = replica{svc, nc}
	r.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := svc.Stop(ctx); err != nil {
			r.Errorf("stop: %v", err)
		}
	})
}

// restart puts a new replica in the place of one that is asked to stop.
func (r *replicas) restart(i int) {
	r.Helper()
	if err := r.running[i].Stop(r.ctx); err != nil {
		r.Errorf("stop: %v", err)
	}
	r.start(i)
}

// cut puts a new replica in the place of one whose connection is closed while
// it carries out requests.
func (r *replicas) cut(i int) {
	r.Helper()
	r.running[i].nc.Close()
	r.start(i)
}

func (r *replicas) connect(opts ...client.Option) *client.Client[padded] {
	r.Helper()
	c, err := client.New[padded](bustest.Connect(r, r.srv), opts...)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(c.Close)
	return c
}

// answered returns how many requests each replica has answered, by its ID.
func (r *replicas) answered() map[string]uint64 {
	r.Helper()
	infos, err := r.connect().Info(r.ctx, client.Quiet(500*time.Millisecond))
	if err != nil || len(infos) != len(r.running) {
		r.Fatalf("%d replicas: %v", len(infos), err)
	}
	counts := make(map[string]uint64)
	for _, i := range infos {
		if counts[i.Replica] = i.Requests; !i.Serving || i.Journal != "jetstream" {
			r.Errorf("replica %+v", i)
		}
	}
	return counts
}
