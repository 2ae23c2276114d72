package store

import (
	"unique"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/messages"
)

// thread is all that the store has of one thread. There may be millions, most
// of them with a few messages and nothing else, so what is rarer lives in
// details. Times are milliseconds since 1970.
type thread struct {
	id       string
	owner    unique.Handle[string] // the user whom the thread belongs to, who may have many
	revision uint64
	created  int64
	updated  int64
	messages messages.List
	more     *details // nil: none of it
	place    uint32   // its place in the directory
	gone     bool     // it holds nothing, which was told, and is in no directory
	timed    bool     // the shard's sweep visits it
}

// nobody owns the threads that were only written without a user.
var nobody = unique.Make("")

// details is what a thread may hold beside messages.
type details struct {
	state    slot
	cache    slot
	expires  int64    // when the cached state expires; 0: never
	metadata ckpt.Raw // of the last message put that had some
	record   *record
	recent   []answered // outlives the rest, so that a removal is not repeated
}

// slot is one stored value; nil bytes are an empty slot.
type slot struct {
	value ckpt.Raw
	at    int64 // when it was put
}

func (s slot) full() bool { return len(s.value) > 0 }

// trim gives up details of nothing.
func (t *thread) trim() {
	if t.more != nil && t.more.empty() {
		t.more = nil
	}
}

func (d *details) empty() bool {
	return !d.state.full() && !d.cache.full() && d.metadata == nil && d.record == nil && d.recent == nil
}

// detail returns the thread's details for writing.
func (t *thread) detail() *details {
	if t.more == nil {
		t.more = new(details)
	}
	return t.more
}

// peek returns the thread's details for reading.
func (t *thread) peek() *details {
	if t.more == nil {
		return &noDetails
	}
	return t.more
}

var noDetails details

// cacheAt returns the cached state as it is at a time: expired is empty, at
// once and whether or not the sweep has freed it.
func (d *details) cacheAt(now int64) slot {
	if d.expires != 0 && d.expires <= now {
		return slot{}
	}
	return d.cache
}

// holds reports whether the thread holds anything at a time. One that does not
// is invisible.
func (t *thread) holds(now int64) bool { return t.peek().record != nil || t.holdsData(now) }

// holdsData reports whether the thread holds anything beside its record.
func (t *thread) holdsData(now int64) bool {
	d := t.peek()
	return t.messages.Len() > 0 || d.state.full() || len(d.metadata) > 0 || d.cacheAt(now).full()
}
