package store

import "github.com/ckptbus/ckpt"

// Write is a request to change one thread.
type Write struct {
	Kind string // the operation's name, which its event will bear
	ckpt.WriteRef
	Plan Plan
}

// Plan checks a request against the thread as it stands and returns the
// effect, or an [*ckpt.Error]. An entry without any effect changes nothing and
// takes no revision; its answer is given all the same.
type Plan func(v *View) (Entry, error)

// Answer is the reply to a write.
type Answer interface {
	ckpt.Record
	Stamp() *ckpt.Reply
}

// Entry is the effect of one accepted write on its thread. What it holds as
// bytes is the store's to keep.
type Entry struct {
	Write           // whose Plan is nil by now
	At        int64 // when it was planned, in milliseconds since 1970
	Answer    Answer
	State     change
	Cache     change
	Expires   int64 // when the new cached state expires; 0: never
	Messages  []message
	Delete    ckpt.MessageID // a message to remove; zero: none
	Metadata  ckpt.Raw       // replaces the message metadata unless empty
	Record    *record        // replaces the record unless nil
	NoRecord  bool           // removes the record
	NoThread  bool           // removes the thread with all that it holds
	messageID []ckpt.MessageID
}

// change is what happens to a slot: nothing, a new value, or removal.
type change struct {
	value  ckpt.Raw
	remove bool
}

func (c change) any() bool { return c.remove || len(c.value) > 0 }

// message is a message to put.
type message struct {
	id   ckpt.MessageID
	body ckpt.Raw
	keep bool // body's buffer holds little else
}

func (e *Entry) changes() bool {
	return e.State.any() || e.Cache.any() || len(e.Messages) > 0 || !e.Delete.IsZero() ||
		len(e.Metadata) > 0 || e.Record != nil || e.NoRecord || e.NoThread
}

// MessageIDs returns the IDs of the messages that the entry puts or deletes.
func (e *Entry) MessageIDs() []ckpt.MessageID {
	if !e.Delete.IsZero() {
		return []ckpt.MessageID{e.Delete}
	}
	return e.messageID
}

// Change is an entry that was applied.
type Change struct {
	*Entry
	Revision uint64
	Previous uint64 // the thread's revision before; 0: it was new
	Owner    string // the user whom the thread belongs to
}
