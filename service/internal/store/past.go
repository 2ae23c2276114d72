package store

import (
	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/messages"
)

// past checks that the thread can be read as it was at a revision, and returns
// what takes it back there, oldest first: nothing where it is there.
func (v *View) past(revision uint64) ([]undo, error) {
	if err := v.had(revision); err != nil || revision == v.revision() {
		return nil, err
	}
	h := v.details().history
	if revision < h.from {
		return nil, v.notKept(revision, h.from)
	}
	return h.after(revision), nil
}

// state returns the state as it was at a revision.
func (v *View) state(revision uint64) (slot, error) {
	if err := v.had(revision); err != nil {
		return slot{}, err
	}
	if revision == v.revision() {
		return v.details().state, nil
	}
	h := v.details().history
	if s := h.at(revision); s != nil {
		return s.slot, nil
	}
	return slot{}, v.notKept(revision, h.versions[0].revision)
}

// had refuses a revision that the thread has not come to, or one before its
// present one where it keeps no history.
func (v *View) had(revision uint64) error {
	switch {
	case v.thread == nil:
		return v.notFound("the thread holds nothing, and nothing of revision %d", revision)
	case revision > v.revision():
		return v.notFound("the thread is at revision %d and has not come to %d", v.revision(), revision)
	case revision < v.revision() && !v.details().history.keeps():
		return v.notKept(revision, v.revision())
	}
	return nil
}

func (v *View) notKept(revision, oldest uint64) error {
	return v.notFound("revision %d of the thread is not kept: the oldest that is kept is %d", revision, oldest)
}

// takeBack makes the messages those of before the changes.
func takeBack(s *messages.Snapshot, changes []undo) {
	for i := len(changes) - 1; i >= 0; i-- {
		switch u := &changes[i]; u.what {
		case undoPut:
			s.Truncate(u.row)
		case undoReplace:
			s.Replace(u.row, u.value)
		case undoDelete:
			s.Insert(u.row, u.value)
		}
	}
}

// metadataBefore returns the message metadata of before the changes, where now
// is what they are.
func metadataBefore(now ckpt.Raw, changes []undo) ckpt.Raw { return before(undoMetadata, now, changes) }

// before returns what the first of the changes of a kind replaced.
func before(what undone, now ckpt.Raw, changes []undo) ckpt.Raw {
	for i := range changes {
		if changes[i].what == what {
			return changes[i].value
		}
	}
	return now
}

// rowsBefore returns how many messages there were before the changes, and
// whether those are the first ones of the present n; else they must be taken
// back.
func rowsBefore(n int, changes []undo) (int, bool) {
	for i := len(changes) - 1; i >= 0; i-- {
		switch u := &changes[i]; u.what {
		case undoPut:
			n = u.row
		case undoReplace, undoDelete:
			return 0, false
		}
	}
	return n, true
}

// rowsAt returns how many messages there were before the changes, where now is how
// many there are.
func rowsAt(now int, changes []undo) int {
	for i := len(changes) - 1; i >= 0; i-- {
		switch changes[i].what {
		case undoPut:
			now = changes[i].row
		case undoDelete:
			now++
		}
	}
	return now
}

// messageAt answers a messages.get on a thread that keeps a history.
func (v *View) messageAt(q *ckpt.MessagesGetRequest, a *ckpt.MessagesGetReply) error {
	var changes, older []undo
	if q.AtRevision != 0 {
		var err error
		if changes, err = v.past(q.AtRevision); err != nil {
			return err
		}
	}
	if h := v.details().history; h.keeps() {
		older = h.undo[:len(h.undo)-len(changes)]
	}
	row, body := v.messageBefore(q.MessageID, changes)
	if body == nil {
		return v.noMessage(q.MessageID)
	}
	a.Reply, a.Message, a.PutRevision = v.stamp(), body, putBy(row, older)
	return nil
}

// messageBefore returns the message with the ID as it was before the changes,
// and its row then; nil where there was none.
func (v *View) messageBefore(id ckpt.MessageID, changes []undo) (int, ckpt.Raw) {
	row, body, found := v.thread.messages.Find(&v.shard.heap, id)
	for i := len(changes) - 1; i >= 0; i-- {
		switch u := &changes[i]; u.what {
		case undoPut:
			found = found && row < u.row
		case undoReplace:
			if found && row == u.row {
				body = u.value
			}
		case undoDelete:
			if was, _, _ := messages.IDOf(u.value); was == id {
				row, body, found = u.row, u.value, true
			} else if found && u.row <= row {
				row++
			}
		}
	}
	if !found {
		return 0, nil
	}
	return row, body
}

// putBy returns the revision that put the message of a row as it is before the
// changes, by those before them; 0 where it is older than the history.
func putBy(row int, changes []undo) uint64 {
	for i := len(changes) - 1; i >= 0; i-- {
		switch u := &changes[i]; u.what {
		case undoPut:
			if row >= u.row {
				return u.revision
			}
		case undoReplace:
			if row == u.row {
				return u.revision
			}
		case undoDelete:
			if u.row <= row {
				row++
			}
		}
	}
	return 0
}
