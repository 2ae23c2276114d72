package service

import (
	"sort"
	"sync"
	"time"
)

// eventRing keeps the latest events of all threads as they are sent, in the order
// of their revisions. Of the changes behind its floor it has every event; up to
// the floor some may be missing.
type eventRing struct {
	mu      sync.Mutex
	max     int        // events that it keeps
	slots   []ringSlot // a circle, which grows up to max
	head    int        // of the oldest event
	count   int
	bytes   int // of all events
	room    []byte
	floor   uint64
	floorAt int64 // no event up to the floor that may be missing is of a later time
}

// ringSlot is one event.
type ringSlot struct {
	revision uint64
	at       int64
	event    []byte // never changed
}

const (
	ringBytes = 32 << 20 // that all events may have
	ringRoom  = 16 << 10 // that are allocated at once
)

func newEventRing(max int) *eventRing { return &eventRing{max: max} }

// begin forgets all, and that any event up to the revision, before the time, was
// known.
func (r *eventRing) begin(revision uint64, before time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.slots, r.head, r.count, r.bytes = nil, 0, 0, 0
	r.floor, r.floorAt = revision, 0
	if revision > 0 {
		r.floorAt = before.UnixMilli()
	}
}

// missed raises the floor to a revision: of changes up to it some were not told.
func (r *eventRing) missed(revision uint64, at int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.raise(revision, at)
}

func (r *eventRing) raise(revision uint64, at int64) {
	r.floor, r.floorAt = max(r.floor, revision), max(r.floorAt, at)
}

// add takes an event, whose bytes it copies. One may come before another of a
// lower revision, whose change was made at the same time.
func (r *eventRing) add(revision uint64, at int64, event []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.count > 0 && (r.count >= r.max || r.bytes+len(event) > ringBytes) {
		r.drop()
	}
	if r.max == 0 || revision <= r.floor {
		r.raise(revision, at)
		return
	}
	if r.count == len(r.slots) {
		r.grow()
	}
	i := r.count
	r.count++
	for ; i > 0 && r.slot(i-1).revision > revision; i-- {
		*r.slot(i) = *r.slot(i - 1)
	}
	*r.slot(i) = ringSlot{revision, at, r.keep(event)}
	r.bytes += len(event)
}

// drop lets go of the oldest event.
func (r *eventRing) drop() {
	oldest := r.slot(0)
	r.raise(oldest.revision, oldest.at)
	r.bytes -= len(oldest.event)
	*oldest = ringSlot{}
	r.head = (r.head + 1) % len(r.slots)
	r.count--
}

// keep copies an event to memory that it shares with its neighbours, all of which
// is freed when the last of them is dropped.
func (r *eventRing) keep(event []byte) []byte {
	if len(event) > cap(r.room)-len(r.room) {
		if len(event) > ringRoom/4 {
			return append([]byte(nil), event...)
		}
		r.room = make([]byte, 0, ringRoom)
	}
	from := len(r.room)
	r.room = append(r.room, event...)
	return r.room[from:len(r.room):len(r.room)]
}

func (r *eventRing) grow() {
	slots := make([]ringSlot, min(max(2*len(r.slots), 64), r.max))
	for i := range r.count {
		slots[i] = *r.slot(i)
	}
	r.slots, r.head = slots, 0
}

// slot returns the place of the i-th event from the oldest.
func (r *eventRing) slot(i int) *ringSlot { return &r.slots[(r.head+i)%len(r.slots)] }

// span says which events are read.
type span struct {
	after, upTo uint64 // those of changes behind the one revision and up to the other
	since       int64  // from the first one of the time or a later one; 0: all
	skip        int    // events to pass over
	seen        int    // where there are as many, none is read; -1: read them
	room        int    // bytes: what exceeds them is the last
}

// extent is what was read.
type extent struct {
	slots    []ringSlot
	complete bool // nothing is missing that was asked for
	floor    uint64
}

// read returns a part of the events. Where some are missing, it begins behind them.
func (r *eventRing) read(p span) extent {
	r.mu.Lock()
	defer r.mu.Unlock()
	x := extent{floor: r.floor, complete: p.after >= r.floor}
	if p.since > 0 {
		x.complete = r.floor == 0 || p.since > r.floorAt
	}
	if !x.complete && p.since == 0 {
		p.skip = 0
	}
	from, to := r.first(max(p.after, r.floor)), r.first(p.upTo)
	if p.since > 0 {
		for from < to && r.slot(from).at < p.since {
			from++
		}
		for from < to && from > 0 && r.slot(from-1).revision == r.slot(from).revision { // a page begins with a revision
			from--
		}
	}
	if to-from == p.seen {
		return x
	}
	for i := from + p.skip; i < to && p.room > 0; i++ {
		x.slots = append(x.slots, *r.slot(i))
		p.room -= len(r.slot(i).event)
	}
	return x
}

// first returns the first event behind a revision.
func (r *eventRing) first(revision uint64) int {
	return sort.Search(r.count, func(i int) bool { return r.slot(i).revision > revision })
}
