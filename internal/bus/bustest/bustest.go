// Package bustest gives tests a NATS server of their own.
package bustest

import (
	"testing"

	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/nats-io/nats.go"
)

// Start starts a server on a free loopback port and stops it when the test ends.
func Start(t testing.TB) *bus.Server { return StartWith(t, bus.Options{}) }

// StartWith is Start with options.
func StartWith(t testing.TB, o bus.Options) *bus.Server {
	t.Helper()
	s, err := bus.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// Connect connects to s and closes the connection when the test ends.
func Connect(t testing.TB, s *bus.Server, opts ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(s.URL(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}
