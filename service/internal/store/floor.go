package store

import (
	"cmp"
	"slices"
	"sync"
)

// A Need is a thread and the oldest record that it needs.
type Need struct {
	Since    uint64
	ThreadID string
}

// Needs returns the threads that need records before the revision, in the order
// of these.
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
	slices.SortFunc(list, func(a, b Need) int { return cmp.Compare(a.Since, b.Since) })
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

// straddles are the records that must not stay without others before them: an
// entry that was planned where there was no trace of its thread, and was
// ignored since the thread had come into being meanwhile, would make the thread
// anew where nothing is left of the record that had made it. So would a snapshot of
// what the thread had been just before.
type straddles struct {
	mu   sync.Mutex
	list []straddle // in the order of their ends
}

// straddle says that the record at until needs the one at from.
type straddle struct{ from, until uint64 }

func (s *straddles) add(from, until uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
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
	s.list = slices.DeleteFunc(s.list, func(x straddle) bool { return x.until < limit })
	return limit
}

func (s *straddles) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = nil
}
