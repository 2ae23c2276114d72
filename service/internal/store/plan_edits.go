package store

import (
	"slices"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/messages"
)

// PlanMessagesDelete plans a messages.delete.
func PlanMessagesDelete(v *View, q *ckpt.MessagesDeleteRequest, a *ckpt.MessagesDeleteReply, e *Entry) (err error) {
	one := !q.MessageID.IsZero()
	if one == (len(q.MessageIDs) > 0) {
		return ckpt.Errorf(ckpt.InvalidArgument, "message_id and message_ids: give one of the two")
	}
	ids := q.MessageIDs
	if one {
		ids = []ckpt.MessageID{q.MessageID}
	}
	if e.Delete, err = v.stored(ids); err != nil {
		return err
	}
	if a.Deleted = len(e.Delete); a.Deleted == 0 && one {
		return v.noMessage(q.MessageID)
	} else if a.Deleted == 0 {
		return v.notFound("the thread has none of the %d messages", len(ids))
	}
	return nil
}

// stored returns those of the IDs that the thread has messages with, each once.
func (v *View) stored(ids []ckpt.MessageID) (list []ckpt.MessageID, err error) {
	if limit := v.store.opts.Limits.Batch; len(ids) > limit {
		return nil, ckpt.Errorf(ckpt.TooLarge, "%d messages in one removal, limit %d: remove them in several", len(ids), limit)
	}
	if v.thread == nil {
		return nil, nil
	}
	seen := make(map[ckpt.MessageID]struct{}, len(ids))
	for _, id := range ids {
		if _, again := seen[id]; again {
			continue
		}
		seen[id] = struct{}{}
		if v.hasMessage(id) {
			list = append(list, id)
		}
	}
	return list, nil
}

func (v *View) hasMessage(id ckpt.MessageID) bool {
	if v.thread == nil {
		return false
	}
	_, ok := v.thread.messages.Get(&v.shard.heap, id)
	return ok
}

func (v *View) noMessage(id ckpt.MessageID) error {
	return v.notFound("the thread has no message %q", id)
}

// PlanMessagesReplace plans a messages.replace.
func PlanMessagesReplace(v *View, q *ckpt.MessagesReplaceRequest, _ *ckpt.MessagesReplaceReply, e *Entry) error {
	if _, found, err := messages.IDOf(q.Message); err == nil && !found {
		return ckpt.Errorf(ckpt.InvalidArgument, "field \"message\": has no message_id: name the message to replace")
	}
	list, ids, err := v.messages([]ckpt.Raw{q.Message})
	if err != nil {
		return err
	}
	if !v.hasMessage(ids[0]) {
		return v.noMessage(ids[0])
	}
	list[0].keep = true
	e.Messages = list
	return nil
}

// PlanMessagesTruncate plans a messages.truncate.
func PlanMessagesTruncate(v *View, q *ckpt.MessagesTruncateRequest, a *ckpt.MessagesDeleteReply, e *Entry) error {
	if !v.hasMessage(q.MessageID) {
		return v.noMessage(q.MessageID)
	}
	for id := range v.backwards {
		if id == q.MessageID {
			break
		}
		e.Delete = append(e.Delete, id)
	}
	slices.Reverse(e.Delete)
	a.Deleted = len(e.Delete)
	return nil
}

// PlanMessagesPop plans a messages.pop.
func PlanMessagesPop(v *View, q *ckpt.MessagesPopRequest, a *ckpt.MessagesPopReply, e *Entry) error {
	limits := v.store.opts.Limits
	if q.Count < 1 {
		return ckpt.Errorf(ckpt.InvalidArgument, "count %d: want 1 or more", q.Count)
	}
	if q.Count > limits.Batch {
		return ckpt.Errorf(ckpt.TooLarge, "count %d, limit %d: remove them in several", q.Count, limits.Batch)
	}
	size := 0
	for id, body := range v.backwards {
		if len(e.Delete) == q.Count {
			break
		}
		if size += len(body); size > limits.Page && len(e.Delete) > 0 { // one alone goes in parts
			return ckpt.TooLargef(size, limits.Page, "the reply with %d of the messages does not fit the bus: pop fewer", len(e.Delete)+1)
		}
		e.Delete, a.Messages = append(e.Delete, id), append(a.Messages, body)
	}
	slices.Reverse(e.Delete)
	slices.Reverse(a.Messages)
	return nil
}

// backwards calls yield with the thread's messages and their IDs, the last first.
func (v *View) backwards(yield func(id ckpt.MessageID, body ckpt.Raw) bool) {
	if v.thread == nil {
		return
	}
	for body := range v.thread.messages.Backward(&v.shard.heap) {
		id, _, _ := messages.IDOf(body) // it was an ID when it was put
		if !yield(id, body) {
			return
		}
	}
}
