package store

import (
	"time"

	"github.com/ckptbus/ckpt"
)

// StateGet answers a state.get.
func (s *Store) StateGet(q *ckpt.StateGetRequest, now int64) (a ckpt.StateGetReply, err error) {
	err = s.read(&q.ThreadRef, now, func(v *View) error {
		if !v.details().state.full() {
			return v.notFound("the thread has no state")
		}
		a = v.reply(v.details().state)
		return nil
	})
	return a, err
}

// CacheGet answers a cache.get.
func (s *Store) CacheGet(q *ckpt.CacheGetRequest, now int64) (a ckpt.StateGetReply, err error) {
	err = s.read(&q.ThreadRef, now, func(v *View) error {
		d := v.details()
		cache := d.cacheAt(now)
		if !cache.full() {
			return v.notFound("the thread has no cached state, or it has expired")
		}
		a = v.reply(cache)
		if d.expires != 0 {
			a.ExpiresAt = time.UnixMilli(d.expires)
		}
		return nil
	})
	return a, err
}

func (v *View) reply(s slot) ckpt.StateGetReply {
	return ckpt.StateGetReply{Reply: v.stamp(), State: s.value, UpdatedAt: time.UnixMilli(s.at)}
}

func (v *View) stamp() ckpt.Reply { return ckpt.Reply{Revision: v.revision()} }

// MessagesGet answers a messages.get.
func (s *Store) MessagesGet(q *ckpt.MessagesGetRequest, now int64) (a ckpt.MessagesGetReply, err error) {
	err = s.read(&q.ThreadRef, now, func(v *View) error {
		if v.thread == nil {
			return v.noMessage(q.MessageID)
		}
		body, ok := v.thread.messages.Get(&v.shard.heap, q.MessageID)
		if !ok {
			return v.noMessage(q.MessageID)
		}
		a = ckpt.MessagesGetReply{Reply: v.stamp(), Message: body}
		return nil
	})
	return a, err
}

// ThreadsGet answers a threads.get.
func (s *Store) ThreadsGet(q *ckpt.ThreadsGetRequest, now int64) (a ckpt.ThreadsGetReply, err error) {
	err = s.read(&q.ThreadRef, now, func(v *View) error {
		if v.thread == nil {
			return v.notFound("the thread holds nothing")
		}
		a = ckpt.ThreadsGetReply{Reply: v.stamp(), Record: v.thread.info()}
		return nil
	})
	return a, err
}
