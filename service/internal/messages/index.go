package messages

import "slices"

// An index finds positions by the hash of an ID: a hash table with open
// addressing and linear probing. A slot has the hash in its upper 32 bits and
// the position + 1 in its lower ones; 0 is a free slot. A slot's hash tells its
// home, so the table grows and closes gaps without a look at the messages. The
// zero value is an empty index.
//
// The home grows with the hash, so that growing walks both tables from front
// to back. The table is at most 5/6 full and grows by a quarter, which makes
// 9.6 to 12 bytes an entry.
type index struct {
	slots []uint64
	used  int
}

// minSlots makes room for the first entries of a list that has just outgrown
// [shortList].
const minSlots = 28

func slotOf(hash uint32, position int) uint64 { return uint64(hash)<<32 | uint64(position+1) }

func positionIn(slot uint64) int { return int(uint32(slot)) - 1 }

// home is where the search for a slot begins.
func (x *index) home(slot uint64) int { return int((slot >> 32) * uint64(len(x.slots)) >> 32) }

func (x *index) next(at int) int {
	if at++; at == len(x.slots) {
		return 0
	}
	return at
}

// find returns the slot of the entry with the hash whose position satisfies
// is, or -1.
func (x *index) find(hash uint32, is func(position int) bool) int {
	if x.used == 0 {
		return -1
	}
	for at := x.home(uint64(hash) << 32); x.slots[at] != 0; at = x.next(at) {
		if s := x.slots[at]; uint32(s>>32) == hash && is(positionIn(s)) {
			return at
		}
	}
	return -1
}

// add enters a position that is not there yet.
func (x *index) add(hash uint32, position int) {
	if 6*(x.used+1) > 5*len(x.slots) {
		x.rebuild(max(minSlots, len(x.slots)/4*5), nil)
	}
	x.insert(slotOf(hash, position))
	x.used++
}

func (x *index) insert(slot uint64) {
	at := x.home(slot)
	for x.slots[at] != 0 {
		at = x.next(at)
	}
	x.slots[at] = slot
}

// remove frees the slot at a place that find returned, and moves the ones
// behind it up as far as their homes allow, so that no search ends early.
func (x *index) remove(at int) {
	x.used--
	for next := x.next(at); x.slots[next] != 0; next = x.next(next) {
		s := x.slots[next]
		if x.distance(x.home(s), next) >= x.distance(at, next) {
			x.slots[at] = s
			at = next
		}
	}
	x.slots[at] = 0
}

// distance is how many steps lead from one slot to another.
func (x *index) distance(from, to int) int {
	if to < from {
		to += len(x.slots)
	}
	return to - from
}

// rebuild moves all entries into a table of at least size slots. Where moved is
// set, the position p becomes moved[p].
func (x *index) rebuild(size int, moved []uint32) {
	old := x.slots
	fresh := slices.Grow([]uint64(nil), size)
	x.slots = fresh[:cap(fresh)] // the allocator rounds up
	for _, s := range old {
		if s == 0 {
			continue
		}
		if moved != nil {
			s = slotOf(uint32(s>>32), int(moved[positionIn(s)]))
		}
		x.insert(s)
	}
}
