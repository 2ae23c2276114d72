package journal

import (
	"sync/atomic"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/store"
)

// Local is the journal of a single service that keeps its data in memory
// alone: a counter. A change is planned and applied under its thread's lock,
// so there is never a conflict between the two, and it is gone with the
// process.
type Local struct {
	store    *store.Store
	revision atomic.Uint64
	applied  func(store.Change)
}

// NewLocal returns a journal for an empty store. It tells each change to
// applied, under the lock of the change's thread.
func NewLocal(s *store.Store, applied func(store.Change)) *Local {
	return &Local{store: s, applied: applied}
}

// Name returns "local".
func (l *Local) Name() string { return "local" }

// Status returns that the store has everything: no change waits to be applied.
func (l *Local) Status() Status {
	revision := l.revision.Load()
	return Status{Applied: revision, Last: revision, Serving: true}
}

// Commit carries out a write, of which the caller knows before it returns.
func (l *Local) Commit(w *store.Write, now int64, caller Caller) {
	caller.Done(l.store.Commit(w, now, l.next, l.applied))
}

// Release removes every thread and calls done before it returns.
func (l *Local) Release(requestID string, now int64, done func(ckpt.ReleaseReply, error)) {
	done(l.store.Release(requestID, now, l.next, l.applied), nil)
}

// Sweep frees what has expired.
func (l *Local) Sweep(now int64) { l.store.Sweep(now, l.next, l.applied) }

func (l *Local) next() uint64 { return l.revision.Add(1) }
