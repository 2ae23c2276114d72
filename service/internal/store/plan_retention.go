package store

import (
	"time"

	"github.com/ckptbus/ckpt"
)

// PlanThreadsRetain plans a threads.retain.
func PlanThreadsRetain(v *View, q *ckpt.ThreadsRetainRequest, a *ckpt.ThreadsRetainReply, e *Entry) error {
	if err := checkRetain(q, &v.store.opts.Limits); err != nil {
		return err
	}
	if v.thread == nil {
		return v.notFound("the thread holds nothing")
	}
	var r retention
	if old := v.details().retention; old != nil {
		r = *old
	}
	if q.TTL != nil {
		r.ttl, r.from = q.TTL.Milliseconds(), v.now
		if q.Sliding || r.ttl == 0 {
			r.from = 0
		}
	}
	if q.Pinned != nil {
		if r.pinned && !*q.Pinned && r.from != 0 {
			r.from = v.now
		}
		r.pinned = *q.Pinned
	}
	if q.KeepMessages != nil {
		r.keep, e.Latest = *q.KeepMessages, *q.KeepMessages
		if r.keep == 0 {
			r.keep = keepAll
		}
	}
	e.Retain = &r
	if at := r.deadline(v.now); at != 0 {
		a.ExpiresAt = time.UnixMilli(at)
	}
	return nil
}

func checkRetain(q *ckpt.ThreadsRetainRequest, limits *ckpt.Limits) error {
	switch {
	case q.TTL == nil && q.Pinned == nil && q.KeepMessages == nil:
		return ckpt.Errorf(ckpt.InvalidArgument, "nothing to set: give ttl_ms, pinned or keep_messages")
	case q.TTL != nil && (*q.TTL < 0 || q.TTL.Milliseconds() > limits.TTL):
		return ckpt.Errorf(ckpt.InvalidArgument, "ttl_ms %d: want 0, for ever, to %d, the limit ttl_ms", q.TTL.Milliseconds(), limits.TTL)
	case q.Sliding && (q.TTL == nil || *q.TTL == 0):
		return ckpt.Errorf(ckpt.InvalidArgument, "sliding is given without a lifetime: give ttl_ms too")
	case q.KeepMessages != nil:
		return checkKeep(*q.KeepMessages, limits)
	}
	return nil
}

func checkKeep(n int, limits *ckpt.Limits) error {
	if n < 0 || n > limits.Keep {
		return ckpt.Errorf(ckpt.InvalidArgument, "keep_messages %d: want 0 to %d, the limit keep_messages", n, limits.Keep)
	}
	return nil
}

// latest returns how many messages the thread is to have after a put; 0: all.
func (v *View) latest(asked int) (int, error) {
	if asked != 0 {
		return asked, checkKeep(asked, &v.store.opts.Limits)
	}
	if r := v.details().retention; r != nil && r.keep != 0 {
		return max(r.keep, 0), nil
	}
	return v.store.opts.Retention.KeepMessages, nil
}
