package messages

import "iter"

// A list is walked by its positions, in either direction. Positions are those of
// one moment, under the lock; numbers, see [List.Number], tell the place of a
// message for ever.

// End returns the position behind the last message.
func (l *List) End() int { return len(l.refs) }

// At returns the position of a row, or of a tombstone right before it: where a
// walk from the row on begins, and a walk back over those before it. It takes as
// long as [List.From] to start.
func (l *List) At(row int) int { return l.position(row) }

// Number returns the number of the message at a position, which it keeps while
// others come and go, and which no message of the list has after it. Numbers
// grow with the positions. That of [List.End] is the next message's.
func (l *List) Number(position int) int {
	if l.long == nil {
		return position
	}
	return l.long.gaps.number(position)
}

// Seek returns the first position whose number is the number or more.
func (l *List) Seek(number int) int {
	if l.long != nil {
		number = l.long.gaps.position(number)
	}
	return min(max(number, 0), len(l.refs))
}

// Forth returns the messages from a position on with their positions. The list must
// not change while the sequence is read.
func (l *List) Forth(h *Heap, position int) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		for i := position; i < len(l.refs); i++ {
			if r := l.refs[i]; r != 0 && !yield(i, h.get(r)) {
				return
			}
		}
	}
}

// Back returns the messages before a position, the last first. The list must not
// change while the sequence is read.
func (l *List) Back(h *Heap, position int) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		for i := position - 1; i >= 0; i-- {
			if r := l.refs[i]; r != 0 && !yield(i, h.get(r)) {
				return
			}
		}
	}
}
