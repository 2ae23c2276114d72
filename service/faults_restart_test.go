package service

import (
	"testing"

	"github.com/ckptbus/ckpt/internal/bus"
)

// A replica that stops under load fails no request: what reached it is answered,
// and the others take the rest.
func TestReplicaStops(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	replicas := g.startAll(2)
	l := g.load(6)
	g.stop(replicas[1])
	l.progress()
	l.unfailing()
	l.verify(replicas[0])
}

// All replicas are replaced one after the other, and no client notices.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	replicas := g.startAll(3)
	l := g.load(6)
	for i, r := range replicas {
		g.stop(r)
		l.progress()
		replicas[i] = g.start()
		l.progress()
	}
	l.unfailing()
	l.verify(replicas...)
}

// Replicas end in the midst of requests and are replaced. Clients send again
// what they got no answer to, and it is there once.
func TestReplicaIsKilled(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	replicas := g.startAll(2)
	l := g.load(6)
	for range 3 {
		g.kill(replicas[0])
		l.progress()
		replicas = append(replicas[1:], g.start())
		l.progress()
	}
	l.unfailing()
	l.verify(replicas...)
}

// The only replica ends in the midst of requests. The next one has what it had.
func TestLastReplicaIsKilled(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	r := g.start()
	l := g.load(6)
	g.kill(r)
	r = g.start()
	l.progress()
	l.unfailing()
	l.verify(r)
}
