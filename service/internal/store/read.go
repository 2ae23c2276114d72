package store

import (
	"time"

	"github.com/ckptbus/ckpt"
)

// StateGet answers a state.get.
func (s *Store) StateGet(q *ckpt.StateGetRequest, a *ckpt.StateGetReply, now int64) error {
	v, err := s.open(&q.ThreadRef, now)
	if err != nil {
		return err
	}
	defer v.close()
	state := v.details().state
	if q.AtRevision != 0 {
		if state, err = v.state(q.AtRevision); err != nil {
			return err
		}
	}
	if !state.full() {
		return v.notFound("the thread has no state")
	}
	v.reply(a, state)
	return nil
}

// StateMany answers a state.many: each thread as it is at its own moment.
func (s *Store) StateMany(q *ckpt.StateManyRequest, a *ckpt.StateManyReply, now int64) error {
	if limit := s.opts.Limits.Threads; len(q.ThreadIDs) > limit {
		return ckpt.Errorf(ckpt.TooLarge, "%d threads in one request, limit %d: ask for fewer", len(q.ThreadIDs), limit)
	}
	a.Reply = ckpt.Reply{Revision: s.Revision()}
	room := s.opts.Limits.Page
	for i, id := range q.ThreadIDs {
		var one ckpt.StateGetReply
		err := s.StateGet(&ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{ThreadID: id, UserID: q.UserID}}}, &one, now)
		if err != nil {
			continue // it has none, or none for this user
		}
		if room -= len(one.State) + len(id) + stateBytes; room < 0 && i > 0 {
			a.Next = i
			break
		}
		a.States = append(a.States, ckpt.ThreadState{ThreadID: id, Revision: one.Revision, UpdatedAt: one.UpdatedAt, State: one.State})
	}
	return nil
}

// stateBytes is more than what stands around a state in a reply with many.
const stateBytes = 96

// CacheGet answers a cache.get.
func (s *Store) CacheGet(q *ckpt.CacheGetRequest, a *ckpt.StateGetReply, now int64) error {
	v, err := s.open(&q.ThreadRef, now)
	if err != nil {
		return err
	}
	defer v.close()
	d := v.details()
	cache := d.cacheAt(now)
	if !cache.full() {
		return v.notFound("the thread has no cached state, or it has expired")
	}
	v.reply(a, cache)
	if d.expires != 0 {
		a.ExpiresAt = time.UnixMilli(d.expires)
	}
	return nil
}

func (v *View) reply(a *ckpt.StateGetReply, s slot) {
	a.Reply, a.State, a.UpdatedAt = v.stamp(), s.value, time.UnixMilli(s.at)
}

func (v *View) stamp() ckpt.Reply { return ckpt.Reply{Revision: v.revision()} }

// MessagesGet answers a messages.get.
func (s *Store) MessagesGet(q *ckpt.MessagesGetRequest, a *ckpt.MessagesGetReply, now int64) error {
	v, err := s.open(&q.ThreadRef, now)
	if err != nil {
		return err
	}
	defer v.close()
	if q.AtRevision != 0 || v.details().history.keeps() {
		return v.messageAt(q, a)
	}
	if v.thread == nil {
		return v.noMessage(q.MessageID)
	}
	body, ok := v.thread.messages.Get(&v.shard.heap, q.MessageID)
	if !ok {
		return v.noMessage(q.MessageID)
	}
	a.Reply, a.Message = v.stamp(), body
	return nil
}

// ThreadsGet answers a threads.get.
func (s *Store) ThreadsGet(q *ckpt.ThreadsGetRequest, a *ckpt.ThreadsGetReply, now int64) error {
	v, err := s.open(&q.ThreadRef, now)
	if err != nil {
		return err
	}
	defer v.close()
	if v.thread == nil {
		return v.notFound("the thread holds nothing")
	}
	a.Reply, a.Record = v.stamp(), v.thread.info()
	return nil
}
