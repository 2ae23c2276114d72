package client_test

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what a test waits for; it is reached where something hangs.
const patience = 20 * time.Second

// encode returns the payload that r is.
func encode(t testing.TB, r ckpt.Record) []byte {
	t.Helper()
	b, err := ckpt.Append(nil, r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// respond serves a subject on nc and returns when the server knows of it.
func respond(t testing.TB, nc *nats.Conn, subject string, handle nats.MsgHandler) {
	t.Helper()
	if _, err := nc.Subscribe(subject, handle); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
}

// serve answers an operation by hand: handle gets the n-th request, counted
// from 1. It returns the count.
func serve[Q, A any](t testing.TB, srv *bus.Server, op ckpt.Op[Q, A], handle func(n int64, q *Q, m *nats.Msg)) *atomic.Int64 {
	t.Helper()
	n := new(atomic.Int64)
	respond(t, bustest.Connect(t, srv), op.Subject(ckpt.DefaultPrefix), func(m *nats.Msg) {
		var q Q
		if err := ckpt.Decode(m.Data, op.Request(&q)); err != nil {
			t.Errorf("%s: request %x: %v", op.Name, m.Data, err)
		}
		handle(n.Add(1), &q, m)
	})
	return n
}

func silent[Q any](int64, *Q, *nats.Msg) {}

// answer replies with a record.
func answer(t testing.TB, m *nats.Msg, r ckpt.Record) {
	if err := m.Respond(encode(t, r)); err != nil {
		t.Error(err)
	}
}

// refuse replies with an error.
func refuse(t testing.TB, m *nats.Msg, code ckpt.Code) {
	r := nats.NewMsg(m.Reply)
	r.Header.Set(ckpt.HeaderErrorCode, strconv.Itoa(int(code)))
	r.Header.Set(ckpt.HeaderError, "because")
	if err := m.RespondMsg(r); err != nil {
		t.Error(err)
	}
}

// quick retries without much ado.
var quick = client.WithRetry(client.Retry{Answer: 30 * time.Millisecond, Pause: 10 * time.Millisecond})

// connect returns a client on a connection of its own.
func connect[S any](t testing.TB, srv *bus.Server, opts ...client.Option) (*client.Client[S], *nats.Conn) {
	t.Helper()
	nc := bustest.Connect(t, srv)
	c, err := client.New[S](nc, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, nc
}

// within returns a context that ends after d.
func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// failure returns the ckpt.Error that err must be.
func failure(t testing.TB, err error) *ckpt.Error {
	t.Helper()
	var e *ckpt.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %T %v, want *ckpt.Error", err, err)
	}
	return e
}

func putReply(revision uint64) *ckpt.StatePutReply {
	return &ckpt.StatePutReply{Reply: ckpt.Reply{Revision: revision}, UpdatedAt: time.UnixMilli(1)}
}
