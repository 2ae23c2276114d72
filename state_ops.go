package ckpt

import (
	"time"

	"github.com/ckptbus/ckpt/internal/wire"
)

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
