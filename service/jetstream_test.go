package service

import (
	"testing"

	"github.com/ckptbus/ckpt/internal/bus/bustest"
)

// startJetStream returns a starter of services that are replicas of a store.
func startJetStream(stream Stream) starter {
	return func(t testing.TB, o setting) *harness {
		t.Helper()
		o.options = append([]Option{WithJetStream(stream)}, o.options...)
		return startOn(t, bustest.StartJetStream(t, o.bus), o)
	}
}

func TestJetStreamMemory(t *testing.T) {
	t.Parallel()
	suite(t, startJetStream(Stream{Memory: true}))
}

func TestJetStreamFile(t *testing.T) {
	t.Parallel()
	suite(t, startJetStream(Stream{}))
}

func TestJetStreamCluster(t *testing.T) {
	t.Parallel()
	suite(t, func(t testing.TB, o setting) *harness {
		t.Helper()
		o.options = append([]Option{WithJetStream(Stream{Replicas: 3})}, o.options...)
		return startOn(t, bustest.StartClusterWith(t, 3, o.bus).Servers[0], o)
	})
}
