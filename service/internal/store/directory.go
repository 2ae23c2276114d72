package store

import (
	"cmp"
	"slices"
	"strings"
	"sync"
)

// directory lists the threads in the order of their creation; those that one
// record created, in the order of their IDs. Its lock is taken inside a shard's,
// never around one.
type directory struct {
	mu      sync.RWMutex
	threads []*thread // nil where a thread was removed
	removed int
	last    key  // of the thread that was added last
	mixed   bool // some are not in their order: a snapshot brought them
}

func (d *directory) add(t *thread) {
	if Hidden(t.id) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mixed = d.mixed || d.last.compare(t.key()) > 0
	d.last = t.key()
	t.place = uint32(len(d.threads))
	d.threads = append(d.threads, t)
}

// key is where a thread belongs in the directory.
type key struct {
	created stamp
	id      string
}

func (t *thread) key() key { return key{t.created, t.id} }

func (k key) compare(other key) int {
	return cmp.Or(cmp.Compare(k.created, other.created), strings.Compare(k.id, other.id))
}

// remove takes t out. Places are squeezed when half of them are empty, so that
// removal is cheap however many threads there are.
func (d *directory) remove(t *thread) {
	if Hidden(t.id) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.threads[t.place] = nil
	d.removed++
	if d.removed < len(d.threads)/2 || d.removed < 1024 {
		return
	}
	d.squeeze()
}

// squeeze closes the gaps and puts the threads into their order.
func (d *directory) squeeze() {
	d.threads = slices.DeleteFunc(d.threads, func(t *thread) bool { return t == nil })
	d.removed = 0
	if d.mixed {
		slices.SortFunc(d.threads, func(a, b *thread) int { return a.key().compare(b.key()) })
		d.mixed = false
	}
	for i, t := range d.threads {
		t.place = uint32(i)
	}
	if n := len(d.threads); n > 0 {
		d.last = d.threads[n-1].key()
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
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mixed {
		d.squeeze()
	}
	list := make([]*thread, 0, len(d.threads)-d.removed)
	for _, t := range d.threads {
		if t != nil {
			list = append(list, t)
		}
	}
	return list
}
