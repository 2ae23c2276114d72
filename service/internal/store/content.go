package store

import (
	"time"

	"github.com/ckptbus/ckpt"
)

// Content is what a change did, by references to bytes that never change. Many are
// kept, and most changes did one thing: what is rarer lives in further.
type Content struct {
	state    ckpt.Raw
	messages []message
	further  *further // nil: nothing of it
	removes  uint8    // flags as in an entry
}

// further is what a change did beside a new state and messages.
type further struct {
	cache, metadata, record ckpt.Raw
	expires                 int64
	deleted                 []ckpt.MessageID
}

// Content returns what the change did.
func (c *Change) Content() Content {
	told := Content{
		state: c.State.value, messages: c.Messages,
		removes: uint8(one(c.State.remove)*flagNoState | one(c.Cache.remove)*flagNoCache | one(c.NoRecord)*flagNoRecord | one(c.NoThread)*flagNoThread),
	}
	if len(c.Cache.value)+len(c.Metadata)+len(c.Record)+len(c.Delete) > 0 {
		told.further = &further{c.Cache.value, c.Metadata, c.Record, c.Expires, c.Delete}
	}
	return told
}

// Change returns the content as it is told.
func (c *Content) Change() ckpt.Change {
	told := ckpt.Change{
		State:   c.state,
		NoState: c.removes&flagNoState != 0, NoCache: c.removes&flagNoCache != 0,
		NoRecord: c.removes&flagNoRecord != 0, Removed: c.removes&flagNoThread != 0,
	}
	for i := range c.messages {
		told.Messages = append(told.Messages, c.messages[i].body)
	}
	if f := c.further; f != nil {
		told.Cache, told.Metadata, told.Record, told.Deleted = f.cache, f.metadata, f.record, f.deleted
		if f.expires != 0 {
			told.ExpiresAt = time.UnixMilli(f.expires)
		}
	}
	return told
}
