package ckpt

import (
	"time"

	"github.com/ckptbus/ckpt/internal/wire"
)

// Event tells that a thread changed. The service publishes one for each
// committed change, on [EventSubject] of the thread, after the change is
// visible to readers.
type Event struct {
	ThreadID string `json:"thread_id"`
	// Kind is the name of the operation that made the change, such as
	// messages.put; or [KindExpired], or [KindGap].
	Kind string `json:"kind"`
	// Revision is the thread's revision after the change and Previous the one
	// before it, 0 where the thread was new: an event whose Previous is not
	// the Revision of the one before it tells that events were missed.
	Revision   uint64      `json:"revision"`
	Previous   uint64      `json:"previous"`
	At         time.Time   `json:"at"`                    // when the service made the change, in milliseconds
	UserID     string      `json:"user_id,omitempty"`     // the user whom the thread belongs to
	RequestID  string      `json:"request_id,omitempty"`  // of the request that made it
	MessageIDs []MessageID `json:"message_ids,omitempty"` // messages put or deleted
	Trimmed    int         `json:"trimmed,omitempty"`     // messages removed because the thread keeps the latest alone
	Size       int         `json:"size,omitempty"`        // bytes of the values that were put
	StoreID    string      `json:"store_id"`              // as in [SetupReply]; another ID means that revisions began anew
}

// KindExpired is the kind of an event that tells that a thread is gone: its
// lifetime was over, or it held nothing but a cached state, and that has expired.
const KindExpired = "expired"

// KindGap is the kind of an event that a watcher makes by itself where it
// missed events: of the thread that it names, between Previous and Revision,
// or of any thread where it names none. What was missed must be read anew.
const KindGap = "gap"

func (e *Event) fields(f *wire.Fields) {
	f.Open()
	f.Required("thread_id", (*id)(&e.ThreadID))
	f.Required("kind", &e.Kind)
	f.Required("revision", &e.Revision)
	f.Required("previous", &e.Previous)
	f.Required("at", &e.At)
	f.Optional("user_id", (*id)(&e.UserID))
	f.Optional("request_id", (*id)(&e.RequestID))
	f.Optional("message_ids", (*messageIDs)(&e.MessageIDs))
	f.Optional("trimmed", &e.Trimmed)
	f.Optional("size", &e.Size)
	f.Required("store_id", &e.StoreID)
}
