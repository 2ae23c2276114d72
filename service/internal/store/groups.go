package store

import (
	"hash/maphash"
	"unique"

	"github.com/ckptbus/ckpt/internal/wire"
	"github.com/tidwall/btree"
)

// A group is the threads that belong to one user, or in whose record the metadata
// have one pair: a hash of it. Groups that share a hash are one; whoever looks for
// the threads of one looks at each thread.
type group uint64

// member is what decides on a thread's groups.
type member struct {
	owner  unique.Handle[string]
	record *record
}

func (t *thread) member() member { return member{t.owner, t.peek().record} }

// groups returns the groups of a thread, which has one for each pair of the
// metadata, at their top level.
func (m member) groups() (list []group) {
	if m.owner != nobody {
		list = append(list, ownerGroup(m.owner.Value()))
	}
	for key, value := range m.record.meta().Pairs {
		if name, ok := key.Text(); ok {
			list = append(list, pairGroup(string(name), appendCanonical(nil, value)))
		}
	}
	return list
}

// everyone is the group of all threads.
const everyone group = 0

// ownerMark begins what is hashed for an owner; no msgpack value does so.
const ownerMark = 0xc1

func ownerGroup(owner string) group {
	var h maphash.Hash
	h.SetSeed(seed)
	_ = h.WriteByte(ownerMark)
	_, _ = h.WriteString(owner)
	return group(max(h.Sum64(), 1))
}

func pairGroup(key string, canonical []byte) group {
	var h maphash.Hash
	h.SetSeed(seed)
	var room [64]byte
	_, _ = h.Write(wire.AppendStr(room[:0], key))
	_, _ = h.Write(canonical)
	return group(max(h.Sum64(), 1))
}

// groups lists the threads of each group in the order of their creation. It is
// part of the directory and has its lock. A thread takes 16 bytes in each of its
// groups, some 32 with what the tree has free. The zero value has no groups.
type groups struct {
	tree *btree.BTreeG[grouped]
}

type grouped struct {
	group  group
	thread *thread
}

func (a grouped) before(b grouped) bool {
	if a.group != b.group {
		return a.group < b.group // without a look at the threads, which are all over the memory
	}
	return a.thread.key().compare(b.thread.key()) < 0
}

func (x *groups) add(g group, t *thread) {
	if x.tree == nil {
		x.tree = btree.NewBTreeGOptions(grouped.before, btree.Options{NoLocks: true})
	}
	x.tree.Set(grouped{g, t})
}

func (x *groups) remove(g group, t *thread) {
	if x.tree != nil {
		x.tree.Delete(grouped{g, t})
	}
}

// seek calls yield with the threads of a group behind the bound.
func (x *groups) seek(g group, from bound, yield func(candidate) bool) {
	if x.tree == nil {
		return
	}
	k := from.pivot()
	walk(x.tree, from, grouped{g, &thread{created: stamp(k.at), id: k.id}}, func(item grouped) bool {
		if item.group != g {
			return false
		}
		k := item.thread.key()
		return !from.before(k) || yield(candidate{k, item.thread})
	})
}
