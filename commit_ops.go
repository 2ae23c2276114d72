package ckpt

import (
	"time"

	"github.com/ckptbus/ckpt/internal/wire"
)

// Changes are what a commit changes of one thread; what is empty stays as it is.
type Changes struct {
	State      Raw           // replaces the state
	ClearState bool          // removes the state; not beside State
	Keep       *int          // how many earlier states the thread keeps, as in [StatePutRequest]; only beside one of these
	Cache      Raw           // replaces the cached state
	CacheTTL   time.Duration // of the new cached state, as in [CachePutRequest]
	ClearCache bool          // removes the cached state; not beside Cache
	Delete     []MessageID   // messages to remove, before others are put; those that are not there are passed over
	Messages   []Raw         // messages to put, as in [MessagesPutRequest]
	Metadata   Raw           // of the messages, as in [MessagesPutRequest]
	Record     Raw           // replaces the thread's record, as in [ThreadsPutRequest]; it must name the same thread
}

func (c *Changes) fields(f *wire.Fields) {
	f.Optional("clear_state", &c.ClearState)
	f.Optional("keep", &c.Keep)
	f.Optional("clear_cache", &c.ClearCache)
	f.Optional("cache_ttl_ms", &c.CacheTTL)
	f.Optional("delete", (*messageIDs)(&c.Delete))
	f.Optional("metadata", &c.Metadata)
	f.Optional("thread", &c.Record)
	f.Optional("messages", &c.Messages)
	f.Optional("cache", &c.Cache)
	f.Optional("state", &c.State)
}

// Committed is what a commit made of one thread.
type Committed struct {
	UpdatedAt  time.Time   // when the service took the changes, in milliseconds
	ExpiresAt  time.Time   // when the new cached state expires; zero if never, or where there is none
	MessageIDs []MessageID // of the messages that were put, in their order
	Deleted    int         // messages that were removed
}

func (c *Committed) fields(f *wire.Fields) {
	f.Required("updated_at", &c.UpdatedAt)
	f.Optional("expires_at", &c.ExpiresAt)
	f.Required("message_ids", (*messageIDs)(&c.MessageIDs))
	f.Required("deleted", &c.Deleted)
}

// ThreadsCommitRequest asks to change a thread in several ways at once, with one
// revision and one event, or not at all.
type ThreadsCommitRequest struct {
	WriteRef
	Changes
}

func (r *ThreadsCommitRequest) fields(f *wire.Fields) {
	r.WriteRef.fields(f)
	r.Changes.fields(f)
}

// ThreadsCommitReply says that the changes are made.
type ThreadsCommitReply struct {
	Reply
	Committed
}

func (r *ThreadsCommitReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	r.Committed.fields(f)
}

// ThreadsTransactRequest asks to commit to several threads, each on its own
// condition, all of them or none.
type ThreadsTransactRequest struct {
	// After is that of [ThreadRef], RequestID that of [Terms]; the first thread
	// remembers the answer.
	After     Position
	RequestID string
	Commits   []ThreadCommit // each of another thread; see [Limits.Threads]
}

func (r *ThreadsTransactRequest) fields(f *wire.Fields) {
	f.Optional("after", &r.After)
	f.Optional("request_id", (*id)(&r.RequestID))
	f.Required("commits", listOf(&r.Commits))
}

// ThreadCommit is the part of a transaction that is about one thread. One without
// changes only has its condition checked.
type ThreadCommit struct {
	ThreadID string    // required
	UserID   string    // as in [ThreadRef]
	Expected Condition // as in [Terms]
	Changes
}

func (c *ThreadCommit) fields(f *wire.Fields) {
	f.Required("thread_id", (*id)(&c.ThreadID))
	f.Optional("user_id", (*id)(&c.UserID))
	f.Optional("expected_revision", &c.Expected)
	c.Changes.fields(f)
}

// ThreadsTransactReply says that all commits are made. All threads that changed
// have its revision.
type ThreadsTransactReply struct {
	Reply
	Commits []Committed // in the order of the request
}

func (r *ThreadsTransactReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Required("commits", listOf(&r.Commits))
}
