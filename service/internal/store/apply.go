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
	if len(e.With) > 0 {
		return s.applyGroup(e, now, first, revision, applied)
	}
	sh := s.shard(e.ThreadID)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	t := s.find(sh, e, now, revision)
	switch {
	case e.Snapshot != nil:
		if t == nil {
			s.opts.Missed(revision, now)
		}
		return s.restore(sh, t, e, first, revision)
	case t == nil && e.Base != 0: // where this was not so, the entry was applied
		s.opts.Missed(revision, now)
		return false
	case t != nil && e.Base != t.revision:
		if e.Base == 0 {
			s.straddles.add(t.since(), revision)
		}
		return false
	case t != nil && t.over(now) && !e.NoThread: // which is to be told before it is written again
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

// find returns the thread that an entry of a record is about, nil where there is no
// trace of it that the record may see. One that is behind the entry's plan lacks what
// a record made of it together with a thread whose records are cut off here: what
// there is of it is as good as nothing, until its snapshot comes.
func (s *Store) find(sh *shard, e *Entry, now int64, revision uint64) *thread {
	t := sh.threads.get(e.ThreadID)
	switch {
	case t == nil:
		return nil
	case t.revision < e.Base:
		before := t.peek().weight()
		s.end(sh, t)
		sh.settle(t, before)
	case !s.forgotten(t, now, revision):
		return t
	}
	sh.forget(t)
	return nil
}

// apply changes the thread by an entry. t is what the shard has under the
// entry's thread ID: nil where it is new, and possibly a thread whose content
// is gone or has expired.
func (s *Store) apply(sh *shard, t *thread, e *Entry, now int64, first, revision uint64) Change {
	c := Change{Entry: e, Revision: revision}
	before := 0
	if t != nil {
		before = t.peek().weight()
	}
	if t == nil {
		t = sh.add(e.ThreadID)
		t.setSince(first)
	}
	c.Previous = t.told()
	e.told = c.Previous
	if !t.gone() && !t.full(now) && !e.NoThread { // whose event tells whose it was
		s.end(sh, t)
	}
	if t.gone() {
		t.created, t.owner = newStamp(now, revision), nobody
		s.directory.add(t)
		if e.Fresh != nil {
			if sh.fresh == nil || *sh.fresh != *e.Fresh {
				sh.fresh = e.Fresh
			}
			t.detail().retention = sh.fresh
		}
	}
	was := t.member()
	t.moveTo(first, revision)
	t.updated = e.At
	t.tell()
	if t.owner == nobody && e.UserID != "" {
		t.owner = unique.Make(e.UserID)
	}
	if e.Fork != nil {
		s.fork(sh, t, e)
	}
	c.Owner = t.owner.Value()
	c.Trimmed = t.change(sh, e)
	s.directory.move(t, was)
	sh.touch(t)
	t.remember(e, now, revision)
	if !t.full(now) {
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
	sh.agenda.schedule(t)
	t.trim()
	d := t.peek()
	sh.details += d.weight() - before
	if !d.timed && (t.gone() || d.expires != 0 || d.recent != nil || d.lease != nil && d.lease.held()) {
		sh.timed[t] = struct{}{}
		if t.more != nil {
			d.timed = true
		}
	}
}

// forget drops a thread that is gone and remembers nothing.
func (sh *shard) forget(t *thread) {
	sh.details -= t.peek().weight()
	delete(sh.timed, t)
	sh.threads.remove(t)
}

// forgotten reports whether nothing in the journal can ask for a thread that is
// gone: it remembers no answer, nobody has its lease, and what was planned while it
// was there is void by now.
func (s *Store) forgotten(t *thread, now int64, revision uint64) bool {
	return t.gone() && !t.remembers(now) && !t.peek().leaseAt(now).held() && revision-t.revision >= s.opts.Window
}

// end takes a thread that holds nothing out of sight. The shard keeps it until
// it is forgotten.
func (s *Store) end(sh *shard, t *thread) {
	if t.gone() {
		return
	}
	s.directory.remove(t)
	sh.empty(t)
	t.created = 0
}

// empty removes all that the thread holds, but for the answers that it remembers
// and its lease.
func (sh *shard) empty(t *thread) {
	t.messages.Clear(&sh.heap)
	if t.more != nil {
		sh.agenda.remove(t)
		t.more = t.more.lasting()
	}
}

// change makes the entry's effects, and returns how many messages were over.
func (t *thread) change(sh *shard, e *Entry) (trimmed int) {
	if e.NoThread {
		sh.empty(t)
		return 0
	}
	if e.State.any() {
		d, before := t.detail(), t.peek().state
		if d.state = e.State.slot(e.At); e.Keep != (kept{}) || d.history != nil {
			d.newState(before, e, t.revision)
		}
	}
	if e.Cache.any() {
		d := t.detail()
		d.cache, d.expires = e.Cache.slot(e.At), e.Expires
	}
	was := t.changes(sh)
	for _, id := range e.Delete {
		was.delete(id)
		t.messages.Delete(&sh.heap, id)
	}
	for _, m := range e.Messages {
		was.put(m.id)
		t.messages.Put(&sh.heap, m.id, m.body, m.keep)
	}
	if e.Latest > 0 {
		over := t.messages.First(&sh.heap, t.messages.Len()-e.Latest)
		for _, id := range over {
			was.delete(id)
			t.messages.Delete(&sh.heap, id)
		}
		trimmed = len(over)
	}
	if len(e.Metadata) > 0 || e.NoMeta {
		was.replace(undoMetadata, t.peek().metadata)
		t.detail().metadata = e.Metadata
	}
	if len(e.Record) > 0 || e.NoRecord {
		was.replace(undoRecord, t.peek().record.raw())
		if t.detail().record = nil; len(e.Record) > 0 && !e.NoRecord {
			t.detail().record = newRecord(e.Record)
		}
	}
	if e.Retain != nil {
		t.detail().retention = e.Retain
	}
	return trimmed
}

// compactBytes bounds the copying that one write does for the heap's
// compaction to some microseconds.
const compactBytes = 64 << 10

// tendBytes is as much for what the sweep does.
const tendBytes = 1 << 20

// tend compacts a heap that shares segments with others, in which these may have
// left garbage while it did not change itself.
func (sh *shard) tend() {
	if sh.heap.Shares() {
		sh.heap.Look()
		sh.compactBy(tendBytes)
	}
}

// compact does a piece of the heap's compaction where one is due.
func (sh *shard) compact() { sh.compactBy(compactBytes) }

func (sh *shard) compactBy(bytes int) {
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
	if sh.compactor.Step(&sh.heap, bytes) {
		sh.compactor = nil
	}
}
