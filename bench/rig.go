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

// rig is a server with services on it, a bare responder, and callers, each on a
// connection of its own.
type rig struct {
	ctx      context.Context
	server   *bus.Server
	peers    []*bus.Server // of the server's cluster
	services []*service.Service
	conns    []*nats.Conn
	bare     *nats.Conn // answers without doing anything
	callers  *nats.Conn
	issued   atomic.Int64 // callers so far: no two share a request ID
}

func newRig(ctx context.Context) (*rig, error) {
	return newRigWith(ctx, bus.Options{}, 1)
}

// newRigWith is newRig with options of the server and a number of services, all
// of which have the options.
func newRigWith(ctx context.Context, o bus.Options, services int, opts ...service.Option) (*rig, error) {
	r := &rig{ctx: ctx}
	var err error
	if r.server, err = bus.Start(o); err != nil {
		return nil, err
	}
	if err := r.begin(services, opts); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// begin starts the services and connects the others.
func (r *rig) begin(services int, opts []service.Option) error {
	for range services {
		if err := r.serve(opts...); err != nil {
			return err
		}
	}
	var err error
	if r.bare, err = r.connect(); err == nil {
		r.callers, err = r.connect()
	}
	return err
}

// serve starts one more service.
func (r *rig) serve(opts ...service.Option) error {
	nc, err := r.connect()
	if err != nil {
		return err
	}
	s, err := service.Start(nc, append([]service.Option{service.WithLogger(slog.New(slog.DiscardHandler))}, opts...)...)
	if err == nil {
		r.services = append(r.services, s)
	}
	return err
}

func (r *rig) connect() (*nats.Conn, error) {
	nc, err := nats.Connect(r.server.URL())
	if err == nil {
		r.conns = append(r.conns, nc)
	}
	return nc, err
}

func (r *rig) close() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, s := range r.services {
		_ = s.Stop(ctx)
	}
	for _, nc := range r.conns {
		nc.Close()
	}
	for _, s := range append(r.peers, r.server) {
		s.Stop()
	}
}

// patience bounds the wait for one reply; none takes that long.
const patience = 30 * time.Second

// respond has the bare responder answer the subject with reply.
func (r *rig) respond(subject string, reply []byte) error {
	return r.answer(subject, func(m *nats.Msg) { _ = m.Respond(reply) })
}

// answer subscribes the bare responder as a replica of the service would be: in a
// queue group.
func (r *rig) answer(subject string, handler nats.MsgHandler) error {
	if _, err := r.bare.QueueSubscribe(subject, "bare", handler); err != nil {
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
