package ckpt

import (
	"time"

	"github.com/ckptbus/ckpt/internal/wire"
)

// ThreadInfo is the record of a thread.
type ThreadInfo struct {
	ThreadID   string         `json:"thread_id"`             // required
	ThreadName string         `json:"thread_name,omitempty"` // any text for people
	UserID     string         `json:"user_id,omitempty"`     // whom the thread belongs to
	RunID      string         `json:"run_id,omitempty"`      // the latest run, in the worker's own terms
	Metadata   map[string]any `json:"metadata,omitempty"`
	// CreatedAt is when the thread was first written. The service keeps it
	// and ignores what a put says.
	CreatedAt time.Time `json:"created_at,omitzero"`
	// UpdatedAt is what the last put of the record said; where it said
	// nothing, when the thread was last changed.
	UpdatedAt time.Time `json:"updated_at,omitzero"`
	// Bare marks a thread that holds data but was never given a record. The
	// service sets it and ignores what a put says.
	Bare bool `json:"bare,omitempty"`
	// What was set by [ThreadsRetainRequest], or by the service when the thread
	// was created. The service keeps it and ignores what a put says.
	ExpiresAt    time.Time     `json:"expires_at,omitzero"`     // zero if never: it has no lifetime, or is pinned
	TTL          time.Duration `json:"ttl,omitempty"`           // how long the thread lives; 0: for ever
	Sliding      bool          `json:"sliding,omitempty"`       // its lifetime begins anew with each change
	Pinned       bool          `json:"pinned,omitempty"`        // it is kept whatever its lifetime
	KeepMessages int           `json:"keep_messages,omitempty"` // how many messages it keeps; 0: nothing was set for it
	// Origin is what the thread was forked from, nil where it was not. The
	// service sets it and ignores what a put says.
	Origin *Origin `json:"origin,omitempty"`

	// How large the thread is, in lists that ask for it; see
	// [ThreadsListRequest]. The service ignores what a put says.
	Messages int `json:"messages,omitempty"`
	Bytes    int `json:"bytes,omitempty"` // of its messages, states and record

	unknown wire.Raw // fields of a later version, kept as they came
}

func (t *ThreadInfo) fields(f *wire.Fields) {
	f.Keep(&t.unknown)
	f.Required("thread_id", (*id)(&t.ThreadID))
	f.Optional("thread_name", &t.ThreadName)
	f.Optional("user_id", (*id)(&t.UserID))
	f.Optional("run_id", (*id)(&t.RunID))
	f.Optional("metadata", &t.Metadata)
	f.Optional("created_at", &t.CreatedAt)
	f.Optional("updated_at", &t.UpdatedAt)
	f.Optional("bare", &t.Bare)
	f.Optional("expires_at", &t.ExpiresAt)
	f.Optional("ttl_ms", &t.TTL)
	f.Optional("sliding", &t.Sliding)
	f.Optional("pinned", &t.Pinned)
	f.Optional("keep_messages", &t.KeepMessages)
	f.Optional("origin", pointerTo(&t.Origin))
	f.Optional("messages", &t.Messages)
	f.Optional("bytes", &t.Bytes)
}

// AsPut returns the record without what the service keeps by itself, which is what
// a put of it stores.
func (t *ThreadInfo) AsPut() ThreadInfo {
	put := *t
	put.CreatedAt, put.Bare, put.Origin = time.Time{}, false, nil
	put.ExpiresAt, put.TTL, put.Sliding, put.Pinned, put.KeepMessages = time.Time{}, 0, false, false, 0
	return put
}

// ThreadsPutRequest asks to replace the record of a thread.
type ThreadsPutRequest struct {
	// Record is the record as a map of its fields. It names the thread and
	// its user, so the request itself does not.
	Record Raw
	Terms
}

func (r *ThreadsPutRequest) fields(f *wire.Fields) {
	r.Terms.fields(f)
	f.Required("thread", &r.Record)
}

// ThreadsPutReply says that the record is replaced.
type ThreadsPutReply struct{ Reply }

