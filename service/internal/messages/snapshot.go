package messages

import "iter"

// A Snapshot is the messages of a list at one moment. It is read without a
// lock and never changes. It keeps the memory of the heap's segments from
// being freed, so it is for the time of one request. The zero value is empty.
type Snapshot struct {
	refs     []ref // as in the list, with its tombstones
	segments [][]byte
	rows     int
}

// Snapshot returns the list as it stands. It copies 8 bytes for each message
// and a table of the heap's segments, but no message.
func (l *List) Snapshot(h *Heap) Snapshot {
	s := Snapshot{refs: make([]ref, 0, len(l.refs)), rows: l.Len()}
	if len(l.refs) > len(h.segments) {
		s.refs = append(s.refs, l.refs...)
		s.segments = h.table()
		return s
	}
	// For a few messages in a large heap, a table of their own is smaller: one
	// segment for each message, which is that message. Number 0 stays unused.
	s.segments = make([][]byte, 1, len(l.refs)+1)
	for _, r := range l.refs {
		if r != 0 {
			s.refs = append(s.refs, newRef(len(s.segments), 0, 0))
			s.segments = append(s.segments, h.get(r))
		}
	}
	return s
}

// Len returns the number of messages.
func (s Snapshot) Len() int { return s.rows }

// All returns the messages in order.
func (s Snapshot) All() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, r := range s.refs {
			if r != 0 && !yield(resolve(s.segments, r)) {
				return
			}
		}
	}
}

// Back returns the messages, the last first.
func (s Snapshot) Back() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := len(s.refs) - 1; i >= 0; i-- {
			if r := s.refs[i]; r != 0 && !yield(resolve(s.segments, r)) {
				return
			}
		}
	}
}
