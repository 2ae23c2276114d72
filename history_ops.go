package ckpt

import (
	"time"

	"github.com/ckptbus/ckpt/internal/wire"
)

// StateHistoryRequest asks for the states that a thread has and had, as far back
// as they are kept, newest first. How many are kept the writes say: see
// [StatePutRequest].
type StateHistoryRequest struct {
	ReadRef
	Before uint64 // only versions of earlier revisions; 0 means all
	Limit  int    // rows at the most; 0 means all
	States bool   // with the states themselves
}

func (r *StateHistoryRequest) fields(f *wire.Fields) {
	r.ReadRef.fields(f)
	f.Optional("before", &r.Before)
	f.Optional("limit", &r.Limit)
	f.Optional("states", &r.States)
}

// StateHistoryReply carries one page of versions, the present state first. A
// thread that keeps no history has none. A reply never exceeds what the bus
// carries: it ends early, and the next request continues with Next as its
// Before.
type StateHistoryReply struct {
	Reply
	Keep     int    // how many earlier states the thread keeps
	From     uint64 // the oldest revision at which the whole thread can be read; 0 where nothing is kept
	HasMore  bool   // versions follow behind these
	Next     uint64 // the revision of the last version of this reply, 0 where there is none
	Versions []StateVersion
}

func (r *StateHistoryReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Required("keep", &r.Keep)
	f.Required("from", &r.From)
	f.Required("has_more", &r.HasMore)
	f.Required("next", &r.Next)
	f.Required("versions", listOf(&r.Versions))
}

// StateVersion is a state that a thread has or had.
type StateVersion struct {
	// Revision is the one that put the state or cleared it. Where the thread
	// kept no history then, it is one at which the state was there.
	Revision  uint64
	UpdatedAt time.Time // when it was put or cleared, in milliseconds
	Size      int       // bytes of the state
	Cleared   bool      // there was no state from this revision on
	State     Raw       // the bytes that were put; nil unless they were asked for
}

func (v *StateVersion) fields(f *wire.Fields) {
	f.Open()
	f.Required("revision", &v.Revision)
	f.Required("updated_at", &v.UpdatedAt)
	f.Required("size", &v.Size)
	f.Optional("cleared", &v.Cleared)
	f.Optional("state", &v.State)
}

// StateRestoreRequest asks to put the state of an earlier revision again, as a
// new write. Where the thread had none, the state is cleared. A revision that is
// not kept is NotFound.
type StateRestoreRequest struct {
	WriteRef
	Revision uint64
	// WithMessages makes the messages and their metadata those of the revision, too.
	WithMessages bool
}

func (r *StateRestoreRequest) fields(f *wire.Fields) {
	r.WriteRef.fields(f)
	f.Required("revision", &r.Revision)
	f.Optional("with_messages", &r.WithMessages)
}

// StateRestoreReply says what was restored.
type StateRestoreReply struct {
	Reply
	UpdatedAt time.Time // when the service restored it, in milliseconds
	Cleared   bool      // the thread has no state now, as it had none then
	Put       int       // messages that were put again
	Deleted   int       // messages that were deleted
}

func (r *StateRestoreReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Required("updated_at", &r.UpdatedAt)
	f.Required("cleared", &r.Cleared)
	f.Required("put", &r.Put)
	f.Required("deleted", &r.Deleted)
}
