package client

import "github.com/ckptbus/ckpt"

// rememberThreads is how many threads one half of a chain's memory holds: some
// 10 MiB for both halves with IDs of 36 bytes.
const rememberThreads = 1 << 15

// chain holds each event of a watch against those before it of its thread. Up to
// its position it has told all; behind that it remembers the latest event of each
// thread, in two halves: the older one is forgotten as a whole when the recent
// one is full.
type chain struct {
	storeID string
	known   bool   // whether there is a position
	upTo    uint64 // the position
	// began is where the watch began, if that was the position of then: of the
	// changes up to it, those are told that come.
	began         uint64
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
	stale                   // it was told, or one behind it was
)

// next tells how an event follows, and the revision of the last one of the
// thread before it.
func (c *chain) next(e *ckpt.Event) (verdict, uint64) {
	if e.StoreID != c.storeID && c.storeID != "" {
		return restarts, 0
	}
	last, remembered := c.link(e.ThreadID)
	switch {
	case remembered && e.Revision <= last.revision, c.known && e.Revision <= c.upTo && e.Revision > c.began:
		return stale, last.revision
	case remembered && e.Previous == last.revision, remembered && e.Previous == 0 && last.removed:
		return follows, last.revision
	case c.known && e.Previous <= c.upTo && last.revision <= c.upTo:
		return follows, last.revision
	case !c.known && !remembered:
		return follows, 0
	}
	return missed, last.revision
}

// last returns the revision of the latest event of the thread that is remembered.
func (c *chain) last(thread string) uint64 {
	l, _ := c.link(thread)
	return l.revision
}

func (c *chain) link(thread string) (link, bool) {
	l, ok := c.recent[thread]
	if !ok {
		l, ok = c.older[thread]
	}
	return l, ok
}

// remember takes an event as told.
func (c *chain) remember(e *ckpt.Event) {
	c.storeID = e.StoreID
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
	ckpt.StateClear.Name:       true,
	ckpt.CacheClear.Name:       true,
	ckpt.MessagesDelete.Name:   true,
	ckpt.MessagesTruncate.Name: true,
	ckpt.MessagesPop.Name:      true,
	ckpt.ThreadsClean.Name:     true,
	ckpt.ThreadsCommit.Name:    true,
	ckpt.ThreadsTransact.Name:  true,
	ckpt.ThreadsPrune.Name:     true,
	ckpt.Release.Name:          true,
	ckpt.KindExpired:           true,
}

// forget drops what is known of one thread.
func (c *chain) forget(thread string) {
	delete(c.recent, thread)
	delete(c.older, thread)
}

// reset drops what is known of all threads.
func (c *chain) reset() { c.recent, c.older = nil, nil }
