package store

import (
	"errors"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/messages"
)

// shards is how many locks the threads share. A write holds one for about a
// microsecond, so as many cores seldom meet at one of 64; and each has a heap
// with a segment that is not full, so more of them would cost memory.
const shards = 64

// Options of a store.
type Options struct {
	Limits ckpt.Limits
	NewID  func() string // makes an ID for a message that came without one
	// Window is how many revisions a plan may be older than the record that
	// brings it. The trace of a thread that is gone stays that long. 0: plans
	// are applied at once.
	Window uint64
	// Retention is what new threads get and others fall back on.
	Retention Retention
	// Missed is told of a revision at which changes become known that were not
	// told, since the records which made them are gone. Nil: nobody is.
	Missed func(revision uint64, now int64)
	// History is how many earlier states a thread keeps where no write said
	// another number for it.
	History int
}

// Store is the threads of one service. Its methods may be called at once from
// many goroutines. Times are milliseconds since 1970.
type Store struct {
	opts      Options
	shards    [shards]shard
	directory directory
	updates   updates
	revision  atomic.Uint64 // of the latest change
	straddles straddles
}

// shard is a part of the threads under one lock.
type shard struct {
	mu        sync.Mutex // also for readers: they hold it as briefly, and it costs half
	threads   table
	heap      messages.Heap
	compactor *messages.Compactor  // nil: the heap is compact enough
	timed     map[*thread]struct{} // those that the sweep visits
	agenda    agenda               // those that have a lifetime
	fresh     *retention           // of the thread that was created last: most get the same
	details   int                  // bytes of all threads' details
	notes
	_ [64]byte // keeps the locks of two shards off one cache line
}

// New returns an empty store.
func New(o Options) *Store {
	s := &Store{opts: o}
	if s.opts.Missed == nil {
		s.opts.Missed = func(uint64, int64) {}
	}
	for i := range s.shards {
		s.shards[i].timed = make(map[*thread]struct{})
	}
	return s
}

// Revision returns the revision of the latest change, 0 before the first.
func (s *Store) Revision() uint64 { return s.revision.Load() }

func (s *Store) shard(threadID string) *shard { return &s.shards[shardOf(threadID)] }

func shardOf(threadID string) int { return int(maphash.String(seed, threadID) % shards) }

// Commit plans the write, gives its entry the revision that next returns, and
// applies it, all under the thread's lock, so that nothing comes between. Also
// under the lock, where something changed, it calls applied, so that changes
// of one thread are told in their order.
func (s *Store) Commit(w *Write, now int64, next func() uint64, applied func(Change)) (Result, error) {
	if len(w.Group) > 0 {
		return s.commitGroup(w, now, next, applied)
	}
	sh := s.shard(w.ThreadID)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	t := sh.threads.get(w.ThreadID)
	if t != nil && s.expired(t, now) {
		s.expire(sh, t, now, next, applied)
	}
	a, err := s.plan(sh, t, w, now)
	if err != nil || !w.changes() {
		return a, err
	}
	revision := next()
	s.carryOut(sh, t, &w.Entry, now, revision, revision, applied)
	return w.Result(revision), nil
}

// ErrExpired is the error of a plan for a thread that has expired and was not
// told of yet: the entry of [Store.Expiry] comes first.
var ErrExpired = errors.New("the thread has expired")

// Plan plans the write and reports whether there is an entry to be applied;
// where not, the result is known already, unless the error is [ErrExpired].
func (s *Store) Plan(w *Write, now int64) (entry bool, a Result, err error) {
	if len(w.Group) > 0 {
		return s.planGroup(w, now)
	}
	sh := s.shard(w.ThreadID)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	t := sh.threads.get(w.ThreadID)
	if t != nil && s.expired(t, now) && !w.Own {
		return false, Result{}, ErrExpired
	}
	a, err = s.plan(sh, t, w, now)
	return err == nil && w.changes(), a, err
}

// plan plans the write on the thread that the shard has under its ID, if any.
// The write has an effect unless the result is known already.
func (s *Store) plan(sh *shard, t *thread, w *Write, now int64) (Result, error) {
	if a, err := s.known(sh, t, w, now); a != nil || err != nil {
		return a.result(), err
	}
	return s.planNew(t, w, now)
}

