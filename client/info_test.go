package client_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/nats-io/nats.go"
)

func replica(id string) ckpt.InfoReply {
	return ckpt.InfoReply{Reply: ckpt.Reply{Revision: 7, StoreID: "s"}, Replica: id, Version: "1", Last: 9, Serving: true,
		StartedAt: time.UnixMilli(1_700_000_000_123).UTC(), Requests: 3, Threads: 2}
}

// short is the quiet time where one reply is all, long where more must not be
// missed on a machine that is busy.
const (
	short = client.Quiet(20 * time.Millisecond)
	long  = client.Quiet(time.Second)
)

// Every replica's reply is in the list, in the order of their IDs.
func TestInfo(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	want := []ckpt.InfoReply{replica("a"), replica("b"), replica("c")}
	for _, i := range []int{2, 0, 1} {
		serve(t, srv, ckpt.Info, func(_ int64, _ *ckpt.InfoRequest, m *nats.Msg) { answer(t, m, &want[i]) })
	}
	c, nc := connect[string](t, srv)
	before := nc.NumSubscriptions()
	for name, call := range map[string]func() ([]ckpt.InfoReply, error){
		"blocking": func() ([]ckpt.InfoReply, error) { return c.Info(t.Context(), long) },
		"async":    func() ([]ckpt.InfoReply, error) { return c.InfoAsync(t.Context(), long).Wait(t.Context()) },
	} {
		if got, err := call(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v\nwant %+v", name, got, err, want)
		}
	}
	if n := nc.NumSubscriptions(); n != before {
		t.Errorf("%d subscriptions, %d before", n, before)
	}
	if got := want[0].Lag(); got != 2 {
		t.Errorf("lag %d", got)
	}
}

// The quiet time begins with the first reply, which may take longer.
func TestInfoQuiet(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	a := replica("a")
	serve(t, srv, ckpt.Info, func(_ int64, _ *ckpt.InfoRequest, m *nats.Msg) {
		time.AfterFunc(5*time.Duration(short), func() { answer(t, m, &a) })
	})
	c, _ := connect[string](t, srv)
	if got, err := c.Info(t.Context(), short); err != nil || !reflect.DeepEqual(got, []ckpt.InfoReply{a}) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// With no reply at all nobody is there.
func TestInfoNobody(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, nc := connect[string](t, srv)
	_, err := c.Info(t.Context())
	if e := failure(t, err); e.Code != ckpt.Unavailable || !errors.Is(err, nats.ErrNoResponders) || e.Subject != "ckpt.info" {
		t.Errorf("nobody serves: %v", err)
	}
	n := serve(t, srv, ckpt.Info, silent[ckpt.InfoRequest])
	_, err = c.Info(within(t, 50*time.Millisecond))
	if e := failure(t, err); e.Code != ckpt.Unavailable || !errors.Is(err, context.DeadlineExceeded) || n.Load() != 1 {
		t.Errorf("nobody answers: %v, asked %d times", err, n.Load())
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Info(over); !errors.Is(err, ckpt.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is over: %v", err)
	}
	f := c.InfoAsync(t.Context())
	c.Close()
	if _, err := f.Wait(t.Context()); !errors.Is(err, client.ErrClosed) {
		t.Errorf("the client is closed: %v", err)
	}
	other, err := client.New[string](nc)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	nc.Close()
	if _, err := other.Info(t.Context()); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("the connection is closed: %v", err)
	}
}

// A replica that answers with an error does not hide the others.
func TestInfoErrors(t *testing.T) {
	t.Parallel()
	for code, bad := range map[ckpt.Code]func(m *nats.Msg){
		ckpt.Internal: func(m *nats.Msg) { refuse(t, m, ckpt.Internal) },
		ckpt.Unknown:  func(m *nats.Msg) { _ = m.Respond([]byte("?")) },
	} {
		srv := bustest.Start(t)
		c, _ := connect[string](t, srv)
		serve(t, srv, ckpt.Info, func(_ int64, _ *ckpt.InfoRequest, m *nats.Msg) { bad(m) })
		if got, err := c.Info(t.Context(), short); failure(t, err).Code != code || len(got) != 0 {
			t.Errorf("alone: %+v, %v", got, err)
		}
		good := replica("a")
		serve(t, srv, ckpt.Info, func(_ int64, _ *ckpt.InfoRequest, m *nats.Msg) { answer(t, m, &good) })
		if got, err := c.Info(t.Context(), long); failure(t, err).Code != code || !reflect.DeepEqual(got, []ckpt.InfoReply{good}) {
			t.Errorf("beside another: %+v, %v", got, err)
		}
	}
}

func TestInfoOfService(t *testing.T) {
	t.Parallel()
	c, _ := connect[string](t, store(t, bus.Options{}))
	must[ckpt.StatePutReply](t)(c.PutState(t.Context(), "t", "x"))
	got := must[[]ckpt.InfoReply](t)(c.Info(t.Context(), short))
	if len(got) != 1 || got[0].Threads != 1 || got[0].Revision != 1 || !got[0].Serving || time.Since(got[0].StartedAt) > patience {
		t.Errorf("%+v", got)
	}
}
