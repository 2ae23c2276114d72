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
	view     View
	revision atomic.Uint64
	settled  settled
	applied  func(store.Change)
}

// NewLocal returns a journal for an empty store. It tells each change to
// applied, under the lock of the change's thread. The ID is that of the store.
func NewLocal(s *store.Store, id string, applied func(store.Change)) *Local {
	return &Local{store: s, view: View{StoreID: id}, applied: applied}
}

// Name returns "local".
func (l *Local) Name() string { return "local" }

// Status returns the revision up to which no change is being applied, all that
// there is where nothing is under way.
func (l *Local) Status() Status {
	revision := l.settled.load()
	return Status{Applied: revision, Last: revision, Serving: true}
}

// StoreID identifies the data.
func (l *Local) StoreID() string { return l.view.StoreID }

// View returns the one that there is.
func (l *Local) View() *View { return &l.view }

// Commit carries out a write, of which the caller knows before it returns.
func (l *Local) Commit(w *store.Write, now int64, caller Caller) { caller.Done(l.commit(w, now)) }

func (l *Local) commit(w *store.Write, now int64) (a store.Result, err error) {
	var few [2]uint64
	taken := few[:0] // one for each change that the write makes, told or not, and for what ended before it
	defer func() {
		for _, revision := range taken {
			l.settled.add(revision)
		}
	}()
	defer panicked(&err)
	next := func() uint64 {
		revision := l.next()
		taken = append(taken, revision)
		return revision
	}
	return l.store.Commit(w, now, next, l.applied)
}

// Release removes every thread and calls done before it returns.
func (l *Local) Release(requestID string, now int64, done func(ckpt.ReleaseReply, error)) {
	done(l.store.Release(requestID, now, l.next, l.one), nil)
}

// Sweep frees what has expired.
func (l *Local) Sweep(now int64) { l.store.Sweep(now, l.next, l.one) }

// one tells of a change that has its revision to itself.
func (l *Local) one(c store.Change) {
	l.applied(c)
	l.settled.add(c.Revision)
}

func (l *Local) next() uint64 { return l.revision.Add(1) }

// Knows reports that the store knows of all changes.
func (l *Local) Knows(uint64) bool { return true }

// Await calls then at once: the store knows of all changes.
func (l *Local) Await(_ uint64, then func(error)) { then(nil) }

// Barrier calls then at once: the store knows of all changes.
func (l *Local) Barrier(then func(error)) { then(nil) }

// Close does nothing: nothing is under way once Commit has returned.
func (l *Local) Close() {}
