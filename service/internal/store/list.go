package store

import (
	"slices"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/messages"
)

// rows gathers one page of a list from its rows in order.
type rows struct {
	page  ckpt.Page
	room  int // bytes that the rows may still take
	limit int // bytes that a page may take, for the error
	list  []ckpt.Raw
	total int // rows seen
	full  bool
}

func newRows(p ckpt.Page, limit int) (rows, error) {
	if p.Offset < 0 {
		return rows{}, ckpt.Errorf(ckpt.InvalidArgument, "offset %d: want 0 or more", p.Offset)
	}
	if p.Limit < 0 {
		return rows{}, ckpt.Errorf(ckpt.InvalidArgument, "limit %d: want 0, for all, or more", p.Limit)
	}
	return rows{page: p, room: limit, limit: limit}, nil
}

// wants reports whether the next row may be on the page; where not, it only
// counts.
func (r *rows) wants() bool {
	return !r.full && r.total >= r.page.Offset && (r.page.Limit == 0 || len(r.list) < r.page.Limit)
}

// add takes the next row. One that does not fit ends the page; where it is the
// first, it has the page to itself, and the reply goes in parts.
func (r *rows) add(row ckpt.Raw) error {
	if r.wants() {
		r.full = len(row) > r.room
		if !r.full || len(r.list) == 0 {
			r.list = append(r.list, row)
			r.room = max(r.room-len(row), 0)
		}
	}
	r.total++
	return nil
}

func (r *rows) reply() ckpt.PageReply {
	next := min(r.page.Offset, r.total) + len(r.list)
	return ckpt.PageReply{Total: r.total, HasMore: next < r.total, NextOffset: next}
}

// MessagesList answers a messages.list. A search reads the messages after it
// let go of the lock, so that writes go on meanwhile; so does what has to take
// back changes.
func (s *Store) MessagesList(q *ckpt.MessagesListRequest, a *ckpt.MessagesListReply, now int64) error {
	r, err := newRows(q.Page, s.opts.Limits.Page)
	if err != nil {
		return err
	}
	snapshot, changes, err := s.messages(q, a, &r, now)
	if err == nil && (q.Search != "" || len(changes) > 0) {
		takeBack(&snapshot, changes)
		err = r.search(snapshot, messages.NewSearch(q.Search))
	}
	a.PageReply, a.Messages = r.reply(), r.list
	if len(a.Metadata) > r.room {
		a.Metadata = nil
	}
	return err
}

// messages takes the page's rows under the thread's lock or, for a search or
// where rows are not what they were, the messages that are to be looked at, and
// what is to be taken back of them.
func (s *Store) messages(q *ckpt.MessagesListRequest, a *ckpt.MessagesListReply, r *rows, now int64) (messages.Snapshot, []undo, error) {
	v, err := s.open(&q.ThreadRef, now)
	if err != nil {
		return messages.Snapshot{}, nil, err
	}
	defer v.close()
	var changes []undo
	if q.AtRevision != 0 {
		if changes, err = v.past(q.AtRevision); err != nil {
			return messages.Snapshot{}, nil, err
		}
	}
	a.Reply, a.Metadata = v.stamp(), metadataBefore(v.details().metadata, changes)
	if v.thread == nil {
		return messages.Snapshot{}, nil, nil
	}
	l := &v.thread.messages
	n, first := rowsBefore(l.Len(), changes)
	if q.Search != "" || !first {
		return l.Snapshot(&v.shard.heap), slices.Clone(changes), nil
	}
	return messages.Snapshot{}, nil, r.tail(l, &v.shard.heap, n)
}

// rowsAtFirst bounds the rows of a page that have room before they are found,
// since its bytes may end it earlier.
const rowsAtFirst = 1024

// tail takes the rows of the first n messages from the page's offset on; those
// before it are counted without looking at them.
func (r *rows) tail(l *messages.List, h *messages.Heap, n int) error {
	r.total = min(r.page.Offset, n)
	r.list = make([]ckpt.Raw, 0, min(r.page.Limit, n-r.total, rowsAtFirst))
	for body := range l.From(h, r.page.Offset) {
		if r.total == n || !r.wants() {
			break
		}
		if err := r.add(body); err != nil {
			return err
		}
	}
	r.total = n
	return nil
}

func (r *rows) search(from messages.Snapshot, s *messages.Search) error {
	for body := range from.All() {
		if s.Message(body) {
			if err := r.add(body); err != nil {
				return err
			}
		}
	}
	return nil
}

// recordGains is what a record can gain in the store, in bytes: its owner's ID,
// its times, its origin, wider headers. A page of records may have as much more, so that the
// largest that is taken can be listed; the reply around it has room for it.
const recordGains = 768

// ThreadsList answers a threads.list. It looks at each thread by itself: a
// thread that changes meanwhile is listed as before or after the change.
func (s *Store) ThreadsList(q *ckpt.ThreadsListRequest, a *ckpt.ThreadsListReply, now int64) error {
	a.Reply = ckpt.Reply{Revision: s.Revision()}
	r, err := newRows(q.Page, s.opts.Limits.Page+recordGains)
	if err != nil {
		return err
	}
	var search *messages.Search
	if q.Search != "" {
		search = messages.NewSearch(q.Search)
	}
	for _, t := range s.directory.all() {
		if err := s.listThread(&r, t, q, search, now); err != nil {
			return err
		}
	}
	a.PageReply, a.Threads = r.reply(), r.list
	return nil
}

// listThread takes one thread into the rows where it is one of those asked for.
func (s *Store) listThread(r *rows, t *thread, q *ckpt.ThreadsListRequest, search *messages.Search, now int64) error {
	sh := s.shard(t.id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if t.gone() || !t.holds(now) ||
		q.UserID != "" && t.owner.Value() != q.UserID ||
		q.WithRecord && t.peek().record == nil ||
		search != nil && !search.Value(t.own(0)) {
		return nil
	}
	if !r.wants() {
		r.total++
		return nil
	}
	if q.Sizes {
		return r.add(t.sized(sh))
	}
	return r.add(t.info())
}
