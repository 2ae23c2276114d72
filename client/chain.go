package client

import "github.com/ckptbus/ckpt"

// rememberThreads is how many threads one half of a chain's memory holds: some
// 10 MiB for both halves with IDs of 36 bytes.
const rememberThreads = 1 << 15

// chain holds each event of a watch against the one before it of its thread.
// It remembers threads in two halves: the older one is forgotten as a whole
// when the recent one is full.
type chain struct {
	storeID       string
	recent, older map[string]link
}

// link is what the next event of a thread must follow.
type link struct {
	revision uint64
	removed  bool // the thread may hold nothing since: the next event may begin anew
}

// verdict says how an event follows those before it.
type verdict uint8

const (
	follows  verdict = iota // nothing is missing, or nothing can be told
	missed                  // events of its thread are missing before it
	restarts                // it comes from another store than those before
	stale                   // it is older than one before, and was missed then
)

// next takes an event, and returns the revision of the last one of the thread
// before it.
func (c *chain) next(e *ckpt.Event) (verdict, uint64) {
	if e.StoreID != c.storeID {
		another := c.storeID != ""
		c.reset()
		c.storeID = e.StoreID
		c.remember(e)
		if another {
			return restarts, 0
		}
		return follows, 0
	}
	last, known := c.recent[e.ThreadID]
	if !known {
		last, known = c.older[e.ThreadID]
	}
	if known && e.Revision <= last.revision {
		return stale, last.revision
	}
	c.remember(e)
	if !known || e.Previous == last.revision || e.Previous == 0 && last.removed {
		return follows, last.revision
	}
	return missed, last.revision
}

func (c *chain) remember(e *ckpt.Event) {
	if len(c.recent) >= rememberThreads {
		c.older, c.recent = c.recent, nil
	}
	if c.recent == nil {
		c.recent = make(map[string]link)
	}
	c.recent[e.ThreadID] = link{e.Revision, removes[e.Kind]}
}

// removes holds the kinds of change that can leave a thread with nothing.
var removes = map[string]bool{
	ckpt.StateClear.Name:     true,
	ckpt.CacheClear.Name:     true,
	ckpt.MessagesDelete.Name: true,
	ckpt.ThreadsClean.Name:   true,
	ckpt.ThreadsPrune.Name:   true,
	ckpt.Release.Name:        true,
	ckpt.KindExpired:         true,
}

// forget drops what is known of one thread.
func (c *chain) forget(thread string) {
	delete(c.recent, thread)
	delete(c.older, thread)
}

// reset drops what is known of all threads.
func (c *chain) reset() { c.recent, c.older = nil, nil }
