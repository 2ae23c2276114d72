package store

import (
	"slices"
	"sync"
)

// directory lists the threads in the order of their creation. Its lock is
// taken inside a shard's, never around one.
type directory struct {
	mu      sync.RWMutex
	threads []*thread // nil where a thread was removed
	removed int
}

func (d *directory) add(t *thread) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t.place = uint32(len(d.threads))
	d.threads = append(d.threads, t)
}

// remove takes t out. Places are squeezed when half of them are empty, so that
// removal is cheap however many threads there are.
func (d *directory) remove(t *thread) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.threads[t.place] = nil
	d.removed++
	if d.removed < len(d.threads)/2 || d.removed < 1024 {
		return
	}
	d.threads = slices.DeleteFunc(d.threads, func(t *thread) bool { return t == nil })
	d.removed = 0
	for i, t := range d.threads {
		t.place = uint32(i)
	}
}

// Threads returns how many threads the store holds, those included whose only
// content has expired and waits for the sweep.
func (s *Store) Threads() int {
	s.directory.mu.RLock()
	defer s.directory.mu.RUnlock()
	return len(s.directory.threads) - s.directory.removed
}

// all returns the threads as they are now; some may be removed by the time
// the caller locks their shard.
func (d *directory) all() []*thread {
	d.mu.RLock()
	defer d.mu.RUnlock()
	list := make([]*thread, 0, len(d.threads)-d.removed)
	for _, t := range d.threads {
		if t != nil {
			list = append(list, t)
		}
	}
	return list
}
