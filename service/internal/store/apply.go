package store

import (
	"unique"

	"github.com/ckptbus/ckpt/service/internal/messages"
)

// apply changes the thread by an entry. t is what the shard has under the
// entry's thread ID: nil where it is new, and possibly a thread whose content
// is gone or has expired.
func (s *Store) apply(sh *shard, t *thread, e *Entry, revision uint64) Change {
	c := Change{Entry: e, Revision: revision}
	if t == nil {
		t = &thread{id: e.ThreadID, owner: nobody, gone: true}
		sh.threads.add(t)
	}
	c.Previous = t.revision
	if !t.gone && !t.holds(e.At) {
		s.end(sh, t)
	}
	if t.gone {
		t.gone, t.created, t.owner = false, e.At, nobody
		s.directory.add(t)
	}
	t.revision, t.updated = revision, e.At
	if t.owner == nobody && e.UserID != "" {
		t.owner = unique.Make(e.UserID)
	}
	c.Owner = t.owner.Value()
	t.change(sh, e)
	t.remember(e, revision)
	if !t.holds(e.At) {
		s.end(sh, t)
	}
	t.trim()
	if d := t.peek(); !t.timed && (t.gone || d.expires != 0 || len(d.recent) > 0) {
		t.timed = true
		sh.timed[t] = struct{}{}
	}
	sh.compact()
	raise(&s.revision, revision)
	return c
}

// end takes a thread that holds nothing out of sight. The shard keeps it until
// the sweep finds that it remembers no answer.
func (s *Store) end(sh *shard, t *thread) {
	t.gone = true
	t.messages.Clear(&sh.heap)
	if t.more != nil {
		t.more = &details{recent: t.more.recent}
	}
	s.directory.remove(t)
}

// change makes the entry's effects.
func (t *thread) change(sh *shard, e *Entry) {
	if e.NoThread {
		t.messages.Clear(&sh.heap)
		t.more = &details{recent: t.peek().recent}
		return
	}
	if e.State.any() {
		t.detail().state = slot{e.State.value, e.At}
	}
	if e.Cache.any() {
		d := t.detail()
		d.cache, d.expires = slot{e.Cache.value, e.At}, e.Expires
	}
	for _, m := range e.Messages {
		t.messages.Put(&sh.heap, m.id, m.body, m.keep)
	}
	if !e.Delete.IsZero() {
		t.messages.Delete(&sh.heap, e.Delete)
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
