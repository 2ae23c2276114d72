package ckpt

import (
	"slices"
	"time"

	"github.com/ckptbus/ckpt/internal/wire"
)

// ChangesListRequest asks for events that a replica keeps, in the order of their
// revisions: those of all changes behind a position, or since a time.
type ChangesListRequest struct {
	// After is the position behind which events are asked for. The zero value is
	// the beginning of the store. The answer knows of the position.
	After Position
	// Since asks for the events from the first one of that time or a later one,
	// in place of After. A time to come asks for none, and tells the position of now.
	Since time.Time
	// Until is the last revision whose events are asked for; 0: the latest. The
	// answer knows of it where it is in the store of After.
	Until    uint64
	ThreadID string   // only this thread's events; empty: those of all
	UserID   string   // only those of threads that belong to this user; empty: of all
	Kinds    []string // only these kinds, as in [Event]; empty: all
	// Skip is how many of the events to pass over: those behind After that the
	// caller has. It is for changes that share a revision and do not fit one page.
	Skip int
	// Seen is how many of the events up to Until the caller has. Where it is all of
	// them, none is sent.
	Seen  int
	Limit int // events on the page; 0: as many as fit
}

func (r *ChangesListRequest) fields(f *wire.Fields) {
	f.Optional("after", &r.After)
	f.Optional("since", &r.Since)
	f.Optional("until", &r.Until)
	f.Optional("thread_id", (*id)(&r.ThreadID))
	f.Optional("user_id", (*id)(&r.UserID))
	f.Optional("kinds", &r.Kinds)
	f.Optional("skip", &r.Skip)
	f.Optional("seen", &r.Seen)
	f.Optional("limit", &r.Limit)
}

// ChangesListReply carries one page of events. Its Revision is the position up to
// which the replica has applied the journal.
type ChangesListReply struct {
	Reply
	Events []Raw // each a map, as [Event] reads it
	// Next and NextSkip are the After and Skip that ask for the events behind the
	// page. Of the changes up to Next all events have been told.
	Next     Position
	NextSkip int
	HasMore  bool // events follow behind the page
	// Complete says that no event is missing that was asked for. Otherwise the
	// replica does not have all events up to Oldest: what changed up to it must be
	// read anew.
	Complete bool
	Oldest   uint64 // the replica has all events behind this revision
}

func (r *ChangesListReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Required("events", &r.Events)
	f.Required("next", &r.Next)
	f.Required("next_skip", &r.NextSkip)
	f.Required("has_more", &r.HasMore)
	f.Required("complete", &r.Complete)
	f.Required("oldest", &r.Oldest)
}

// IsEventKind reports whether a service publishes events of the kind.
func IsEventKind(kind string) bool {
	return kind == KindExpired || slices.ContainsFunc(Operations(), func(o OpInfo) bool { return o.Writes && o.Name == kind })
}
