package store

import (
	"bytes"
	"slices"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/messages"
)

// history is what a thread keeps of what it was: the states it had, and how to
// take back each change since the oldest of them. So it can be read as it was at
// any revision from that one on.
type history struct {
	keep     kept
	versions []version // oldest first; the last is the present state. None where nothing is kept
	// from is the oldest revision that the whole thread can be read at. It is
	// that of the oldest version, or a later one where the changes since then
	// were too much to keep.
	from   uint64
	undo   []undo // oldest first, of changes after from
	weight int    // bytes of the undo log
}

// kept is how many earlier states a thread keeps.
type kept struct {
	n   int
	own bool // a write said so for this thread; else it is the service's number
}

// version is a state that a thread had.
type version struct {
	revision uint64 // that put it; where nothing was kept by then, one that it was there at
	slot            // empty where the state was cleared
}

// undo takes back a change that a revision made.
type undo struct {
	revision uint64
	what     undone
	row      int      // that the change was made at
	value    ckpt.Raw // what was there before: a message, the metadata or a record
}

// undone is the kind of a change that can be taken back. The numbers are in the
// journal.
type undone int

const (
	undoPut      undone = iota // messages were put at the end, from the row on
	undoReplace                // the message of the row was replaced
	undoDelete                 // the message of the row was deleted
	undoMetadata               // the message metadata were replaced
	undoRecord                 // the record was replaced or removed
)

// maxUndo bounds the bytes of a thread's undo log. It is the same in every
// service, since replicas must drop the same.
const maxUndo = 1 << 20

// undoBytes is about what one entry of an undo log costs beside its value.
const undoBytes = 56

// keeps reports whether the history, which may be nil, has anything.
func (h *history) keeps() bool { return h != nil && len(h.versions) > 0 }

// earlier reports whether the history, which may be nil, has a state before the
// present one.
func (h *history) earlier() bool { return h != nil && len(h.versions) > 1 }

// bytes is what the history, which may be nil, costs: the present state is
// counted where it is.
func (h *history) bytes() int {
	if !h.keeps() {
		return 0
	}
	n := h.weight
	for i := range h.versions[:len(h.versions)-1] {
		n += versionBytes + len(h.versions[i].value)
	}
	return n
}

// versionBytes is what a version costs beside its value.
const versionBytes = 48

// newState keeps what the present state was before a change of it at the
// thread's new revision, which was planned at base.
func (d *details) newState(before slot, e *Entry, revision uint64) {
	if e.Keep == (kept{}) {
		d.history = nil
		return
	}
	if d.history == nil {
		d.history = &history{}
	}
	h := d.history
	h.keep = e.Keep
	if h.keep.n == 0 {
		*h = history{keep: h.keep}
		return
	}
	if !h.keeps() {
		h.from = revision
		if before.full() {
			h.from = e.told
			h.versions = append(h.versions, version{e.told, before})
		}
	}
	h.versions = append(h.versions, version{revision, slot{d.state.value, e.At}})
	h.trim()
}

// trim drops what lies before the oldest version that is kept.
func (h *history) trim() {
	if over := len(h.versions) - 1 - h.keep.n; over > 0 {
		h.versions = slices.Delete(h.versions, 0, over)
		h.since(h.versions[0].revision)
	}
}

// since drops the changes up to a revision: the thread cannot be read before it
// any more.
func (h *history) since(revision uint64) {
	n := 0
	for ; n < len(h.undo) && h.undo[n].revision <= revision; n++ {
		h.weight -= undoBytes + len(h.undo[n].value)
	}
	h.undo = slices.Delete(h.undo, 0, n)
	h.from = max(h.from, revision)
}

// add notes a change. Where the log has become too large, the oldest changes
// are dropped, those of one revision together.
func (h *history) add(u undo) {
	if u.revision <= h.from {
		return
	}
	h.undo = append(h.undo, u)
	h.weight += undoBytes + len(u.value)
	for h.weight > maxUndo {
		h.since(h.undo[0].revision)
	}
}

// changes notes the changes of an entry before they are made, where the thread
// keeps a history.
type changes struct {
	t    *thread
	heap *messages.Heap
	*history
}

func (t *thread) changes(sh *shard) changes {
	if h := t.peek().history; h.keeps() {
		return changes{t, &sh.heap, h}
	}
	return changes{}
}

func (c changes) put(id ckpt.MessageID) {
	if c.history == nil {
		return
	}
	n := c.t.messages.Len()
	if row, body, ok := c.t.messages.Find(c.heap, id); ok {
		c.add(undo{c.t.revision, undoReplace, row, bytes.Clone(body)})
	} else if last := len(c.undo) - 1; last < 0 || c.undo[last].what != undoPut || c.undo[last].revision != c.t.revision {
		c.add(undo{c.t.revision, undoPut, n, nil})
	}
}

func (c changes) delete(id ckpt.MessageID) {
	if c.history == nil {
		return
	}
	if row, body, ok := c.t.messages.Find(c.heap, id); ok {
		c.add(undo{c.t.revision, undoDelete, row, bytes.Clone(body)})
	}
}

func (c changes) replace(what undone, before ckpt.Raw) {
	if c.history != nil {
		c.add(undo{c.t.revision, what, 0, before})
	}
}

// after returns the changes after a revision, oldest first.
func (h *history) after(revision uint64) []undo {
	n := len(h.undo)
	for n > 0 && h.undo[n-1].revision > revision {
		n--
	}
	return h.undo[n:]
}

// at returns the version that was the state at a revision, nil where there is
// none of it.
func (h *history) at(revision uint64) *version {
	for i := len(h.versions) - 1; i >= 0; i-- {
		if h.versions[i].revision <= revision {
			return &h.versions[i]
		}
	}
	return nil
}

// clone returns a history that later changes of this one do not reach; nil of
// nil.
func (h *history) clone() *history {
	if h == nil {
		return nil
	}
	c := *h
	c.versions, c.undo = slices.Clone(h.versions), slices.Clone(h.undo)
	return &c
}
