package ckpt

import (
	"time"

	"github.com/ckptbus/ckpt/internal/wire"
)

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

// WriteRef is a [ThreadRef] of a request that changes the thread.
type WriteRef struct {
	ThreadRef
	// RequestID makes a retry safe: a request with an ID that the thread has
	// applied lately is answered with the first answer and changes nothing.
	RequestID string
}

func (r *WriteRef) fields(f *wire.Fields) {
	r.ThreadRef.fields(f)
	f.Optional("request_id", (*id)(&r.RequestID))
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
}

func (r *Reply) fields(f *wire.Fields) {
	f.Open()
	f.Required("revision", &r.Revision)
	f.Required("store_id", &r.StoreID)
}

// Stamp returns the reply itself, so that code can ask any reply that embeds
// one.
func (r *Reply) Stamp() *Reply { return r }

// StatePutRequest asks to replace the state of a thread.
type StatePutRequest struct {
	WriteRef
	State Raw // any msgpack value, kept byte for byte
}

func (r *StatePutRequest) fields(f *wire.Fields) {
	r.WriteRef.fields(f)
	f.Required("state", &r.State)
}

// StatePutReply says that the state is replaced.
type StatePutReply struct {
	Reply
	UpdatedAt time.Time // when the service took the state, in milliseconds
}

func (r *StatePutReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Required("updated_at", &r.UpdatedAt)
}

// StateGetRequest asks for the state of a thread.
type StateGetRequest struct{ ReadRef }

// StateGetReply carries a state or a cached state. Where none is stored, or
// the cached one has expired, the answer is NotFound instead.
type StateGetReply struct {
	Reply
	State     Raw       // the bytes that were put
	UpdatedAt time.Time // when they were put
	ExpiresAt time.Time // when a cached state expires; zero if never
}

func (r *StateGetReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Required("updated_at", &r.UpdatedAt)
	f.Optional("expires_at", &r.ExpiresAt)
	f.Required("state", &r.State)
}

// StateClearRequest asks to remove the state of a thread, and the cached state
// with it, since a reader looks there first.
type StateClearRequest struct {
	WriteRef
	KeepCache bool // leave the cached state
}

func (r *StateClearRequest) fields(f *wire.Fields) {
	r.WriteRef.fields(f)
	f.Optional("keep_cache", &r.KeepCache)
}

// ClearReply says whether there was anything to clear; there need not be.
type ClearReply struct {
	Reply
	Cleared bool
}

func (r *ClearReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Required("cleared", &r.Cleared)
}

// CachePutRequest asks to replace the cached state of a thread: a second slot,
// for the hot path, which may expire.
type CachePutRequest struct {
	WriteRef
	State Raw
	TTL   time.Duration // milliseconds on the wire; 0 means that it never expires; see MaxTTL
}

func (r *CachePutRequest) fields(f *wire.Fields) {
	r.WriteRef.fields(f)
	f.Optional("ttl_ms", &r.TTL)
	f.Required("state", &r.State)
}

// MaxTTL is the longest lifetime of a cached state: ten years. What is to live
// longer can live without one.
const MaxTTL = 10 * 365 * 24 * time.Hour

// CachePutReply says that the cached state is replaced.
type CachePutReply struct {
	Reply
	UpdatedAt time.Time
	ExpiresAt time.Time // zero if never
}

func (r *CachePutReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Required("updated_at", &r.UpdatedAt)
	f.Optional("expires_at", &r.ExpiresAt)
}

// CacheGetRequest asks for the cached state of a thread.
type CacheGetRequest struct{ ReadRef }

// CacheClearRequest asks to remove the cached state of a thread.
type CacheClearRequest struct{ WriteRef }
