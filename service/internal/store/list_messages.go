package store

import (
	"iter"
	"slices"

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

// open locks the thread, and makes the reply one about it: as it is, or as it was
// before the changes that are to be taken back.
func (l *messageList) open() (v View, changes []undo, err error) {
	if v, err = l.store.open(&l.q.ThreadRef, l.now); err != nil {
		return v, nil, err
	}
	if l.q.AtRevision != 0 {
		if changes, err = v.past(l.q.AtRevision); err != nil {
			v.close()
			return v, nil, err
		}
	}
	l.a.Reply, l.a.Metadata = v.stamp(), metadataBefore(v.details().metadata, changes)
	return v, changes, nil
}

// fromOffset takes the rows from the page's offset on. Where nothing but their
// places decides on them, it takes them under the thread's lock, and counts those
// before it without looking at them.
func (l *messageList) fromOffset() error {
	v, changes, err := l.open()
	if err != nil {
		return err
	}
	if v.thread == nil {
		v.close()
		return nil
	}
	list := &v.thread.messages
	n, first := rowsBefore(list.Len(), changes)
	if !first || !l.filter.open() {
		l.scan(v.snapshot(slices.Clone(changes)))
		return nil
	}
	defer v.close()
	l.places(list, &v.shard.heap, n)
	return nil
}

// scan takes those of the messages that meet the filter.
func (l *messageList) scan(all messages.Snapshot) {
	for body := range l.ordered(all) {
		if l.filter.meets(body) {
			l.add(body)
		}
	}
}

// ordered are all the messages in the order of the list.
func (l *messageList) ordered(all messages.Snapshot) iter.Seq[[]byte] {
	if l.q.Reverse {
		return all.Back()
	}
	return all.All()
}

// places takes the rows of the first n messages from the page's offset on.
func (l *messageList) places(list *messages.List, heap *messages.Heap, n int) {
	if l.total = min(l.page.Offset, n); l.wants() {
		l.list = slices.Grow(l.a.Messages[:0], min(l.most, n-l.total, rowsAtFirst))
		sequence := list.Forth(heap, list.At(l.total))
		if l.q.Reverse {
			sequence = list.Back(heap, list.At(n-l.total))
		}
		for _, body := range sequence {
			if l.total == n || !l.add(body) {
				break
			}
		}
	}
	l.total = n
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
	v, changes, err := l.open()
	if err != nil {
		return "", err
	}
	if l.q.AtRevision != 0 {
		all := v.snapshot(slices.Clone(changes))
		created := v.begin(false).created
		return l.fromRow(all, messageCursor{created, from.number}).text(digest), nil
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
			if !l.add(m.body) {
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

// snapshot returns the messages as they were before the changes, and closes the
// view.
func (v *View) snapshot(changes []undo) (all messages.Snapshot) {
	if v.thread != nil {
		all = v.thread.messages.Snapshot(&v.shard.heap)
	}
	v.close()
	takeBack(&all, changes)
	return all
}

// fromRow takes the rows of a list at a revision, which never changes: its cursors
// tell how many messages of it were passed.
func (l *messageList) fromRow(all messages.Snapshot, from messageCursor) (end messageCursor) {
	end = from
	row := 0
	for body := range l.ordered(all) {
		row++
		if row <= from.number || !l.filter.meets(body) {
			continue
		}
		if !l.add(body) {
			return end
		}
		end.number = row
	}
	end.number = row
	return end
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
