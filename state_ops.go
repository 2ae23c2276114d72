package ckpt

import (
	"time"

	"github.com/ckptbus/ckpt/internal/wire"
)

// StatePutRequest asks to replace the state of a thread.
type StatePutRequest struct {
	WriteRef
	State Raw // any msgpack value, kept byte for byte
	// Keep is how many earlier states the thread keeps from now on, until a write
	// says another number; 0 drops those that are kept. Nil leaves it as it is;
	// where no write ever said a number, it is the service's.
	Keep *int
}

func (r *StatePutRequest) fields(f *wire.Fields) {
	r.WriteRef.fields(f)
	f.Optional("keep", &r.Keep)
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
type StateGetRequest struct {
	ReadRef
	AtRevision uint64 // the state as it was at a revision that is kept; 0 means as it is
}

func (r *StateGetRequest) fields(f *wire.Fields) {
	r.ReadRef.fields(f)
	f.Optional("at_revision", &r.AtRevision)
}

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

// StateManyRequest asks for the states of several threads at once.
type StateManyRequest struct {
	ThreadIDs []string // as many as [Limits.Threads]
	UserID    string   // as in [ThreadRef]; a thread of another user is told as one without a state
	// After and Linearizable are those of [ThreadRef] and [ReadRef].
	After        Position
	Linearizable bool
}

func (r *StateManyRequest) fields(f *wire.Fields) {
	f.Optional("user_id", (*id)(&r.UserID))
	f.Optional("after", &r.After)
	f.Optional("linearizable", &r.Linearizable)
	f.Required("thread_ids", (*ids)(&r.ThreadIDs))
}

// StateManyReply carries the states of the threads that have one.
type StateManyReply struct {
	Reply                // its revision is that of the latest change in the store
	States []ThreadState // in the order of the request
	// Next is the place in the request of the first thread that was not looked at,
	// since the reply is full: ask for those from there on again. 0: there is none.
	Next int
}

func (r *StateManyReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Optional("next", &r.Next)
	f.Required("states", listOf(&r.States))
}

// ThreadState is the state of one of several threads.
type ThreadState struct {
	ThreadID  string
	Revision  uint64 // the thread's
	UpdatedAt time.Time
	State     Raw
}

func (s *ThreadState) fields(f *wire.Fields) {
	f.Open()
	f.Required("thread_id", (*id)(&s.ThreadID))
	f.Required("revision", &s.Revision)
	f.Required("updated_at", &s.UpdatedAt)
	f.Required("state", &s.State)
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

// MaxTTL is the longest lifetime of a cached state or of a thread: ten years. What is to live
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
