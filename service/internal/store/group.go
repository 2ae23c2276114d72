package store

import (
	"errors"
	"fmt"
	"iter"

	"github.com/ckptbus/ckpt"
)

// This file has what is done to several threads at once: all of it or nothing.

// lockThreads locks the shards of some threads, always in the same order, and
// returns what unlocks them.
func (s *Store) lockThreads(ids iter.Seq[string]) (unlock func()) {
	var held [shards]bool
	for id := range ids {
		held[shardOf(id)] = true
	}
	for i := range held {
		if held[i] {
			s.shards[i].mu.Lock()
		}
	}
	return func() {
		for i := range held {
			if held[i] {
				s.shards[i].mu.Unlock()
			}
		}
	}
}

// commitGroup is [Store.Commit] of a write to several threads, which get one
// revision.
func (s *Store) commitGroup(w *Write, now int64, next func() uint64, applied func(Change)) (Result, error) {
	defer s.lockThreads(w.Threads)()
	for t := s.firstExpired(w, now); t != nil; t = s.firstExpired(w, now) {
		s.expire(s.shard(t.id), t, now, next, applied)
	}
	a, err := s.planThreads(w, now)
	if err != nil || !w.changes() {
		return a, err
	}
	a.Revision = next()
	for e := range w.each {
		if e.changesThread() {
			sh := s.shard(e.ThreadID)
			applied(s.apply(sh, sh.threads.get(e.ThreadID), e, now, a.Revision, a.Revision))
		}
	}
	return a, nil
}

// planGroup is [Store.Plan] of a write to several threads.
func (s *Store) planGroup(w *Write, now int64) (entry bool, a Result, err error) {
	defer s.lockThreads(w.Threads)()
	if s.firstExpired(w, now) != nil {
		return false, Result{}, ErrExpired
	}
	a, err = s.planThreads(w, now)
	return err == nil && w.changes(), a, err
}

// planThreads plans the writes to all threads; the first one last, since its plan
// has the answer to all. It is the first thread that remembers the answer.
func (s *Store) planThreads(w *Write, now int64) (Result, error) {
	w.With = nil
	sh := s.shard(w.ThreadID)
	t := sh.threads.get(w.ThreadID)
	if a, err := s.known(sh, t, w, now); a != nil || err != nil {
		return a.result(), inThread(err, w.ThreadID)
	}
	for _, further := range w.Group {
		sh := s.shard(further.ThreadID)
		if _, err := s.plan(sh, sh.threads.get(further.ThreadID), further, now); err != nil {
			return Result{}, inThread(err, further.ThreadID)
		}
	}
	a, err := s.planNew(t, w, now)
	for _, further := range w.Group {
		w.With = append(w.With, &further.Entry)
	}
	return a, inThread(err, w.ThreadID)
}

// inThread says which thread of a group an error is about.
func inThread(err error, thread string) error {
	var e *ckpt.Error
	if errors.As(err, &e) {
		e.Message = fmt.Sprintf("thread %q: %s", thread, e.Message)
	}
	return err
}

// each calls yield with the entry and with those that go with it.
func (e *Entry) each(yield func(*Entry) bool) {
	if !yield(e) {
		return
	}
	for _, further := range e.With {
		if !yield(further) {
			return
		}
	}
}

// threads calls yield with the ID of each thread that the entry is about.
func (e *Entry) threads(yield func(string) bool) {
	for further := range e.each {
		if !yield(further.ThreadID) {
			return
		}
	}
}

// applyGroup is [Store.Apply] of an entry of several threads: it is applied where
// none of them has moved on or expired. A thread of which there is no trace, although it was
// there when the entry was planned, is one whose records are cut off here: it comes
// back from a later one, and what this one made of it is passed over. So that the
// others never take for applied what was not, a record that was not applied stays
// only together with the records of the thread that had moved on.
func (s *Store) applyGroup(e *Entry, now int64, first, revision uint64, applied func(Change)) bool {
	defer s.lockThreads(e.threads)()
	for part := range e.each {
		if part.Until != 0 && part.Until <= now {
			return false // a lease ran out between the plan and the record
		}
		t := s.find(s.shard(part.ThreadID), part, now, revision)
		if t == nil && e.Fork != nil && part != e {
			s.opts.Missed(revision, now)
			return false // the source's records are cut off, and a snapshot of the fork follows
		}
		if t != nil && (t.revision != part.Base || t.over(now)) {
			s.straddles.add(t.since(), revision)
			return false
		}
	}
	for part := range e.each {
		sh := s.shard(part.ThreadID)
		t := sh.threads.get(part.ThreadID)
		switch {
		case !part.changesThread():
		case t != nil || part.Base == 0:
			applied(s.apply(sh, t, part, now, first, revision))
		default:
			s.opts.Missed(revision, now)
		}
	}
	return true
}
