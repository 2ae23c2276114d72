package store

import (
	"cmp"
	"slices"
	"strings"
	"sync"
)

// A Need is a thread and the oldest record that it needs.
type Need struct {
	Since    uint64
	ThreadID string
}

// Needs returns the threads that need records before the revision, in the order
// of these, and then of their IDs.
func (s *Store) Needs(before uint64) []Need {
	var list []Need
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		for t := range sh.threads.all {
			if since := t.since(); since < before {
				list = append(list, Need{since, t.id})
			}
		}
		sh.mu.Unlock()
	}
	slices.SortFunc(list, func(a, b Need) int {
		return cmp.Or(cmp.Compare(a.Since, b.Since), strings.Compare(a.ThreadID, b.ThreadID))
	})
	return list
}

// Oldest returns the oldest record that a thread needs; limit where none needs an
// older one. It is the same wherever the same records are applied, but for threads
// that are gone and not freed yet.
func (s *Store) Oldest(limit uint64) uint64 {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		for t := range sh.threads.all {
			limit = min(limit, t.since())
		}
		sh.mu.Unlock()
	}
	return limit
}

// Floor returns the oldest record that has to stay, so that what stays makes the
// same store again; at most the one at limit.
func (s *Store) Floor(limit uint64) uint64 { return s.straddles.floor(s.Oldest(limit)) }

// Gone says that the records before first are cut off.
func (s *Store) Gone(first uint64) { s.straddles.drop(first) }

// Keep says that the record at until must not stay without the one at from.
func (s *Store) Keep(from, until uint64) { s.straddles.add(from, until) }

// straddles are the records that must not stay without others before them: a
// snapshot, or an entry that was planned where there was no trace of its thread,
// which was ignored, since the thread had moved on or come into being, would
// make the thread anew where nothing is left of the record that had made it.
type straddles struct {
	mu   sync.Mutex
	list []straddle // in the order of their ends
}

// straddle says that the record at until needs the one at from.
type straddle struct{ from, until uint64 }

func (s *straddles) add(from, until uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.list); n > 0 && s.list[n-1].from == from {
		s.list[n-1].until = until
		return
	}
	s.list = append(s.list, straddle{from, until})
}

// floor returns the record at limit or, where it lies within a straddle, one
// before it.
func (s *straddles) floor(limit uint64) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.list) - 1; i >= 0; i-- {
		if x := s.list[i]; x.from < limit && limit <= x.until {
			limit = x.from
			i = len(s.list) // an earlier one may hold it now, or a longer one
		}
	}
	return limit
}

// drop forgets the straddles of records before first.
func (s *straddles) drop(first uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = slices.DeleteFunc(s.list, func(x straddle) bool { return x.until < first })
}

func (s *straddles) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = nil
}
