package store

import (
	"unique"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
	"github.com/ckptbus/ckpt/service/internal/messages"
)

// Snapshot is all that a thread holds and remembers at the revision of its
// entry's Base, so that the records before it are not needed any more.
type Snapshot struct {
	created          int64 // a stamp; 0: the thread is gone
	updated          int64
	stateAt, cacheAt int64
	recent           []answered
	gaps             messages.Gaps // of its messages
	history          *history      // nil: none
	origin           *origin       // nil: it is no fork
	ahead            uint64        // as in [leased]
}

// Snapshot returns an entry with the thread as it is; false where there is no
// trace of it.
func (s *Store) Snapshot(threadID string, now int64) (Entry, bool) {
	sh := s.shard(threadID)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	t := sh.threads.get(threadID)
	if t == nil {
		return Entry{}, false
	}
	return sh.snapshot(t, now), true
}

// PlanSnapshot plans a snapshot of the thread; an entry without effect where there
// is no trace of it.
func (v *View) PlanSnapshot(e *Entry) error {
	if t := v.shard.threads.get(e.ThreadID); t != nil {
		*e = v.shard.snapshot(t, v.now)
	}
	return nil
}

func (sh *shard) snapshot(t *thread, now int64) Entry {
	d := t.peek()
	e := Entry{
		Kind:     kindSnapshot,
		At:       now,
		Base:     t.revision,
		State:    change{value: d.state.value},
		Cache:    change{value: d.cache.value},
		Expires:  d.expires,
		Metadata: d.metadata,
		Record:   d.record.raw(),
		Retain:   d.retention,
		Snapshot: &Snapshot{
			created: int64(t.created), updated: t.updated, stateAt: d.state.at, cacheAt: d.cache.at,
			recent: d.recent.oldestFirst(), history: d.history.clone(), gaps: t.messages.Gaps(), origin: d.origin,
		},
	}
	if l := d.lease; l != nil {
		held := l.lease
		e.Hold, e.Snapshot.ahead = &held, l.ahead
	}
	e.ThreadID, e.UserID = t.id, t.owner.Value()
	e.Messages = make([]message, 0, t.messages.Len())
	for body := range t.messages.From(&sh.heap, 0) {
		id, _, _ := messages.IDOf(body) // it was an ID when it was put
		e.Messages = append(e.Messages, message{id: id, body: body})
	}
	return e
}

// Weight is about how many bytes a snapshot of the thread has.
func (s *Store) Weight(threadID string) int {
	sh := s.shard(threadID)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	t := sh.threads.get(threadID)
	if t == nil {
		return 0
	}
	n := threadBytes + t.peek().weight()
	for body := range t.messages.From(&sh.heap, 0) {
		n += len(body)
	}
	return n
}

// kindSnapshot is the kind of the entries that are snapshots; no event bears it.
const kindSnapshot = "snapshot"

// restore applies a snapshot: where the thread is as it says, the thread needs
// no older record any more; where there is no trace of it, because these
// records are gone, it is made anew. A thread that has moved on is left alone: where
// the records that it needs are gone, the snapshot would bring back what it was.
func (s *Store) restore(sh *shard, t *thread, e *Entry, first, revision uint64) bool {
	if t != nil {
		if t.revision != e.Base {
			s.straddles.add(t.since(), revision)
			return false
		}
		t.setSince(first)
		t.messages.SetGaps(e.Snapshot.gaps) // those of version 1 have none: then nobody has
		return true
	}
	snap := e.Snapshot
	t = sh.add(e.ThreadID)
	t.revision, t.created, t.updated = e.Base, stamp(snap.created), snap.updated
	t.setSince(first)
	if !t.gone() {
		s.directory.add(t)
	}
	was := t.member()
	if e.UserID != "" {
		t.owner = unique.Make(e.UserID)
	}
	t.change(sh, e)
	t.messages.SetGaps(snap.gaps)
	if d := t.more; d != nil {
		d.state.at, d.cache.at = snap.stateAt, snap.cacheAt
	}
	if snap.origin != nil {
		t.detail().origin = snap.origin
	}
	if snap.history != nil {
		t.detail().history = snap.history.clone()
	}
	if len(snap.recent) > 0 {
		t.detail().recent = newAnswers(snap.recent)
	}
	if !t.gone() {
		s.directory.move(t, was)
	}
	sh.touch(t)
	if e.Hold != nil {
		*t.leasing() = leased{*e.Hold, snap.ahead}
	}
	sh.settle(t, 0)
	raise(&s.revision, e.Base)
	return true
}

// raw returns the record as a map that [newRecord] reads; nil of none.
func (r *record) raw() ckpt.Raw {
	if r == nil {
		return nil
	}
	updated := one(r.updated != 0)
	b := append(wire.AppendMapHeader(nil, r.count+updated), r.pairs...)
	if updated == 1 {
		b = wire.AppendInt(wire.AppendStr(b, "updated_at"), r.updated)
	}
	return b
}

// threadBytes is about what a thread costs in a snapshot beside its values: its
// IDs, times and figures.
const threadBytes = 150

// Live returns about how many bytes snapshots of all threads have.
func (s *Store) Live() (n int) {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		n += sh.heap.Live() + sh.details + threadBytes*sh.threads.used
		sh.mu.Unlock()
	}
	return n
}

// Reset empties the store, as if it were new.
func (s *Store) Reset() {
	s.updates.mu.Lock() // as a list by update does: before the shards
	defer s.updates.mu.Unlock()
	s.lock()
	defer s.unlock()
	for i := range s.shards {
		sh := &s.shards[i]
		for t := range sh.threads.all {
			s.end(sh, t)
		}
		sh.threads, sh.heap, sh.compactor, sh.details, sh.agenda = table{}, messages.Heap{}, nil, 0, nil
		sh.notes = notes{}
		for t := range sh.timed {
			if t.more != nil {
				t.more.timed = false
			}
		}
		clear(sh.timed)
	}
	s.updates.drop()
	s.straddles.reset()
	s.revision.Store(0)
}
