package store

import (
	"cmp"
	"slices"
	"unique"

	"github.com/ckptbus/ckpt"
)

// size returns how many bytes the thread's values have.
func (t *thread) size(sh *shard) int { return t.messages.Bytes(&sh.heap) + t.peek().weight() }

// Stats counts what the store holds, and finds the largest threads and users: top
// of each at the most, and so many that their IDs fit room bytes.
func (s *Store) Stats(top, room int, a *ckpt.StatsReply, now int64) {
	users := make(map[unique.Handle[string]]*ckpt.UserStats)
	threads := largest[ckpt.ThreadStats]{n: top, size: func(t *ckpt.ThreadStats) int { return t.Bytes }}
	s.visit(func(sh *shard, t *thread) {
		if t.gone() || !t.holds(now) || Hidden(t.id) {
			return
		}
		one := ckpt.ThreadStats{ThreadID: t.id, UserID: t.owner.Value(), Messages: t.messages.Len(), Bytes: t.size(sh)}
		a.Threads++
		a.Messages += one.Messages
		a.LiveBytes += one.Bytes
		threads.add(one)
		if t.owner == nobody {
			return
		}
		u := users[t.owner]
		if u == nil {
			u = &ckpt.UserStats{UserID: one.UserID}
			users[t.owner] = u
		}
		u.Threads++
		u.Messages += one.Messages
		u.Bytes += one.Bytes
	})
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		a.HeldBytes += sh.heap.Bytes() + sh.details
		sh.mu.Unlock()
	}
	owners := largest[ckpt.UserStats]{n: top, size: func(u *ckpt.UserStats) int { return u.Bytes }}
	for _, u := range users {
		owners.add(*u)
	}
	a.Largest, a.Users = threads.list, owners.list
	for size := 0; ; size = 0 { // which only a bus of few kilobytes needs
		for i := range a.Largest {
			size += rowBytes + len(a.Largest[i].ThreadID) + len(a.Largest[i].UserID)
		}
		for i := range a.Users {
			size += rowBytes + len(a.Users[i].UserID)
		}
		if size <= room {
			return
		}
		a.Largest, a.Users = a.Largest[:len(a.Largest)/2], a.Users[:len(a.Users)/2]
	}
}

// rowBytes is more than a row of the stats takes beside its IDs.
const rowBytes = 80

// largest keeps the n largest of what is added, largest first.
type largest[T any] struct {
	n    int
	size func(*T) int
	list []T
}

func (l *largest[T]) add(one T) {
	size := l.size(&one)
	if len(l.list) == l.n && size <= l.size(&l.list[l.n-1]) {
		return
	}
	at, _ := slices.BinarySearchFunc(l.list, size, func(x T, size int) int { return cmp.Compare(size, l.size(&x)) })
	l.list = slices.Insert(l.list[:min(len(l.list), l.n-1)], min(at, l.n-1), one)
}