// known returns what the write was answered when it came before, nil of a new one.
func (s *Store) known(sh *shard, t *thread, w *Write, now int64) (*answered, error) {
	w.view = s.view(sh, t, now)
	if err := w.view.allow(w.UserID); err != nil || t == nil {
		return nil, err
	}
	return t.answer(w, now)
}

// planNew plans a write that is not known.
func (s *Store) planNew(t *thread, w *Write, now int64) (Result, error) {
	if t != nil {
		w.Base = t.revision
	}
	if err := w.view.fence(w.Lease, &w.Entry); err != nil {
		return Result{}, err
	}
	if err := w.view.expect(&w.Expected); err != nil {
		return Result{}, err
	}
	if err := w.Plan(&w.view, &w.Entry); err != nil {
		return Result{}, err
	}
	if w.State.any() && !w.Keep.own {
		w.Keep = w.view.keep()
	}
	w.At = now
	if !w.Own && w.view.mayBeNew() && !Hidden(w.ThreadID) {
		w.Fresh = s.opts.Retention.fresh(now)
	}
	return Result{w.Answer, w.view.revision()}, nil
}

// View is a thread as a plan or a query sees it at one moment, under its lock.
type View struct {
	store  *Store
	shard  *shard
	thread *thread // nil: it holds nothing
	lease  lease   // of the thread, which need not hold anything
	now    int64
}

func (s *Store) view(sh *shard, t *thread, now int64) View {
	v := View{store: s, shard: sh, now: now}
	if t != nil {
		v.lease = t.peek().leaseAt(now)
		if t.holds(now) {
			v.thread = t
		}
	}
	return v
}

// open locks the thread and returns it as it is, for a user who may read it.
// Where there is no error, the caller closes the view.
func (s *Store) open(ref *ckpt.ThreadRef, now int64) (View, error) {
	sh := s.shard(ref.ThreadID)
	sh.mu.Lock()
	v := s.view(sh, sh.threads.get(ref.ThreadID), now)
	if err := v.allow(ref.UserID); err != nil {
		v.close()
		return View{}, err
	}
	return v, nil
}

func (v *View) close() { v.shard.mu.Unlock() }

// allow refuses a user to whom the thread does not belong; no user passes.
func (v *View) allow(user string) error {
	if v.thread == nil || user == "" || v.thread.owner == nobody || v.thread.owner.Value() == user {
		return nil
	}
	return ckpt.Errorf(ckpt.PermissionDenied, "the thread belongs to another user than %q", user)
}

// expect refuses a write that expects the thread to be at another revision.
func (v *View) expect(c *ckpt.Condition) error {
	revision := v.revision()
	if c.Met(revision) {
		return nil
	}
	err := ckpt.Errorf(ckpt.Conflict, "the thread is at revision %d, and %d was expected: read it again and decide anew", revision, c.Revision())
	err.Revision = revision
	return err
}

// mayBeNew reports whether a write may create the thread: it does not exist, or
// may have expired with its cached state by the time of the record.
func (v *View) mayBeNew() bool { return v.thread == nil || v.thread.peek().expires != 0 }

func (v *View) revision() uint64 {
	if v.thread == nil {
		return 0
	}
	return v.thread.told()
}

// details returns what the thread holds beside messages, empty where it does
// not exist.
func (v *View) details() *details {
	if v.thread == nil {
		return &noDetails
	}
	return v.thread.peek()
}

// keep returns how many earlier states the thread keeps, where a write does not
// say.
func (v *View) keep() kept {
	if h := v.details().history; h != nil && h.keep.own {
		return h.keep
	}
	return kept{n: v.store.opts.History}
}

// notFound is the error of a read that found the thread without what it asked
// for.
func (v *View) notFound(format string, args ...any) error {
	err := ckpt.Errorf(ckpt.NotFound, format, args...)
	err.Revision = v.revision()
	return err
}

// Limits returns the limits that the store was made with.
func (s *Store) Limits() ckpt.Limits { return s.opts.Limits }
