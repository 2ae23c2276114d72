package service

import (
	"testing"

	"github.com/ckptbus/ckpt/internal/bus"
)

// notServing waits until a replica does not serve, and returns why.
func (g *group) notServing(r *replica) (reason string) {
	g.Helper()
	g.eventually("a replica to leave the queue group", func() bool {
		status := r.journal.Status()
		reason = status.Reason
		return !status.Serving
	})
	if reason == "" {
		g.Error("a replica does not serve, and gives no reason")
	}
	return reason
}

func (g *group) serving(replicas ...*replica) {
	g.Helper()
	for _, r := range replicas {
		g.eventually("a replica to serve", func() bool { return r.journal.Status().Serving })
	}
}

// A replica that hears nothing more leaves the queue group. What was sent to it
// is answered by others, and is not done again when it is back.
func TestSilentReplica(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	p := newProxy(t, g.urls)
	nc := g.connectTo(p.url())
	silent, err := g.startOn(nc)
	if err != nil {
		t.Fatal(err)
	}
	other := g.start()
	l := g.load(6)
	for range 2 {
		p.hold()
		g.notServing(silent)
		for range 4 { // more writes to a thread than it remembers
			l.progress()
		}
		p.resume()
		g.serving(silent)
		l.progress()
	}
	l.unfailing()
	l.verify(silent, other)
}