// ThreadsGetRequest asks for the record of a thread.
type ThreadsGetRequest struct{ ReadRef }

// ThreadsGetReply carries the record of a thread that holds anything; of one
// that was given none, its ID, user and times, marked bare.
type ThreadsGetReply struct {
	Reply
	Record Raw // a map, as [ThreadInfo] reads it
}

func (r *ThreadsGetReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Required("thread", &r.Record)
}

// ThreadOrder is an order of threads.
type ThreadOrder string

// The orders of threads.list. The empty one is that of creation.
const (
	OrderCreated ThreadOrder = "created"
	OrderUpdated ThreadOrder = "updated" // by the UpdatedAt of [ThreadInfo]
)

// ThreadsListRequest asks for the threads that hold anything. What it filters
// by, a thread must meet all of.
type ThreadsListRequest struct {
	UserID     string // only this user's threads; empty means all
	WithRecord bool   // only threads that were given a record
	Sizes      bool   // tell how large each thread is
	// After and Linearizable are those of [ThreadRef] and [ReadRef].
	After        Position
	Linearizable bool
	Page
	Order ThreadOrder
	// Metadata keeps the threads in whose record the metadata have each of its
	// pairs; a map, or nil. Values are equal as JSON has it: numbers whatever
	// their type, maps whatever the order of their pairs.
	Metadata Raw
	// These keep the threads that were created, or last changed as UpdatedAt of
	// [ThreadInfo] tells, at the one time or later and before the other. The zero
	// time is no bound.
	CreatedFrom, CreatedUntil, UpdatedFrom, UpdatedUntil time.Time
}

func (r *ThreadsListRequest) fields(f *wire.Fields) {
	f.Optional("user_id", (*id)(&r.UserID))
	f.Optional("with_record", &r.WithRecord)
	f.Optional("sizes", &r.Sizes)
	f.Optional("after", &r.After)
	f.Optional("linearizable", &r.Linearizable)
	r.Page.fields(f)
	f.Optional("order", (*string)(&r.Order))
	f.Optional("metadata", &r.Metadata)
	f.Optional("created_from", &r.CreatedFrom)
	f.Optional("created_until", &r.CreatedUntil)
	f.Optional("updated_from", &r.UpdatedFrom)
	f.Optional("updated_until", &r.UpdatedUntil)
}

// ThreadsListReply carries one page of thread records.
type ThreadsListReply struct {
	Reply
	PageReply
	Threads []Raw // each as in [ThreadsGetReply]
}

func (r *ThreadsListReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	r.PageReply.fields(f)
	f.Required("threads", &r.Threads)
}

// ThreadsCleanRequest asks to remove a thread with all that it holds, as one
// change.
type ThreadsCleanRequest struct {
	WriteRef
	RecordOnly bool // remove just its record
}

func (r *ThreadsCleanRequest) fields(f *wire.Fields) {
	r.WriteRef.fields(f)
	f.Optional("record_only", &r.RecordOnly)
}

// ThreadsCleanReply says what was removed. There need not have been anything.
type ThreadsCleanReply struct {
	Reply
	Cleaned bool
	Removed Removed
}

func (r *ThreadsCleanReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Required("cleaned", &r.Cleaned)
	f.Required("removed", object{&r.Removed})
}

// Removed counts what a clean or a release removed.
type Removed struct {
	Threads  int // threads that hold nothing now
	States   int
	Caches   int
	Messages int
	Records  int
}

func (r *Removed) fields(f *wire.Fields) {
	f.Open()
	f.Required("threads", &r.Threads)
	f.Required("states", &r.States)
	f.Required("caches", &r.Caches)
	f.Required("messages", &r.Messages)
	f.Required("records", &r.Records)
}

// Add adds what n counts.
func (r *Removed) Add(n Removed) {
	r.Threads += n.Threads
	r.States += n.States
	r.Caches += n.Caches
	r.Messages += n.Messages
	r.Records += n.Records
}
