package main

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/service"
	"github.com/nats-io/nats.go"
)

// rig is a server with the service on it, a bare responder, and callers, each
// on a connection of its own.
type rig struct {
	ctx     context.Context
	server  *bus.Server
	service *service.Service
	conns   []*nats.Conn
	bare    *nats.Conn // answers without doing anything
	callers *nats.Conn
	issued  atomic.Int64 // callers so far: no two share a request ID
}

func newRig(ctx context.Context) (*rig, error) {
	r := &rig{ctx: ctx}
	var err error
	if r.server, err = bus.Start(bus.Options{}); err != nil {
		return nil, err
	}
	nc, err := r.connect()
	if err == nil {
		r.service, err = service.Start(nc, service.WithLogger(slog.New(slog.DiscardHandler)))
	}
	if err == nil {
		r.bare, err = r.connect()
	}
	if err == nil {
		r.callers, err = r.connect()
	}
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *rig) connect() (*nats.Conn, error) {
	nc, err := nats.Connect(r.server.URL())
	if err == nil {
		r.conns = append(r.conns, nc)
	}
	return nc, err
}

func (r *rig) close() {
	if r.service != nil {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = r.service.Stop(ctx)
	}
	for _, nc := range r.conns {
		nc.Close()
	}
	r.server.Stop()
}

// patience bounds the wait for one reply; none takes that long.
const patience = 30 * time.Second

// respond has the bare responder answer the subject with reply, as a replica
// of the service would: in a queue group.
func (r *rig) respond(subject string, reply []byte) error {
	_, err := r.bare.QueueSubscribe(subject, "bare", func(m *nats.Msg) { _ = m.Respond(reply) })
	if err != nil {
		return err
	}
	return r.bare.Flush()
}

// ask makes one request and returns the reply, an error where it is one.
func (r *rig) ask(subject string, request []byte) ([]byte, error) {
	m, err := r.callers.Request(subject, request, patience)
	if err != nil {
		return nil, err
	}
	if len(m.Header) > 0 {
		return nil, errors.New(subject + " answers: " + m.Header.Get(ckpt.HeaderError))
	}
	return m.Data, nil
}

// send makes one request of an operation.
func (r *rig) send(op ckpt.OpInfo, request ckpt.Record) ([]byte, error) {
	b, err := ckpt.Append(nil, request)
	if err != nil {
		return nil, err
	}
	return r.ask(op.Subject(ckpt.DefaultPrefix), b)
}
