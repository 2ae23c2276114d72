package ckpt

import (
	"time"

	"github.com/ckptbus/ckpt/internal/wire"
)

// ThreadsRetainRequest asks to change how long a thread is kept, and how much of
// it. What is nil stays as it is; one of them must be there.
type ThreadsRetainRequest struct {
	WriteRef
	// TTL is how long the thread lives, in milliseconds on the wire, up to
	// [MaxTTL]; 0 means for ever. It counts from this change.
	TTL *time.Duration
	// Sliding makes the lifetime begin anew with each change of the thread. It
	// goes with a TTL that is not 0.
	Sliding bool
	// Pinned keeps the thread whatever its lifetime, which begins anew when it
	// is unpinned.
	Pinned *bool
	// KeepMessages is how many messages the thread keeps, the latest ones: those
	// that are over are removed at once, and with each put that adds some. 0
	// keeps all, whatever the service does by default.
	KeepMessages *int
}

func (r *ThreadsRetainRequest) fields(f *wire.Fields) {
	r.WriteRef.fields(f)
	f.Optional("ttl_ms", &r.TTL)
	f.Optional("sliding", &r.Sliding)
	f.Optional("pinned", &r.Pinned)
	f.Optional("keep_messages", &r.KeepMessages)
}

// ThreadsRetainReply tells when the thread expires if it does not change until
// then.
type ThreadsRetainReply struct {
	Reply
	ExpiresAt time.Time // zero if never
}

func (r *ThreadsRetainReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Optional("expires_at", &r.ExpiresAt)
}

// MaxKeepMessages is the highest number of messages that a thread can be told to
// keep. What is to keep more can keep all.
const MaxKeepMessages = 1_000_000
