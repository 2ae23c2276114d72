package store

import "github.com/ckptbus/ckpt"

// recordGains is what a record can gain in the store, in bytes: its owner's ID,
// its times, its origin, wider headers. A page of records may have as much more, so that the
// largest that is taken can be listed; the reply around it has room for it.
const recordGains = 768

// threadParts is how many threads a list takes from an index at a time, at most.
const threadParts = 512

// threadList is a threads.list under way.
type threadList struct {
	rows
	store   *Store
	now     int64
	filter  threadFilter
	sizes   bool // rows tell how large the threads are
	updated bool // in the order of updates, else in that of creation
	groups  []group
	span    span // of the keys that the list has
}

// ThreadsList answers a threads.list. It finds the threads of a user, those with
// a pair of metadata and those behind a cursor by an index, and looks at each by
// itself: one that changes meanwhile is listed as before or after the change.
func (s *Store) ThreadsList(q *ckpt.ThreadsListRequest, a *ckpt.ThreadsListReply, now int64) error {
	a.Reply = ckpt.Reply{Revision: s.Revision()}
	l := threadList{store: s, now: now, sizes: q.Sizes}
	if err := l.check(q); err != nil {
		return err
	}
	from := bound{reverse: q.Reverse}
	var digest uint64
	if l.byCursor {
		var err error
		if digest, err = ckpt.ListDigest(q); err != nil {
			return err
		}
		if q.Cursor != ckpt.FirstCursor {
			if from.key, from.set, err = parseThreadCursor(q.Cursor, digest); err != nil {
				return err
			}
		}
	}
	end := l.walk(from)
	next := ""
	if l.byCursor {
		next = end.text(digest)
	}
	a.PageReply, a.Threads = l.reply(next), l.list
	return nil
}

func (l *threadList) check(q *ckpt.ThreadsListRequest) (err error) {
	switch q.Order {
	case "", ckpt.OrderCreated:
	case ckpt.OrderUpdated:
		l.updated = true
	default:
		return ckpt.Errorf(ckpt.InvalidArgument, "order %.64q: want %s or %s", q.Order, ckpt.OrderCreated, ckpt.OrderUpdated)
	}
	if l.rows, err = l.store.newRows(q.Page, l.store.opts.Limits.Page+recordGains, recordFields); err != nil {
		return err
	}
	if l.filter, err = l.store.threadFilter(q); err != nil {
		return err
	}
	l.groups, l.span = l.filter.groups(), l.filter.created.stamps()
	if l.updated {
		l.span = l.filter.updated
	}
	return nil
}

// walk takes the rows behind the bound, and returns the bound behind them.
func (l *threadList) walk(from bound) (end bound) {
	end = from
	size := threadParts
	if l.byCursor {
		size = min(size, l.most+1)
	}
	for {
		part := l.part(l.span.narrow(from), size)
		for _, c := range part {
			if l.span.past(c.key, from.reverse) {
				return from
			}
			from.key, from.set = c.key, true
			wanted, taken := l.take(c)
			if taken {
				end = from
			} else if wanted && l.done() {
				return end
			}
		}
		if len(part) < size {
			return from
		}
	}
}

// part returns up to n threads behind the bound that may be on the page.
func (l *threadList) part(from bound, n int) []candidate {
	switch {
	case l.updated && l.groups == nil:
		return l.store.byUpdate([]group{everyone}, from, n)
	case l.updated:
		return l.store.byUpdate(l.groups, from, n)
	case l.groups == nil:
		return l.store.directory.part(from, n)
	}
	return l.store.directory.members(l.groups, from, n)
}

// take takes a thread into the rows where it is one of those that are wanted.
func (l *threadList) take(c candidate) (wanted, taken bool) {
	sh := l.store.shard(c.thread.id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	t := c.thread
	if t.gone() || !l.updated && t.key() != c.key || !t.holds(l.now) || !l.filter.meets(t) {
		return false, false
	}
	if !l.wants() {
		l.pass()
		return true, false
	}
	if l.sizes {
		return true, l.add(t.sized(sh))
	}
	return true, l.add(t.info())
}
