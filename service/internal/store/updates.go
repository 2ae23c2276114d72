package store

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/tidwall/btree"
)

// updates lists the threads of each group in the order of their last updates, and
// everyone in one group. It costs nothing until somebody asks for that order, and
// then little: a write only notes its thread, and the next list takes in what was
// noted. Its lock is taken before a shard's.
type updates struct {
	mu   sync.Mutex
	tree *btree.BTreeG[updated] // nil: nobody has asked
	in   map[*thread]standing   // how each is in the tree
}

// updated is a thread in one of its groups, with its place there.
type updated struct {
	group  group
	at     int64
	thread *thread
}

func (a updated) compare(b updated) int {
	if c := cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.at, b.at)); c != 0 {
		return c // without a look at the threads, which are all over the memory
	}
	return strings.Compare(a.thread.id, b.thread.id)
}

func (a updated) before(b updated) bool { return a.compare(b) < 0 }

// standing is where a thread stands in the order.
type standing struct {
	at     int64
	groups []group // beside everyone
}

// notes are the threads of a shard that changed since the last list by update.
type notes struct {
	noting bool // else nothing is noted, since nobody asks
	noted  []*thread
}

// fewChanges are always noted, however few threads a shard has.
const fewChanges = 64

// touch notes that a thread has changed. Where more changes were noted than
// the shard has threads, it gives up: to begin anew costs less then.
func (sh *shard) touch(t *thread) {
	if !sh.noting {
		return
	}
	limit := 2*sh.threads.used + fewChanges
	if len(sh.noted) >= limit {
		sh.noted = distinct(sh.noted)
		if len(sh.noted) > limit/2 {
			sh.notes = notes{}
			return
		}
	}
	sh.noted = append(sh.noted, t)
}

func distinct(list []*thread) []*thread {
	seen := make(map[*thread]struct{}, len(list))
	return slices.DeleteFunc(list, func(t *thread) bool {
		_, again := seen[t]
		seen[t] = struct{}{}
		return again
	})
}

// byUpdate returns up to n threads that are in all of the groups, in the order of
// their last updates, behind the bound.
func (s *Store) byUpdate(in []group, from bound, n int) []candidate {
	u := &s.updates
	u.mu.Lock()
	defer u.mu.Unlock()
	u.refresh(s)
	return common(in, from, n, u.seek)
}

// refresh takes in what has changed since the last time.
func (u *updates) refresh(s *Store) {
	if u.tree != nil {
		for i := range s.shards {
			if !u.fold(&s.shards[i]) {
				u.drop()
				break
			}
		}
	}
	if u.tree == nil {
		u.build(s)
	}
}

// fold takes in what has changed in a shard; false where that was not noted.
func (u *updates) fold(sh *shard) bool {
	sh.mu.Lock()
	noting, noted := sh.noting, sh.noted
	sh.noted = nil
	now := make([]standing, len(noted))
	there := make([]bool, len(noted))
	for i, t := range noted {
		if there[i] = !t.gone(); there[i] {
			now[i] = t.standing()
		}
	}
	sh.mu.Unlock()
	for i, t := range noted {
		u.remove(t)
		if there[i] {
			u.add(t, now[i])
		}
	}
	return noting
}

// standing returns where a thread stands now, which needs its shard's lock.
func (t *thread) standing() standing { return standing{t.lastUpdate(), t.member().groups()} }

func (u *updates) add(t *thread, st standing) {
	u.in[t] = st
	u.tree.Set(updated{everyone, st.at, t})
	for _, g := range st.groups {
		u.tree.Set(updated{g, st.at, t})
	}
}

func (u *updates) remove(t *thread) {
	st, ok := u.in[t]
	if !ok {
		return
	}
	delete(u.in, t)
	u.tree.Delete(updated{everyone, st.at, t})
	for _, g := range st.groups {
		u.tree.Delete(updated{g, st.at, t})
	}
}

// build begins with all threads as they are.
func (u *updates) build(s *Store) {
	u.in = make(map[*thread]standing)
	var all []updated
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		sh.notes = notes{noting: true}
		for t := range sh.threads.all {
			if t.gone() {
				continue
			}
			st := t.standing()
			u.in[t] = st
			all = append(all, updated{everyone, st.at, t})
			for _, g := range st.groups {
				all = append(all, updated{g, st.at, t})
			}
		}
		sh.mu.Unlock()
	}
	slices.SortFunc(all, updated.compare)
	u.tree = btree.NewBTreeGOptions(updated.before, btree.Options{NoLocks: true})
	for _, item := range all {
		u.tree.Load(item)
	}
}

// drop forgets the order. The shards go on to note changes until they have
// enough of it, or the order is built anew.
func (u *updates) drop() { u.tree, u.in = nil, nil }

// seek calls yield with the threads of a group behind the bound.
func (u *updates) seek(g group, from bound, yield func(candidate) bool) {
	k := from.pivot()
	walk(u.tree, from, updated{g, k.at, &thread{id: k.id}}, func(item updated) bool {
		if item.group != g {
			return false
		}
		k := key{item.at, item.thread.id}
		return !from.before(k) || yield(candidate{k, item.thread})
	})
}
