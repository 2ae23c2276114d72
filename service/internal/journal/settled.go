package journal

import (
	"slices"
	"sync"
)

// settled knows up to which revision all changes are applied and told, where
// several are applied at once. Revisions are taken one after the other from 1.
type settled struct {
	mu    sync.Mutex
	upTo  uint64
	ahead []uint64 // settled before one that precedes them, in order
}

func (s *settled) load() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.upTo
}

// add settles a revision; one that is settled already changes nothing.
func (s *settled) add(revision uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case revision <= s.upTo:
		return
	case revision > s.upTo+1:
		if i, there := slices.BinarySearch(s.ahead, revision); !there {
			s.ahead = slices.Insert(s.ahead, i, revision)
		}
		return
	}
	s.upTo = revision
	n := 0
	for n < len(s.ahead) && s.ahead[n] == s.upTo+1 {
		s.upTo++
		n++
	}
	s.ahead = append(s.ahead[:0], s.ahead[n:]...)
}
