package service

import (
	"errors"
	"testing"

	"github.com/ckptbus/ckpt"
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

// A connection that is lost for good ends the service, also when it had left the
// queue group before.
func TestConnectionLostWhileAway(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	r := g.start()
	g.deleteStream()
	g.notServing(r)
	g.kill(r)
	if r.Err() == nil {
		t.Error("the service tells no reason")
	}
}

// A service in memory and one with a journal, on one prefix, would split the data:
// whichever is second is refused.
func TestSecondServiceRefused(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	local, err := Start(g.connect(), quiet)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.startOn(g.connect()); !errors.Is(err, ckpt.ErrConflict) {
		t.Errorf("a replica beside a local service: %v", err)
	}
	stop(t, local)
	r := g.start()
	if _, err := Start(g.connect(), quiet); !errors.Is(err, ckpt.ErrConflict) {
		t.Errorf("a local service beside a replica: %v", err)
	}
	g.same(r)
}
