package service

import (
	"testing"

	"github.com/ckptbus/ckpt/internal/bus"
)

// Where somebody empties the stream, the store is empty: on all replicas alike.
func TestStreamPurged(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	replicas := g.startAll(2)
	l := g.load(4)
	l.stop()
	g.converge(replicas...)
	if err := g.js.PurgeStream(journalStream); err != nil {
		t.Fatal(err)
	}
	for _, r := range replicas {
		g.eventually("a replica to notice", func() bool { return r.store.Threads() == 0 })
	}
	g.serving(replicas...)
	l = g.load(4)
	l.unfailing()
	l.verify(replicas...)
}

// A replica was away while others compacted the journal beyond where it was. It
// begins anew with what is left.
func TestAwayDuringCompaction(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	p := newProxy(t, g.urls)
	nc := g.connectTo(p.url())
	away, err := g.startOn(nc)
	if err != nil {
		t.Fatal(err)
	}
	other := g.start()
	l := g.load(4)
	p.hold()
	g.notServing(away)
	position := away.journal.Status().Applied
	c, i := g.client(), 0
	g.eventually("the journal to be cut", func() bool {
		i++
		if _, err := c.PutState(t.Context(), "large", largeState(t, i)); err != nil {
			t.Fatal(err)
		}
		info, err := g.js.StreamInfo(journalStream)
		return err == nil && info.State.FirstSeq > position+1
	})
	p.resume()
	g.serving(away)
	l.progress()
	l.unfailing()
	l.verify(away, other)
}
