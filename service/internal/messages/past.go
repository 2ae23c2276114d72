package messages

import (
	"slices"

	"github.com/ckptbus/ckpt"
)

// Find returns the row of the message with the ID, and the message; false where
// there is none.
func (l *List) Find(h *Heap, id ckpt.MessageID) (row int, body []byte, ok bool) {
	at, _ := l.find(h, id, l.hash(id))
	if at < 0 {
		return 0, nil, false
	}
	row = at
	if l.long != nil && l.long.dead > 0 {
		row = l.long.row(l.refs, at)
	}
	return row, h.get(l.refs[at]), true
}

// row returns the row of the message at a position: what [tombstones.position]
// finds.
func (t *tombstones) row(refs []ref, position int) int {
	row := position
	block := min(position/deadBlock, len(t.deadIn))
	for _, dead := range t.deadIn[:block] {
		row -= int(dead)
	}
	if block == len(t.deadIn) {
		return row // no tombstones behind the counts
	}
	for _, r := range refs[block*deadBlock : position] {
		if r == 0 {
			row--
		}
	}
	return row
}

// Truncate drops the rows from the row on.
func (s *Snapshot) Truncate(row int) {
	s.pack()
	s.refs, s.rows = s.refs[:row], row
}

// Insert puts a message, which must not change any more, before a row.
func (s *Snapshot) Insert(row int, body []byte) {
	s.pack()
	s.refs = slices.Insert(s.refs, row, s.own(body))
	s.rows++
}

// Replace puts a message, which must not change any more, in the place of a row.
func (s *Snapshot) Replace(row int, body []byte) {
	s.pack()
	s.refs[row] = s.own(body)
}

// own makes body a segment of the snapshot's own table.
func (s *Snapshot) own(body []byte) ref {
	if len(s.segments) == 0 {
		s.segments = make([][]byte, 1) // number 0 stays unused
	}
	s.segments = append(s.segments, body)
	return newRef(len(s.segments)-1, 0, 0)
}

// pack takes out the tombstones, so that rows are places.
func (s *Snapshot) pack() {
	if len(s.refs) != s.rows {
		s.refs = slices.DeleteFunc(s.refs, func(r ref) bool { return r == 0 })
	}
}
