package service

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/ckptbus/ckpt/internal/bus"
)

// events returns all events that a replica has behind a revision and up to another.
func (r *replica) events(after, upTo uint64) extent {
	return r.Service.events.ring.read(span{after: after, upTo: upTo, seen: -1, room: math.MaxInt})
}

// All replicas have the same events, whichever of them made the changes, and so has
// one that starts when the head of the stream was cut off.
func TestReplicasKeepTheSameEvents(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	replicas := g.startAll(2)
	l := g.load(4)
	for range 5 {
		l.progress()
	}
	replicas = append(replicas, g.start())
	l.progress()
	l.stop()
	replicas = append(replicas, g.start())
	g.converge(replicas...)
	upTo := replicas[0].journal.Status().Applied
	first := replicas[0].events(0, upTo)
	if first.floor != 0 || len(first.slots) < 500 {
		t.Fatalf("the first replica has %d events behind %d", len(first.slots), first.floor)
	}
	for i, r := range replicas[1:] {
		floor := r.events(0, upTo).floor
		got, want := r.events(floor, upTo), replicas[0].events(floor, upTo)
		if !slices.EqualFunc(got.slots, want.slots, func(a, b ringSlot) bool {
			return a.revision == b.revision && a.at == b.at && bytes.Equal(a.event, b.event)
		}) {
			t.Errorf("replica %d has %d other events behind %d than the first with %d", i+1, len(got.slots), floor, len(want.slots))
		}
	}
}
