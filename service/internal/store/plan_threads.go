package store

import (
	"bytes"

	"github.com/ckptbus/ckpt"
)

// PlanThreadsPut plans a threads.put of a record that was read before.
func PlanThreadsPut(_ *View, q *ckpt.ThreadsPutRequest, _ *ckpt.ThreadsPutReply, e *Entry) error {
	e.Record = bytes.Clone(q.Record)
	return nil
}

// PlanThreadsClean plans a threads.clean.
func PlanThreadsClean(v *View, q *ckpt.ThreadsCleanRequest, a *ckpt.ThreadsCleanReply, e *Entry) error {
	switch {
	case v.thread == nil:
	case q.RecordOnly:
		e.NoRecord = v.details().record != nil
		a.Removed = ckpt.Removed{Records: one(e.NoRecord), Threads: one(e.NoRecord && !v.thread.holdsData(v.now))}
	default:
		e.NoThread = true
		a.Removed = v.count()
	}
	a.Cleaned = e.NoRecord || e.NoThread
	return nil
}

// count returns what a clean of the thread removes.
func (v *View) count() ckpt.Removed {
	d := v.details()
	return ckpt.Removed{
		Threads:  1,
		States:   one(d.state.full()),
		Caches:   one(d.cacheAt(v.now).full()),
		Messages: v.thread.messages.Len(),
		Records:  one(d.record != nil),
	}
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}
