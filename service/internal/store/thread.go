package store

import (
	"math"
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
	created  stamp // 0: it is gone
	updated  int64
	messages messages.List
	more     *details // nil: none of it
	place    uint32   // its place in the directory, which guards it
	span     int32    // how far its revision is ahead of the oldest record that it needs
}

// gone reports whether the thread holds nothing, which was told. The shard
// keeps it for the answers that it remembers.
func (t *thread) gone() bool { return t.created == 0 }

// since returns the oldest record of the journal that the thread needs: the
// one that created it, or a snapshot of it. Where that does not fit the span,
// it is one that is older.
func (t *thread) since() uint64 { return uint64(int64(t.revision) - int64(t.span)) }

func (t *thread) setSince(since uint64) {
	t.span = int32(max(math.MinInt32, min(math.MaxInt32, int64(t.revision)-int64(since))))
}

// stamp is when a thread was created, such that the stamps are in the order of
// the records that did so: milliseconds since 1970, and from the 20th bit down
// what is left of the revision.
type stamp int64

const stampBits = 20

func newStamp(now int64, revision uint64) stamp {
	return stamp(now<<stampBits | int64(revision&(1<<stampBits-1)))
}

func (s stamp) millis() int64 { return int64(s) >> stampBits }

// nobody owns the threads that were only written without a user.
var nobody = unique.Make("")

// details is what a thread may hold beside messages.
type details struct {
	state     slot
	cache     slot
	expires   int64    // when the cached state expires; 0: never
	metadata  ckpt.Raw // of the last message put that had some
	record    *record
	history   *history     // nil: none is kept
	retention *retention   // nil: nothing is set
	due       *appointment // its place in the agenda of the shard; nil: it is not there
	origin    *origin      // nil: it is no fork
	recent    *answers     // outlives the rest, so that a removal is not repeated; nil: nothing is remembered
	lease     *leased      // outlives the rest: it is not the thread's but its worker's; nil: nobody's
	timed     bool         // the sweep visits the thread; a thread without details may be visited too
}

// lasting returns the details of a thread that holds nothing any more, which was
// told.
func (d *details) lasting() *details { return &details{recent: d.recent, lease: d.lease} }

// slot is one stored value; nil bytes are an empty slot.
type slot struct {
	value ckpt.Raw
	at    int64 // when it was put
}

func (s slot) full() bool { return len(s.value) > 0 }

// trim gives up details of nothing.
func (t *thread) trim() {
	if t.more == nil {
		return
	}
	if l := t.more.lease; l != nil && *l == (leased{}) {
		t.more.lease = nil
	}
	if t.more.empty() {
		t.more = nil
	}
}

// retentionBytes is about what a retention takes in a snapshot.
const retentionBytes = 24

// weight is about how many bytes the details have beyond a thread without any.
func (d *details) weight() int {
	n := len(d.state.value) + len(d.cache.value) + len(d.metadata) + d.history.bytes()
	if d.record != nil {
		n += len(d.record.pairs)
	}
	if d.retention != nil {
		n += retentionBytes
	}
	if d.origin != nil {
		n += len(d.origin.thread) + originBytes
	}
	if d.lease != nil {
		n += len(d.lease.owner)
	}
	return n + d.recent.weight()
}

// originBytes is what an origin costs beside its thread's ID.
const originBytes = 24

func (d *details) empty() bool {
	return !d.state.full() && !d.cache.full() && d.metadata == nil && d.record == nil && d.history == nil && d.origin == nil && d.retention == nil && d.recent == nil && d.lease == nil
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
// is invisible, as is one whose lifetime is over.
func (t *thread) holds(now int64) bool {
	return !t.over(now) && t.full(now)
}

// full is [thread.holds] whether or not the thread's lifetime is over.
func (t *thread) full(now int64) bool { return t.peek().record != nil || t.holdsData(now) }

// holdsData reports whether the thread holds anything beside its record; a state
// that it had is something, since it can be restored.
func (t *thread) holdsData(now int64) bool {
	d := t.peek()
	return t.messages.Len() > 0 || d.state.full() || len(d.metadata) > 0 || d.cacheAt(now).full() || d.history.earlier()
}
