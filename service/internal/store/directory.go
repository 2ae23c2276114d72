package store

import (
	"cmp"
	"slices"
	"sort"
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
	groups  groups
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

// key is where a thread belongs in an order of threads.
type key struct {
	at int64 // in the order of creation a stamp, in that of updates milliseconds since 1970
	id string
}

func (t *thread) key() key { return key{int64(t.created), t.id} }

func (k key) compare(other key) int {
	if c := cmp.Compare(k.at, other.at); c != 0 {
		return c
	}
	return strings.Compare(k.id, other.id)
}

// remove takes t out, also of its groups. Places are squeezed when half of them are empty, so that
// removal is cheap however many threads there are.
func (d *directory) remove(t *thread) {
	if Hidden(t.id) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, g := range t.member().groups() {
		d.groups.remove(g, t)
	}
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

// move takes the thread from the groups that it was a member of to those that it is
// a member of now.
func (d *directory) move(t *thread, was member) {
	is := t.member()
	if is == was {
		return
	}
	before, after := was.groups(), is.groups()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, g := range before {
		if !slices.Contains(after, g) {
			d.groups.remove(g, t)
		}
	}
	for _, g := range after {
		d.groups.add(g, t)
	}
}

// members returns up to n threads that are in all of the groups, in the order of
// their creation, behind the bound.
func (d *directory) members(in []group, from bound, n int) []candidate {
	d.mu.Lock()
	defer d.mu.Unlock()
	return common(in, from, n, d.groups.seek)
}

// candidate is a thread that may be on a page, and its place in the order.
type candidate struct {
	key
	thread *thread
}

// part returns up to n threads in the order of their creation that lie behind
// the bound.
func (d *directory) part(from bound, n int) []candidate {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mixed {
		d.squeeze()
	}
	part := make([]candidate, 0, min(n, len(d.threads)-d.removed))
	step, i := 1, 0
	if from.reverse {
		step, i = -1, len(d.threads)-1
	}
	if from.set {
		i = sort.Search(len(d.threads), func(i int) bool { return d.next(i, from.key) >= 0 })
		if from.reverse {
			i--
		}
	}
	for ; i >= 0 && i < len(d.threads) && len(part) < n; i += step {
		if t := d.threads[i]; t != nil && from.before(t.key()) {
			part = append(part, candidate{t.key(), t})
		}
	}
	return part
}

// next compares the first thread from a place on with the key; none is behind
// all.
func (d *directory) next(i int, k key) int {
	for ; i < len(d.threads); i++ {
		if t := d.threads[i]; t != nil {
			return t.key().compare(k)
		}
	}
	return 1
}
