package store

import (
	"bytes"
	"slices"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/messages"
)

// kept returns how many earlier states a write says that its thread keeps.
func (v *View) kept(keep *int) (kept, error) {
	if keep == nil {
		return kept{}, nil
	}
	if limit := v.store.opts.Limits.History; *keep < 0 || *keep > limit {
		return kept{}, ckpt.Errorf(ckpt.InvalidArgument, "keep %d: want 0, for none, to %d, the limit of the history", *keep, limit)
	}
	return kept{*keep, true}, nil
}

// StateHistory answers a state.history.
func (s *Store) StateHistory(q *ckpt.StateHistoryRequest, a *ckpt.StateHistoryReply, now int64) error {
	if q.Limit < 0 {
		return ckpt.Errorf(ckpt.InvalidArgument, "limit %d: want 0, for all, or more", q.Limit)
	}
	v, err := s.open(&q.ThreadRef, now)
	if err != nil {
		return err
	}
	defer v.close()
	a.Reply = v.stamp()
	h := v.details().history
	if !h.keeps() {
		a.Keep = v.keep().n
		return nil
	}
	a.Keep, a.From = h.keep.n, h.from
	room := s.opts.Limits.Page
	for i := len(h.versions) - 1; i >= 0; i-- {
		x := &h.versions[i]
		if q.Before != 0 && x.revision >= q.Before {
			continue
		}
		row := ckpt.StateVersion{Revision: x.revision, UpdatedAt: time.UnixMilli(x.slot.at), Size: len(x.value), Cleared: !x.full()}
		if q.States {
			row.State = x.value
		}
		// One that fits no page has one to itself, which goes in parts.
		n := len(a.Versions)
		if room -= versionRow + len(row.State); n > 0 && room < 0 || q.Limit > 0 && n == q.Limit {
			a.HasMore = true
			break
		}
		a.Versions, a.Next = append(a.Versions, row), x.revision
	}
	return nil
}

// versionRow is more than what a version takes in a reply beside its state.
const versionRow = 96

// PlanStateRestore plans a state.restore: as the put or the clear of the state
// that was, and of the messages in which the thread differs from what it was.
func PlanStateRestore(v *View, q *ckpt.StateRestoreRequest, a *ckpt.StateRestoreReply, e *Entry) error {
	state, err := v.state(q.Revision)
	if err != nil {
		return err
	}
	a.UpdatedAt, a.Cleared = time.UnixMilli(v.now), !state.full()
	e.State = change{state.value, a.Cleared && v.details().state.full()}
	if !q.WithMessages {
		return nil
	}
	if err := v.restoreMessages(q.Revision, e); err != nil {
		return err
	}
	a.Put, a.Deleted = len(e.Messages), len(e.Delete)
	return nil
}

// restoreMessages plans that the messages and their metadata become those of a
// revision. The first messages that are the same stay; all behind them are
// deleted, and those that were there are put again.
func (v *View) restoreMessages(revision uint64, e *Entry) error {
	changes, err := v.past(revision)
	if err != nil {
		return err
	}
	now := v.details().metadata
	if metadata := metadataBefore(now, changes); !bytes.Equal(metadata, now) {
		e.Metadata, e.NoMeta = metadata, len(metadata) == 0
	}
	e.Delete, e.Messages = v.difference(changes)
	if n, limit := max(len(e.Delete), len(e.Messages)), v.store.opts.Limits.Batch; n > limit {
		return ckpt.Errorf(ckpt.TooLarge, "%d messages were put or deleted since revision %d, limit %d for one restore", n, revision, limit)
	}
	return nil
}

// difference returns which messages have to be deleted and which ones put then, to
// make the present messages those of before the changes.
func (v *View) difference(changes []undo) (gone []ckpt.MessageID, put []message) {
	if len(changes) == 0 {
		return nil, nil
	}
	was := v.thread.messages.Snapshot(&v.shard.heap)
	takeBack(&was, changes)
	then := slices.Collect(was.All())
	same, at := len(then), 0 // what did not change is the same memory, which is seen at once
	for body := range v.thread.messages.From(&v.shard.heap, 0) {
		if at < same && !bytes.Equal(body, then[at]) {
			same = at
		}
		if at >= same {
			id, _, _ := messages.IDOf(body)
			gone = append(gone, id)
		}
		at++
	}
	for _, body := range then[min(same, at):] {
		id, _, _ := messages.IDOf(body)
		put = append(put, message{id: id, body: body})
	}
	return gone, put
}
