package client_test

import (
	"errors"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/nats-io/nats.go"
)

func TestSetupOfAnotherProtocol(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[string](t, srv, client.WithName("worker"))
	serve(t, srv, ckpt.Setup, func(n int64, q *ckpt.SetupRequest, m *nats.Msg) {
		if q.Client != "worker ckpt-go/"+ckpt.Version || q.Protocol != ckpt.Protocol {
			t.Errorf("got %+v", q)
		}
		answer(t, m, &ckpt.SetupReply{Service: "ckpt", Version: "9", Protocol: ckpt.Protocol + int(n) - 1})
	})
	if r, err := c.Setup(t.Context()); err != nil || r.Version != "9" {
		t.Fatalf("got %+v, %v", r, err)
	}
	if _, err := c.Setup(t.Context()); !errors.Is(err, ckpt.ErrInvalidArgument) {
		t.Fatalf("got %v", err)
	}
}
