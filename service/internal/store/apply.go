package store

import (
	"unique"

	"github.com/ckptbus/ckpt/service/internal/messages"
)

// Apply applies an entry of the journal's record at revision, whose first part
// is at first, and reports whether it did: an entry is applied on exactly the
// revision of its thread that it was planned on, and ignored on any other. The
// time now is that of the record: what becomes of the thread depends on the
// journal alone, and not on where and when it is applied.
func (s *Store) Apply(e *Entry, now int64, first, revision uint64, applied func(Change)) bool {
	sh := s.shard(e.ThreadID)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	t := sh.threads.get(e.ThreadID)
	if t != nil && s.forgotten(t, now, revision) {
		sh.forget(t)
		t = nil
	}
	switch {
	case e.Snapshot != nil:
		return s.restore(sh, t, e, first, revision)
	case t == nil && e.Base != 0:
		return false
	case t != nil && e.Base != t.revision:
		if e.Base == 0 {
			s.straddles.add(t.since(), revision)
		}
		return false
	}
	if e.Until != 0 && e.Until <= now {
		return false // its lease ran out between the plan and the record
	}
	s.carryOut(sh, t, e, now, first, revision, applied)
	return true
}

// carryOut changes the thread by an entry, and tells of it what is to be told.
func (s *Store) carryOut(sh *shard, t *thread, e *Entry, now int64, first, revision uint64, applied func(Change)) {
	if e.leases() {
		s.applyLease(sh, t, e, now, first, revision)
		return
	}
	applied(s.apply(sh, t, e, now, first, revision))
}

// apply changes the thread by an entry. t is what the shard has under the
// entry's thread ID: nil where it is new, and possibly a thread whose content
// is gone or has expired.
func (s *Store) apply(sh *shard, t *thread, e *Entry, now int64, first, revision uint64) Change {
	c := Change{Entry: e, Revision: revision}
	if t == nil {
		t = sh.add(e.ThreadID)
		t.setSince(first)
	}
	c.Previous = t.told()
	before := t.peek().weight()
	if !t.gone() && !t.holds(now) && !e.NoThread { // whose event tells whose it was
		s.end(sh, t)
	}
	if t.gone() {
		t.created, t.owner = newStamp(now, revision), nobody
		s.directory.add(t)
	}
	t.moveTo(first, revision)
	t.updated = e.At
	t.tell()
	if t.owner == nobody && e.UserID != "" {
		t.owner = unique.Make(e.UserID)
	}
	c.Owner = t.owner.Value()
	t.change(sh, e)
	t.remember(e, now, revision)
	if !t.holds(now) {
		s.end(sh, t)
	}
	sh.settle(t, before)
	sh.compact()
	raise(&s.revision, revision)
	return c
}

// moveTo makes the revision the thread's, of a record whose first part is at first.
func (t *thread) moveTo(first, revision uint64) {
	since := min(t.since(), first) // the first part of a record may be older than a snapshot before its last
	t.revision = revision
	t.setSince(since)
}

// add makes a thread that holds nothing yet.
func (sh *shard) add(id string) *thread {
	t := &thread{id: id, owner: nobody}
	sh.threads.add(t)
	return t
}

// settle is what follows a change of a thread whose details had weighed before.
func (sh *shard) settle(t *thread, before int) {
	t.trim()
	d := t.peek()
	sh.details += d.weight() - before
	if t.gone() || d.expires != 0 || len(d.recent) > 0 || d.lease != nil && d.lease.held() {
		sh.timed[t] = struct{}{}
	}
}

// forget drops a thread that is gone and remembers nothing.
func (sh *shard) forget(t *thread) {
	sh.details -= t.peek().weight()
	delete(sh.timed, t)
	sh.threads.remove(t)
}

// forgotten reports whether nothing in the journal can ask for a thread that is
// gone: it remembers no answer, nobody has its lease, and what was planned while
// it was there is void by now.
func (s *Store) forgotten(t *thread, now int64, revision uint64) bool {
	return t.gone() && !t.remembers(now) && !t.peek().leaseAt(now).held() && revision-t.revision >= s.opts.Window
}

// end takes a thread that holds nothing out of sight. The shard keeps it until
// it is forgotten.
func (s *Store) end(sh *shard, t *thread) {
	if t.gone() {
		return
	}
	t.messages.Clear(&sh.heap)
	if t.more != nil {
		t.more = t.more.lasting()
	}
	s.directory.remove(t)
	t.created = 0
}

// change makes the entry's effects.
func (t *thread) change(sh *shard, e *Entry) {
	if e.NoThread {
		t.messages.Clear(&sh.heap)
		t.more = t.peek().lasting()
		return
	}
	if e.State.any() {
		t.detail().state = e.State.slot(e.At)
	}
	if e.Cache.any() {
		d := t.detail()
		d.cache, d.expires = e.Cache.slot(e.At), e.Expires
	}
	for _, id := range e.Delete {
		t.messages.Delete(&sh.heap, id)
	}
	for _, m := range e.Messages {
		t.messages.Put(&sh.heap, m.id, m.body, m.keep)
	}
	if len(e.Metadata) > 0 {
		t.detail().metadata = e.Metadata
	}
	if len(e.Record) > 0 {
		t.detail().record = newRecord(e.Record)
	}
	if e.NoRecord {
		t.detail().record = nil
	}
}

// compactBytes bounds the copying that one write does for the heap's
// compaction to some microseconds.
const compactBytes = 64 << 10

// compact does a piece of the heap's compaction where one is due.
func (sh *shard) compact() {
	if sh.compactor == nil {
		if !sh.heap.Fragmented() {
			return
		}
		lists := make([]*messages.List, 0, sh.threads.used)
		for t := range sh.threads.all {
			lists = append(lists, &t.messages)
		}
		sh.compactor = messages.NewCompactor(lists)
	}
	if sh.compactor.Step(&sh.heap, compactBytes) {
		sh.compactor = nil
	}
}
