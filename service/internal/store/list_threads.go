package store

import (
	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/messages"
)

// recordGains is what a record can gain in the store, in bytes: its owner's ID,
// its times, wider headers. A page of records may have as much more, so that the
// largest that is taken can be listed; the reply around it has room for it.
const recordGains = 512

// threadParts is how many threads a list takes from an index at a time.
const threadParts = 128

// threadList is a threads.list under way.
type threadList struct {
	rows
	store  *Store
	now    int64
	filter threadFilter
}

// ThreadsList answers a threads.list. It looks at each thread by itself: a
// thread that changes meanwhile is listed as before or after the change.
func (s *Store) ThreadsList(q *ckpt.ThreadsListRequest, a *ckpt.ThreadsListReply, now int64) error {
	a.Reply = ckpt.Reply{Revision: s.Revision()}
	l := threadList{store: s, now: now}
	var err error
	if l.rows, err = s.newRows(q.Page, s.opts.Limits.Page+recordGains, recordFields); err != nil {
		return err
	}
	if l.filter, err = s.threadFilter(q); err != nil {
		return err
	}
	var from bound
	var digest uint64
	if l.byCursor {
		if digest, err = ckpt.ListDigest(q); err != nil {
			return err
		}
		if q.Cursor != ckpt.FirstCursor {
			if from, err = parseThreadCursor(q.Cursor, digest); err != nil {
				return err
			}
		}
	}
	from.reverse = q.Reverse
	end, err := l.walk(from)
	if err != nil {
		return err
	}
	next := ""
	if l.byCursor {
		next = end.text(digest)
	}
	a.PageReply, a.Threads = l.reply(next), l.list
	return nil
}

// walk takes the rows behind the bound, and returns the bound behind them.
func (l *threadList) walk(from bound) (end bound, err error) {
	end = from
	for {
		part := l.store.directory.part(from, threadParts)
		for _, c := range part {
			from.key, from.set = c.key, true
			wanted, taken, err := l.take(c)
			if err != nil {
				return end, err
			}
			if taken {
				end = from
			} else if wanted && l.done() {
				return end, nil
			}
		}
		if len(part) < threadParts {
			return from, nil
		}
	}
}

// take takes a thread into the rows where it is one of those that are wanted.
func (l *threadList) take(c candidate) (wanted, taken bool, err error) {
	sh := l.store.shard(c.id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	t := c.thread
	if t.key() != c.key || !t.holds(l.now) || !l.filter.meets(t) {
		return false, false, nil
	}
	if !l.wants() {
		l.pass()
		return true, false, nil
	}
	taken, err = l.add(t.info())
	return true, taken, err
}

// threadFilter is what the threads of a list must meet.
type threadFilter struct {
	owner  string
	record bool // it was given one
	search *messages.Search
}

func (s *Store) threadFilter(q *ckpt.ThreadsListRequest) (f threadFilter, err error) {
	f = threadFilter{owner: q.UserID, record: q.WithRecord}
	if q.Search != "" {
		f.search = messages.NewSearch(q.Search)
	}
	return f, nil
}

// meets reports whether a thread is one of those wanted.
func (f *threadFilter) meets(t *thread) bool {
	return (f.owner == "" || t.owner.Value() == f.owner) &&
		(!f.record || t.peek().record != nil) &&
		(f.search == nil || f.search.Value(t.own(0)))
}
