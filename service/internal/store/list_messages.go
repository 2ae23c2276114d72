package store

import (
	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/messages"
)

// messageList is a messages.list under way.
type messageList struct {
	rows
	store  *Store
	q      *ckpt.MessagesListRequest
	a      *ckpt.MessagesListReply
	now    int64
	filter messageFilter
}

// MessagesList answers a messages.list. Where messages must be read for a search
// or a filter, that is done after it let go of the lock, so that writes go on
// meanwhile.
func (s *Store) MessagesList(q *ckpt.MessagesListRequest, a *ckpt.MessagesListReply, now int64) error {
	l := messageList{store: s, q: q, a: a, now: now}
	var err error
	if l.rows, err = s.newRows(q.Page, s.opts.Limits.Page, messageFields); err != nil {
		return err
	}
	if l.filter, err = s.messageFilter(q); err != nil {
		return err
	}
	next := ""
	switch {
	case l.byCursor:
		next, err = l.fromCursor()
	case q.Reads():
		err = l.scan()
	default:
		err = l.fromOffset()
	}
	if err != nil {
		return err
	}
	a.PageReply, a.Messages = l.reply(next), l.list
	if len(a.Metadata) > l.room || q.CountOnly {
		a.Metadata = nil
	}
	return nil
}

// open locks the thread as it is, and makes the reply one about it.
func (l *messageList) open() (View, error) {
	v, err := l.store.open(&l.q.ThreadRef, l.now)
	if err == nil {
		l.a.Reply, l.a.Metadata = v.stamp(), v.details().metadata
	}
	return v, err
}

// scan reads all messages as they are at one moment.
func (l *messageList) scan() error {
	v, err := l.open()
	if err != nil {
		return err
	}
	var all messages.Snapshot
	if v.thread != nil {
		all = v.thread.messages.Snapshot(&v.shard.heap)
	}
	v.close()
	sequence := all.All()
	if l.q.Reverse {
		sequence = all.Back()
	}
	for body := range sequence {
		if !l.filter.meets(body) {
			continue
		}
		if _, err := l.add(body); err != nil {
			return err
		}
	}
	return nil
}

// fromOffset takes the rows from the page's offset on, under the thread's lock;
// those before it are counted without looking at them.
func (l *messageList) fromOffset() error {
	v, err := l.open()
	if err != nil {
		return err
	}
	defer v.close()
	if v.thread == nil {
		return nil
	}
	list, heap := &v.thread.messages, &v.shard.heap
	n := list.Len()
	if l.total = min(l.page.Offset, n); l.wants() {
		l.list = make([]ckpt.Raw, 0, min(l.most, n-l.total, rowsAtFirst))
		sequence := list.Forth(heap, list.At(l.total))
		if l.q.Reverse {
			sequence = list.Back(heap, list.At(n-l.total))
		}
		for _, body := range sequence {
			if taken, err := l.add(body); err != nil {
				return err
			} else if !taken {
				break
			}
		}
	}
	l.total = n
	return nil
}

// partSize is how many messages a page by cursor reads between two looks at the
// list.
const partSize = 512

// numbered is a message with its number.
type numbered struct {
	number int
	body   []byte
}

// fromCursor takes the rows from the page's cursor on, and returns the one behind
// them. It looks at the list a part at a time, in between of which messages may
// come and go.
func (l *messageList) fromCursor() (next string, err error) {
	digest, err := ckpt.ListDigest(l.q)
	if err != nil {
		return "", err
	}
	first := l.q.Cursor == ckpt.FirstCursor
	var from messageCursor
	if !first {
		if from, err = parseMessageCursor(l.q.Cursor, digest); err != nil {
			return "", err
		}
	}
	v, err := l.open()
	if err != nil {
		return "", err
	}
	if first {
		from = v.begin(l.q.Reverse)
	}
	size := partSize
	if !l.q.Reads() {
		size = min(l.most+1, rowsAtFirst)
	}
	end := from // of the page
	for {
		part, behind := v.part(from, l.q.Reverse, size)
		v.close()
		for i := range part {
			m := &part[i]
			if !l.filter.meets(m.body) {
				continue
			}
			taken, err := l.add(m.body)
			if err != nil {
				return "", err
			}
			if !taken {
				return end.text(digest), nil
			}
			end = messageCursor{behind.created, m.number + one(!l.q.Reverse)}
		}
		if from = behind; len(part) < size {
			return from.text(digest), nil
		}
		if v, err = l.store.open(&l.q.ThreadRef, l.now); err != nil {
			return "", err
		}
	}
}

// begin is the cursor in front of all messages, or behind them.
func (v *View) begin(reverse bool) messageCursor {
	switch {
	case v.thread == nil:
		return messageCursor{}
	case reverse:
		list := &v.thread.messages
		return messageCursor{v.thread.created, list.Number(list.End())}
	}
	return messageCursor{created: v.thread.created}
}

// part returns up to size messages behind the cursor, and the cursor behind them.
// Where the thread is not the one that the cursor is of, all its messages are
// newer than any of that one.
func (v *View) part(from messageCursor, reverse bool, size int) ([]numbered, messageCursor) {
	if v.thread == nil {
		return nil, messageCursor{}
	}
	if from.created != v.thread.created {
		from = messageCursor{created: v.thread.created}
	}
	list, heap := &v.thread.messages, &v.shard.heap
	at := list.Seek(from.number)
	sequence := list.Forth(heap, at)
	if reverse {
		sequence = list.Back(heap, at)
	}
	part := make([]numbered, 0, min(size, list.Len()))
	for position, body := range sequence {
		part = append(part, numbered{list.Number(position), body})
		if len(part) == size {
			break
		}
	}
	switch {
	case len(part) == size:
		from.number = part[size-1].number + one(!reverse)
	case reverse:
		from.number = 0
	default:
		from.number = list.Number(list.End())
	}
	return part, from
}
