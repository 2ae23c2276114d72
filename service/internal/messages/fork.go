package messages

import (
	"slices"
	"sync/atomic"
)

// commons are the segments in which several lists may have the same messages, in
// one heap or in several: those that [List.Fork] has shared. A segment's memory
// lasts while any heap has it.
//
// A share counts the bytes of all lists, those of a message that two lists have
// twice. So it may call full what is partly garbage; but then the lists have more
// bytes than the memory, and copies would have cost more.
type commons struct {
	shares  map[int]*share // by the heap's number of the segment; nil: none
	garbage int            // bytes in them that nobody has, as of the last look
	look    int            // how many changes the next look is away
}

// share is one common segment. All heaps that have it count in it, each under its
// own lock.
type share struct{ live atomic.Int64 }

// Fork returns a list of the same messages, in a heap that may be another one,
// whose lock the caller holds as well. It copies 8 bytes for each message, and the
// index; the messages' bytes are shared.
func (l *List) Fork(h, to *Heap) List {
	f := List{refs: slices.Clone(l.refs)}
	if l.long != nil {
		f.long = &long{
			index{slices.Clone(l.long.index.slots), l.long.index.used},
			tombstones{l.long.dead, slices.Clone(l.long.deadIn)},
			slices.Clone(l.long.gaps),
		}
	}
	known := make(map[*share]int) // numbers in the other heap
	if h != to {
		for n, s := range to.common.shares {
			known[s] = n
		}
	}
	numbers := make(map[int]int) // of h's segments in the other heap; 0: they are copied
	for i, r := range f.refs {
		if r == 0 {
			continue
		}
		n := r.segment()
		m, ok := numbers[n]
		if !ok {
			m = h.lend(n, r.whole(), to, known)
			numbers[n] = m
		}
		if m == 0 {
			f.refs[i] = to.put(h.get(r), false)
			continue
		}
		size := len(h.get(r))
		to.live += size
		to.count(m, &to.usage[m], size)
		f.refs[i] = newRef(m, r.offset(), r.length())
	}
	return f
}

// lend gives the other heap a share of a segment and returns its number there; 0
// where a compactor is about to empty the segment, here or there.
func (h *Heap) lend(n int, whole bool, to *Heap, known map[*share]int) int {
	u := &h.usage[n]
	if u.condemned {
		return 0
	}
	if !u.common {
		s := &share{}
		s.live.Store(int64(u.live))
		h.join(n, s)
		if !whole {
			h.shared.held -= cap(h.segments[n])
			h.shared.live -= int(u.live)
		}
	}
	if h == to {
		return n
	}
	s := h.common.shares[n]
	m, ok := known[s]
	if ok && to.usage[m].condemned {
		return 0
	}
	if !ok {
		m = to.add(h.segments[n])
		to.join(m, s)
	}
	return m
}

// join makes a segment a common one.
func (h *Heap) join(n int, s *share) {
	if h.common.shares == nil {
		h.common.shares = make(map[int]*share)
	}
	h.usage[n].common = true
	h.common.shares[n] = s
}

// Shares reports whether the heap has segments in common with other heaps or lists.
func (h *Heap) Shares() bool { return len(h.common.shares) > 0 }

// Look sees at once what others have given up of the common segments. Without it,
// that is seen after about as many changes of this heap as it has such segments,
// so that each pays for one.
func (h *Heap) Look() {
	h.common.garbage, h.common.look = 0, len(h.common.shares)
	for n, s := range h.common.shares {
		if size, live := len(h.segments[n]), int(s.live.Load()); mostlyGarbage(size, live) {
			h.common.garbage += size - live
		}
	}
}

// commonGarbage returns how much garbage the common segments have that can be moved
// out of.
func (h *Heap) commonGarbage() int {
	if len(h.common.shares) == 0 {
		return 0
	}
	if h.common.look--; h.common.look < 0 {
		h.Look()
	}
	return h.common.garbage
}
