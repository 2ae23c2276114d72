package store

import (
	"time"

	"github.com/ckptbus/ckpt"
)

// Content is what a change did, by references to bytes that never change.
type Content struct {
	state, cache, metadata, record ckpt.Raw
	expires                        int64
	messages                       []message
	deleted                        []ckpt.MessageID
	removes                        uint8 // flags as in an entry
}

// Content returns what the change did.
func (c *Change) Content() Content {
	return Content{
		state: c.State.value, cache: c.Cache.value, metadata: c.Metadata, record: c.Record,
		expires: c.Expires, messages: c.Messages, deleted: c.Delete,
		removes: uint8(one(c.State.remove)*flagNoState | one(c.Cache.remove)*flagNoCache | one(c.NoRecord)*flagNoRecord | one(c.NoThread)*flagNoThread),
	}
}

// Change returns the content as it is told.
func (c *Content) Change() ckpt.Change {
	told := ckpt.Change{
		State: c.state, Cache: c.cache, Metadata: c.metadata, Record: c.record, Deleted: c.deleted,
		NoState: c.removes&flagNoState != 0, NoCache: c.removes&flagNoCache != 0,
		NoRecord: c.removes&flagNoRecord != 0, Removed: c.removes&flagNoThread != 0,
	}
	if c.expires != 0 {
		told.ExpiresAt = time.UnixMilli(c.expires)
	}
	for i := range c.messages {
		told.Messages = append(told.Messages, c.messages[i].body)
	}
	return told
}
