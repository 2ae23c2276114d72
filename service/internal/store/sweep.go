package store

import (
	"sync/atomic"

	"github.com/ckptbus/ckpt"
)

// Sweep frees what has expired by itself: cached states, and the answers that
// are remembered for retries. A thread that held nothing but a cached state is
// gone with it, which is a change like any other and is told as one.
func (s *Store) Sweep(now int64, next func() uint64, applied func(Change)) {
	for i := range s.shards {
		s.sweep(&s.shards[i], now, next, applied)
	}
}

func (s *Store) sweep(sh *shard, now int64, next func() uint64, applied func(Change)) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for t := range sh.timed {
		if !t.gone && !t.holds(now) {
			e := &Entry{Kind: ckpt.KindExpired, At: now}
			e.ThreadID = t.id
			c := Change{Entry: e, Revision: next(), Previous: t.revision, Owner: t.owner.Value()}
			t.revision = c.Revision
			s.end(sh, t)
			raise(&s.revision, c.Revision)
			applied(c)
		}
		d := t.peek()
		if d.expires != 0 && d.expires <= now {
			d.cache, d.expires = slot{}, 0
		}
		if remembers := d.forget(now); remembers || d.expires != 0 {
			continue
		}
		delete(sh.timed, t)
		t.timed = false
		t.trim()
		if t.gone {
			sh.threads.remove(t)
		}
	}
}

// raise sets v to n where that is higher.
func raise(v *atomic.Uint64, n uint64) {
	for old := v.Load(); old < n && !v.CompareAndSwap(old, n); old = v.Load() {
	}
}
