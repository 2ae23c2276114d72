package store

import (
	"sync/atomic"

	"github.com/ckptbus/ckpt"
)

// Sweep frees what has expired by itself: threads with a lifetime, cached states,
// leases, and the answers that are remembered for retries. A thread that held nothing but
// a cached state is gone with it. The end of a thread is a change like any other
// and is told as one.
func (s *Store) Sweep(now int64, next func() uint64, applied func(Change)) {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		for t := sh.agenda.next(now); t != nil; t = sh.agenda.next(now) {
			s.expire(sh, t, now, next, applied)
		}
		for t := range sh.timed {
			if s.expired(t, now) {
				s.expire(sh, t, now, next, applied)
			}
			s.free(sh, t, now, s.Revision())
		}
		sh.tend()
		sh.mu.Unlock()
	}
}

// expire ends a thread that has expired.
func (s *Store) expire(sh *shard, t *thread, now int64, next func() uint64, applied func(Change)) {
	e, revision := expiry(t, now), next()
	applied(s.apply(sh, t, &e, now, revision, revision))
}

// Free is the part of [Store.Sweep] that is no change: it frees what was out of
// sight at the time and the revision of the latest record.
func (s *Store) Free(now int64, revision uint64) {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		for t := range sh.timed {
			s.free(sh, t, now, revision)
		}
		sh.tend()
		sh.mu.Unlock()
	}
}

// Expired returns an entry for each thread that has to end, because its lifetime
// is over or it held nothing but a cached state, max of them at the most; and whether anything else is to be
// freed that has expired since the time at.
func (s *Store) Expired(now, at int64, max int) (list []Entry, due bool) {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		for t := range sh.agenda.expired(now) {
			if len(list) == max {
				break
			}
			list = append(list, expiry(t, now))
		}
		for t := range sh.timed {
			switch d := t.peek(); {
			case s.expired(t, now):
				if len(list) < max && !t.over(now) {
					list = append(list, expiry(t, now))
				}
			case d.expires != 0 && d.expires <= now && d.expires > at, d.leaseAt(at).held() && !d.leaseAt(now).held(), d.recent != nil && !t.remembers(now) && t.remembers(at):
				due = true
			}
		}
		sh.mu.Unlock()
	}
	return list, due
}

// expired reports whether the thread is to be told as gone.
func (s *Store) expired(t *thread, now int64) bool { return !t.gone() && !t.holds(now) }

// Expiry returns the entry that ends a thread of the write which has expired; false
// where none has.
func (s *Store) Expiry(w *Write, now int64) (Entry, bool) {
	defer s.lockThreads(w.Threads)()
	if t := s.firstExpired(w, now); t != nil {
		return expiry(t, now), true
	}
	return Entry{}, false
}

// firstExpired returns a thread of the write that has expired, nil where none has.
func (s *Store) firstExpired(w *Write, now int64) *thread {
	for id := range w.Threads {
		if t := s.shard(id).threads.get(id); t != nil && s.expired(t, now) {
			return t
		}
	}
	return nil
}

// PlanExpiry plans the end of a thread that has expired.
func (v *View) PlanExpiry(e *Entry) error {
	t := v.shard.threads.get(e.ThreadID)
	e.NoThread = t != nil && v.store.expired(t, v.now)
	return nil
}

// expiry is the entry that ends a thread.
func expiry(t *thread, now int64) Entry {
	e := Entry{Kind: ckpt.KindExpired, At: now, Base: t.revision, NoThread: true}
	e.ThreadID = t.id
	return e
}

// free drops what nobody can see of a thread that the sweep visits.
func (s *Store) free(sh *shard, t *thread, now int64, revision uint64) {
	if s.forgotten(t, now, revision) {
		sh.forget(t)
		return
	}
	if t.more == nil {
		if !t.gone() {
			delete(sh.timed, t)
		}
		return
	}
	d, before := t.more, t.more.weight()
	if d.expires != 0 && d.expires <= now && t.full(now) {
		d.cache, d.expires = slot{}, 0
	}
	if !t.remembers(now) {
		d.recent = nil
	}
	if d.lease != nil {
		d.lease.lease = d.leaseAt(now)
	}
	delete(sh.timed, t)
	d.timed = false
	sh.settle(t, before)
}

// raise sets v to n where that is higher.
func raise(v *atomic.Uint64, n uint64) {
	for old := v.Load(); old < n && !v.CompareAndSwap(old, n); old = v.Load() {
	}
}
