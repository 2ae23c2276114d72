package messages

import "math"

// maxGarbage is how many bytes of garbage a heap may have beside as many as its
// live messages, so that small heaps are left alone.
const maxGarbage = 256 << 10

// What a step of compaction spends on looking, in the bytes that it could have
// copied in that time.
const (
	lookAtList    = 64
	lookAtMessage = 8
)

// Fragmented reports whether garbage and free room outweigh the live bytes by
// more than 256 KiB, so that a [Compactor] should run. Segments of which
// everything is garbage are given up at once and do not count.
func (h *Heap) Fragmented() bool {
	return h.shared.held-h.shared.live+h.commonGarbage() > h.live+maxGarbage
}

// A Compactor moves the messages of a heap out of segments that are mostly
// garbage, so that these can be given up, a bounded piece of work at a time.
// Between the steps, the heap and the lists may change in any way. A heap has
// at most one compactor; it is of no use once the heap was replaced.
type Compactor struct {
	lists   []*List // not done yet, from the back
	at      int     // the messages of the last list from here on are done
	started bool
}

// NewCompactor returns a compactor over all lists of one heap, which takes over
// the slice. Lists that get their first message after the first step need not
// be in it; lists that are cleared, and lists that are reused, may stay.
func NewCompactor(lists []*List) *Compactor {
	return &Compactor{lists: lists, at: math.MaxInt}
}

// Step does a piece of the work: it copies budget bytes and at most one message
// more, or looks at lists and messages for as long, and reports whether all is
// done. The first step belongs under the lock that the lists were collected
// under; it also visits the table of the heap's segments.
func (c *Compactor) Step(h *Heap, budget int) (done bool) {
	if !c.started {
		h.condemn()
		c.started = true
	}
	for last := len(c.lists) - 1; last >= 0; last = len(c.lists) - 1 {
		if budget <= 0 {
			return false
		}
		budget = c.move(h, c.lists[last], budget)
		if c.at > 0 {
			return false
		}
		c.lists[last] = nil
		c.lists = c.lists[:last]
		c.at = math.MaxInt
		budget -= lookAtList
	}
	h.common.look = 0
	return true
}

// condemn chooses the segments of which a quarter or more is not live. After
// their messages have moved, at most a third as much as is live is lost.
// Messages that are put from now on are in none of them.
func (h *Heap) condemn() {
	for n := range h.usage {
		u := &h.usage[n]
		live := int(u.live)
		if u.common {
			live = int(h.common.shares[n].live.Load())
		}
		u.condemned = u.live > 0 && mostlyGarbage(len(h.segments[n]), live)
	}
	if h.usage != nil && h.usage[h.open].condemned {
		h.close()
	}
}

// mostlyGarbage reports whether so much of a segment is garbage that what is live
// is worth moving.
func mostlyGarbage(size, live int) bool { return live <= size/4*3 }

// move moves the messages of one list, down to c.at, and returns what is left
// of the budget. It goes from the back to the front: where
// deletions make the list shorter between two steps, messages only move
// towards the front, so none is missed.
func (c *Compactor) move(h *Heap, l *List, budget int) int {
	for c.at = min(c.at, len(l.refs)); c.at > 0 && budget > 0; {
		c.at--
		budget -= lookAtMessage
		if r := l.refs[c.at]; r != 0 && h.usage[r.segment()].condemned {
			body := h.get(r)
			l.refs[c.at] = h.put(body, false)
			h.release(r)
			budget -= len(body)
		}
	}
	return budget
}
