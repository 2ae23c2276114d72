package ckpt

import (
	"time"

	"github.com/ckptbus/ckpt/internal/wire"
)

// ThreadsPruneRequest asks to remove the threads that meet all of its filters, of
// which one must be there: each as a change of its own, those that have not changed
// for longest first.
type ThreadsPruneRequest struct {
	// OlderThan keeps to threads that have not changed for that long, in
	// milliseconds on the wire, and UpdatedBefore to those whose latest change was
	// before that time. Zero: no filter.
	OlderThan     time.Duration
	UpdatedBefore time.Time
	UserID        string // keeps to the threads of this user; empty: no filter
	Metadata      Raw    // a map; keeps to threads whose record's metadata have each of its pairs; nil: no filter
	Pinned        bool   // removes pinned threads too
	DryRun        bool   // only counts
	// Limit is how many threads to remove, or to count, at the most. 0 is as many
	// as one request may remove; of a dry run, all.
	Limit     int
	RequestID string   // told in the events
	After     Position // as in [ThreadRef]
}

func (r *ThreadsPruneRequest) fields(f *wire.Fields) {
	f.Optional("after", &r.After)
	f.Optional("request_id", (*id)(&r.RequestID))
	f.Optional("user_id", (*id)(&r.UserID))
	f.Optional("older_than_ms", &r.OlderThan)
	f.Optional("updated_before", &r.UpdatedBefore)
	f.Optional("metadata", &r.Metadata)
	f.Optional("pinned", &r.Pinned)
	f.Optional("dry_run", &r.DryRun)
	f.Optional("limit", &r.Limit)
}

// ThreadsPruneReply says what was removed or, of a dry run, what would be.
type ThreadsPruneReply struct {
	Reply
	Removed Removed
	HasMore bool // more threads meet the filters
}

func (r *ThreadsPruneReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Required("removed", object{&r.Removed})
	f.Required("has_more", &r.HasMore)
}
