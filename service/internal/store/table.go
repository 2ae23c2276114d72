package store

import "hash/maphash"

// table finds threads by their ID. It is a hash table with open addressing and
// linear probing that is at most 5/6 full and grows by a quarter: 10 to 12
// bytes a thread, where a map takes some 40. The zero value is an empty table.
type table struct {
	slots []*thread
	used  int
}

// minSlots makes room for the first threads.
const minSlots = 16

// seed makes the hashes of this process its own, so that nobody can choose IDs
// that collide.
var seed = maphash.MakeSeed()

// home is where the search for an ID begins.
func (x *table) home(id string) int {
	return int(maphash.String(seed, id) >> 32 * uint64(len(x.slots)) >> 32)
}

func (x *table) next(at int) int {
	if at++; at == len(x.slots) {
		return 0
	}
	return at
}

// get returns the thread with the ID, nil where there is none.
func (x *table) get(id string) *thread {
	if x.used == 0 {
		return nil
	}
	for at := x.home(id); x.slots[at] != nil; at = x.next(at) {
		if t := x.slots[at]; t.id == id {
			return t
		}
	}
	return nil
}

// add enters a thread whose ID is new.
func (x *table) add(t *thread) {
	if 6*(x.used+1) > 5*len(x.slots) {
		old := x.slots
		x.slots = make([]*thread, max(minSlots, len(old)/4*5))
		for _, t := range old {
			if t != nil {
				x.insert(t)
			}
		}
	}
	x.insert(t)
	x.used++
}

func (x *table) insert(t *thread) {
	at := x.home(t.id)
	for x.slots[at] != nil {
		at = x.next(at)
	}
	x.slots[at] = t
}

// remove takes out a thread that is there, and moves the ones behind it up as
// far as their homes allow, so that no search ends early. A table that was left
// mostly empty is given up with its last thread.
func (x *table) remove(t *thread) {
	at := x.home(t.id)
	for x.slots[at] != t {
		at = x.next(at)
	}
	for next := x.next(at); x.slots[next] != nil; next = x.next(next) {
		if home := x.home(x.slots[next].id); x.distance(home, next) >= x.distance(at, next) {
			x.slots[at] = x.slots[next]
			at = next
		}
	}
	x.slots[at] = nil
	if x.used--; x.used == 0 {
		x.slots = nil
	}
}

// distance is how many steps lead from one slot to another.
func (x *table) distance(from, to int) int {
	if to < from {
		to += len(x.slots)
	}
	return to - from
}

// all calls yield with each thread.
func (x *table) all(yield func(*thread) bool) {
	for _, t := range x.slots {
		if t != nil && !yield(t) {
			return
		}
	}
}
