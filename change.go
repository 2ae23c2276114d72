package ckpt

import (
	"time"

	"github.com/ckptbus/ckpt/internal/wire"
)

// Change is what a change of a thread did, as far as it concerns what the thread
// holds. What is not set stayed as it was.
type Change struct {
	State     Raw         `json:"state,omitempty"` // the new state
	Cache     Raw         `json:"cache,omitempty"` // the new cached state
	ExpiresAt time.Time   `json:"expires_at,omitzero"`
	Deleted   []MessageID `json:"deleted,omitempty"`  // messages that were removed, before others were put
	Messages  []Raw       `json:"messages,omitempty"` // messages that were put, as [Message] reads them
	Metadata  Raw         `json:"metadata,omitempty"` // the new message metadata
	Record    Raw         `json:"thread,omitempty"`   // the new record, as it was put
	NoState   bool        `json:"no_state,omitempty"`
	NoCache   bool        `json:"no_cache,omitempty"`
	NoRecord  bool        `json:"no_thread,omitempty"`
	Removed   bool        `json:"removed,omitempty"` // the thread is gone with all that it held
}

func (c *Change) fields(f *wire.Fields) {
	f.Open()
	f.Optional("state", &c.State)
	f.Optional("cache", &c.Cache)
	f.Optional("expires_at", &c.ExpiresAt)
	f.Optional("deleted", (*messageIDs)(&c.Deleted))
	f.Optional("messages", &c.Messages)
	f.Optional("metadata", &c.Metadata)
	f.Optional("thread", &c.Record)
	f.Optional("no_state", &c.NoState)
	f.Optional("no_cache", &c.NoCache)
	f.Optional("no_thread", &c.NoRecord)
	f.Optional("removed", &c.Removed)
}
