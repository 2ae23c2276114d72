package messages

import (
	"iter"
	"slices"

	"github.com/ckptbus/ckpt"
)

// shortList is how many messages a list may have without an index: reading
// their IDs takes less than a microsecond, and an index would cost more bytes
// than the places of so few.
const shortList = 16

// A List is the messages of one thread in the order of first insertion. The
// zero value is an empty list. All calls must pass the same heap. What the
// methods return of a message shares the heap's bytes, which are never written
// again: they are valid for ever, also without the lock, and must not be
// changed.
type List struct {
	refs []ref // 0: a tombstone, in lists with an index only
	long *long // nil: the list is short and has lost no message
}

// long is what only a list has that is long or has lost messages.
type long struct {
	index index // empty: the list is short
	tombstones
	gaps Gaps
}

// indexed reports whether the list is long.
func (l *List) indexed() bool { return l.long != nil && l.long.index.slots != nil }

// Len returns the number of messages.
func (l *List) Len() int {
	if l.long == nil {
		return len(l.refs)
	}
	return len(l.refs) - l.long.dead
}

// Put stores the message body, a checked msgpack map whose message_id is id, in
// the place of the message that has this ID, else at the end; replaced tells
// which. The body is copied, or, where keep is set and it is over 16 KiB, kept
// with its whole buffer: the caller sets keep where it will not write to the
// buffer again and the body is most of it.
func (l *List) Put(h *Heap, id ckpt.MessageID, body []byte, keep bool) (replaced bool) {
	hash := l.hash(id)
	if at, _ := l.find(h, id, hash); at >= 0 {
		old := l.refs[at]
		l.refs[at] = h.put(body, keep)
		h.release(old)
		return true
	}
	l.grow()
	l.refs = append(l.refs, h.put(body, keep))
	switch {
	case l.indexed():
		l.long.index.add(hash, len(l.refs)-1)
	case len(l.refs) > shortList:
		l.lengthen()
		for i, r := range l.refs {
			l.long.index.add(hashIn(h.get(r)), i)
		}
	}
	return false
}

// lengthen gives the list what only some have.
func (l *List) lengthen() *long {
	if l.long == nil {
		l.long = new(long)
	}
	return l.long
}

// grow makes room for one more message, or an eighth more in all: doubling
// would cost up to 8 bytes a message. It takes what the allocator rounds up to.
func (l *List) grow() {
	if n := len(l.refs); n == cap(l.refs) {
		fresh := slices.Grow([]ref(nil), n+n/8+1)
		l.refs = append(fresh, l.refs...)
	}
}

// hash returns the ID's hash where the list has a use for it.
func (l *List) hash(id ckpt.MessageID) uint32 {
	if !l.indexed() {
		return 0
	}
	return hashOf(id)
}

// find returns the position of the message with the ID and, in a long list,
// its slot in the index; both are -1 where there is none.
func (l *List) find(h *Heap, id ckpt.MessageID, hash uint32) (position, slot int) {
	is := func(i int) bool { return hasID(h.get(l.refs[i]), id) }
	if l.indexed() {
		x := &l.long.index
		if slot = x.find(hash, is); slot < 0 {
			return -1, -1
		}
		return positionIn(x.slots[slot]), slot
	}
	for i := range l.refs {
		if is(i) {
			return i, -1
		}
	}
	return -1, -1
}

// Get returns the message with the ID; false where there is none.
func (l *List) Get(h *Heap, id ckpt.MessageID) (body []byte, ok bool) {
	at, _ := l.find(h, id, l.hash(id))
	if at < 0 {
		return nil, false
	}
	return h.get(l.refs[at]), true
}

// Delete removes the message with the ID; false where there is none.
func (l *List) Delete(h *Heap, id ckpt.MessageID) bool {
	at, slot := l.find(h, id, l.hash(id))
	if at < 0 {
		return false
	}
	h.release(l.refs[at])
	if !l.indexed() {
		l.refs = slices.Delete(l.refs, at, at+1)
		gaps := &l.lengthen().gaps
		*gaps = gaps.lose(at)
		return true
	}
	l.refs[at] = 0
	l.long.index.remove(slot)
	l.long.bury(at)
	if l.long.dead > l.Len() {
		l.squeeze()
	}
	return true
}

// Clear removes all messages and gives up all memory. It takes time for each
// message, some nanoseconds.
func (l *List) Clear(h *Heap) {
	for _, r := range l.refs {
		if r != 0 {
			h.release(r)
		}
	}
	*l = List{}
}

// From returns the messages from the row offset on, in order, where the first
// message is row 0 and a negative offset means 0. It starts in constant time,
// in a list with tombstones in the time to add one number for each 256
// messages. The list must not change while the sequence is read.
func (l *List) From(h *Heap, offset int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, r := range l.refs[l.position(offset):] {
			if r != 0 && !yield(h.get(r)) {
				return
			}
		}
	}
}

// Backward returns the messages from the last to the first. The list must not
// change while the sequence is read.
func (l *List) Backward(h *Heap) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, r := range slices.Backward(l.refs) {
			if r != 0 && !yield(h.get(r)) {
				return
			}
		}
	}
}

// position returns where the row is, or tombstones right before it;
// len(l.refs) where there is no such row.
func (l *List) position(row int) int {
	if row <= 0 {
		return 0
	}
	if row >= l.Len() {
		return len(l.refs)
	}
	if l.long == nil || l.long.dead == 0 {
		return row
	}
	return l.long.position(l.refs, row)
}

// First returns the IDs of the first n messages; none where n is not more than 0.
func (l *List) First(h *Heap, n int) []ckpt.MessageID {
	if n <= 0 {
		return nil
	}
	ids := make([]ckpt.MessageID, 0, min(n, l.Len()))
	for body := range l.From(h, 0) {
		id, _, _ := IDOf(body) // it was an ID when it was put
		if ids = append(ids, id); len(ids) == n {
			break
		}
	}
	return ids
}

// Bytes returns how many bytes the messages have. It takes time for each.
func (l *List) Bytes(h *Heap) (n int) {
	for _, r := range l.refs {
		switch {
		case r == 0:
		case r.whole():
			n += len(h.get(r))
		default:
			n += r.length()
		}
	}
	return n
}
