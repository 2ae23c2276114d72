package store

import (
	"slices"

	"github.com/ckptbus/ckpt"
)

// Write is a request to change one thread. It can be used again when it was
// answered.
type Write struct {
	Entry // of which Kind, WriteRef and Digest are the request's; the rest is planned
	Plan  Plan
	Own   bool     // it is the service's own, and may find a thread that has expired
	Group []*Write // writes to further threads, which are made with this one or not at all
	view  View     // what the plan looks at
}

// Plan checks a request against the thread as it stands and adds its effect and
// its answer to the entry; the error is an [*ckpt.Error]. An entry without any
// effect changes nothing and takes no revision; its answer is given all the
// same.
type Plan func(v *View, e *Entry) error

// Entry is the effect of one accepted write on its thread. What it holds as
// bytes is the store's to keep, except the answer.
type Entry struct {
	Kind string // the operation's name, which its event will bear
	ckpt.WriteRef
	Digest   uint64 // of the request, but for who asks and when; 0: not known
	At       int64  // when it was planned, in milliseconds since 1970
	Base     uint64 // the thread's revision that it was planned on; 0: there was no trace of it
	Answer   []byte // the encoded reply, whose revision is not known yet
	State    change
	Keep     kept // how many earlier states the thread keeps from a change of its state on
	Cache    change
	Expires  int64 // when the new cached state expires; 0: never
	Messages []message
	Delete   []ckpt.MessageID // messages to remove, before others are put
	Metadata ckpt.Raw         // replaces the message metadata unless empty
	NoMeta   bool             // removes the message metadata
	Record   ckpt.Raw         // replaces the record unless empty
	NoRecord bool             // removes the record
	NoThread bool             // removes the thread with all that it holds
	Retain   *retention       // replaces the retention unless nil
	Fresh    *retention       // the retention of the thread where the entry creates it; nil: none
	Latest   int              // removes the oldest messages beyond that many, after others are put; 0: none
	Snapshot *Snapshot        // the thread as it is: changes nothing where it is there
	Fork     *Fork            // makes the thread, which is new, a fork of another
	With     []*Entry         // of further threads: they are applied with this one or not at all
}

// change is what happens to a slot: nothing, a new value, or removal.
type change struct {
	value  ckpt.Raw
	remove bool
}

func (c change) any() bool { return c.remove || len(c.value) > 0 }

// slot is what is in the slot after the change at a time.
func (c change) slot(at int64) slot {
	if c.remove {
		return slot{}
	}
	return slot{c.value, at}
}

// message is a message to put.
type message struct {
	id   ckpt.MessageID
	body ckpt.Raw
	keep bool // body's buffer holds little else
}

// changes reports whether the entry changes anything, on whichever thread.
func (e *Entry) changes() bool {
	return e.changesThread() || slices.ContainsFunc(e.With, (*Entry).changesThread)
}

// changesThread reports whether the entry changes its own thread. One of a group
// that does not is a condition: the thread must be as it was when it was planned.
func (e *Entry) changesThread() bool {
	return e.State.any() || e.Cache.any() || len(e.Messages) > 0 || len(e.Delete) > 0 ||
		len(e.Metadata) > 0 || e.NoMeta || len(e.Record) > 0 || e.NoRecord || e.NoThread || e.Retain != nil || e.Snapshot != nil || e.Fork != nil
}

// AppendMessageIDs appends the IDs of the messages that the entry puts or
// deletes.
func (e *Entry) AppendMessageIDs(ids []ckpt.MessageID) []ckpt.MessageID {
	ids = append(ids, e.Delete...)
	for i := range e.Messages {
		ids = append(ids, e.Messages[i].id)
	}
	return ids
}

// Reset makes the write as good as new, but for its plan and the memory of its
// answer. What was stored does not change.
func (w *Write) Reset() {
	w.Entry = Entry{Answer: w.Answer[:0]}
	w.view, w.Group = View{}, nil
}

// Again drops what was planned, so that the write can be planned anew.
func (w *Write) Again() {
	w.Entry = Entry{Kind: w.Kind, WriteRef: w.WriteRef, Digest: w.Digest, Answer: w.Answer[:0]}
	for _, further := range w.Group {
		further.Again()
	}
}

// Threads calls yield with the ID of each thread of the write; no thread comes twice.
func (w *Write) Threads(yield func(id string) bool) {
	if !yield(w.ThreadID) {
		return
	}
	for _, further := range w.Group {
		if !yield(further.ThreadID) {
			return
		}
	}
}

// Change is an entry that was applied.
type Change struct {
	*Entry
	Revision uint64
	Previous uint64 // the thread's revision before; 0: it was new
	Owner    string // the user whom the thread belongs to
	Trimmed  int    // messages that were removed because of Latest
}

// Size returns how many bytes of values the change put.
func (c *Change) Size() int {
	n := len(c.State.value) + len(c.Cache.value) + len(c.Metadata) + len(c.Record)
	for i := range c.Messages {
		n += len(c.Messages[i].body)
	}
	return n
}

// Result is what became of a write: its answer, and the revision that belongs
// into it. To a request ID that the thread knows it is the first result again.
type Result struct {
	Answer   []byte // as in [Entry]; valid until the write is reset
	Revision uint64
}
