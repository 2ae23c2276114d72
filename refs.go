package ckpt

import "github.com/ckptbus/ckpt/internal/wire"

// ThreadRef names a thread, and the user on whose behalf it is asked for.
type ThreadRef struct {
	ThreadID string // required; an integer on the wire means its decimal string
	// UserID is the user who asks. A thread that was written with a user
	// belongs to that user, and a request that names another one is refused
	// with PermissionDenied. Empty stands for a trusted back end, which passes.
	UserID string
	// After is what the answer must know of: the position of the latest reply
	// that the caller has seen. It makes a sequence of requests consistent
	// whichever replicas answer them.
	After Position
}

func (r *ThreadRef) fields(f *wire.Fields) {
	f.Required("thread_id", (*id)(&r.ThreadID))
	f.Optional("user_id", (*id)(&r.UserID))
	f.Optional("after", &r.After)
}

// Thread returns the reference itself, so that code can ask any request that
// embeds one.
func (r *ThreadRef) Thread() *ThreadRef { return r }

// ReadRef is a [ThreadRef] of a request that changes nothing.
type ReadRef struct {
	ThreadRef
	// Linearizable asks for an answer that knows of every write which was
	// answered before the request was sent, by whichever replica. It costs a
	// round trip through the journal where there are replicas.
	Linearizable bool
}

func (r *ReadRef) fields(f *wire.Fields) {
	r.ThreadRef.fields(f)
	f.Optional("linearizable", &r.Linearizable)
}

// Read returns the reference itself, so that code can ask any request that
// embeds one.
func (r *ReadRef) Read() *ReadRef { return r }

// Terms are the terms on which a write is made.
type Terms struct {
	// RequestID makes a retry safe: a request with an ID that the thread has
	// applied lately is answered with the first answer and changes nothing.
	RequestID string
	// Expected is what the thread's revision must be; the zero value is no
	// condition. Where it is not met nothing changes, and the answer is a
	// Conflict that carries the revision.
	Expected Condition
	// Lease is the token of the lease that the write is made under, 0 for none.
	// Where it is not the lease that holds the thread at the time, nothing
	// changes, and the answer is a Conflict that carries the token of the one
	// that does. A write without one is made whoever holds the lease.
	Lease uint64
}

func (t *Terms) fields(f *wire.Fields) {
	f.Optional("request_id", (*id)(&t.RequestID))
	f.Optional("expected_revision", &t.Expected)
	f.Optional("lease", (*token)(&t.Lease))
}

// WriteTerms returns the terms themselves, so that code can ask any request that
// embeds some.
func (t *Terms) WriteTerms() *Terms { return t }

// WriteRef is a [ThreadRef] of a request that changes the thread.
type WriteRef struct {
	ThreadRef
	Terms
}

func (r *WriteRef) fields(f *wire.Fields) {
	r.ThreadRef.fields(f)
	r.Terms.fields(f)
}

// Write returns the reference itself, so that code can ask any request that
// embeds one.
func (r *WriteRef) Write() *WriteRef { return r }

// Reply is what every reply carries.
type Reply struct {
	// Revision is the thread's revision after the operation, 0 for a thread
	// that does not exist. Of an operation on the whole store it is the
	// revision of the latest change. Revisions of one thread only grow.
	Revision uint64 `json:"revision"`
	// StoreID identifies the data, as in [SetupReply]: another one than before
	// means that revisions began anew.
	StoreID string `json:"store_id"`
	// Known is the revision up to which the answer knows of all changes, where
	// Revision is 0: that there is no such thread may be news.
	Known uint64 `json:"known,omitempty"`
}

func (r *Reply) fields(f *wire.Fields) {
	f.Open()
	f.Required("revision", &r.Revision)
	f.Required("store_id", &r.StoreID)
	f.Optional("known", &r.Known)
}

// Stamp returns the reply itself, so that code can ask any reply that embeds
// one.
func (r *Reply) Stamp() *Reply { return r }
