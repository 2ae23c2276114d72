package journal

import (
	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/store"
)

// This file has the records that no single write of a client asks for.

// maxExpired bounds the threads that one sweep ends.
const maxExpired = 1000

// Sweep frees what has expired by the time of the records; where there are none,
// it writes one, so that time goes on.
func (j *JetStream) Sweep(now int64) {
	clock := j.clock.Load()
	j.store.Free(clock, j.applied.Load())
	if serving, _ := j.status.get(); !serving {
		return
	}
	expired, due := j.store.Expired(now, clock, maxExpired)
	for i := range expired {
		e := &expired[i]
		w := &store.Write{Own: true, Entry: store.Entry{Kind: e.Kind, WriteRef: e.WriteRef}}
		w.Plan = func(v *store.View, planned *store.Entry) error { return v.PlanExpiry(planned) }
		j.Commit(w, now, nobody{})
	}
	if due && len(expired) == 0 {
		j.Barrier(func(error) {})
	}
}

// nobody waits for a write of the journal's own.
type nobody struct{}

func (nobody) Done(store.Result, error) {}

// Release removes every thread, in one record; those that change meanwhile, in
// further ones.
func (j *JetStream) Release(requestID string, now int64, done func(ckpt.ReleaseReply, error)) {
	j.Barrier(func(err error) { // what was written before is to go too
		if err != nil {
			done(ckpt.ReleaseReply{}, err)
			return
		}
		j.release(requestID, now, ckpt.Removed{}, done)
	})
}

func (j *JetStream) release(requestID string, now int64, total ckpt.Removed, done func(ckpt.ReleaseReply, error)) {
	planned := j.applied.Load()
	entries, removed := j.store.Releases(requestID, now)
	if len(entries) == 0 {
		done(ckpt.ReleaseReply{Reply: ckpt.Reply{Revision: j.store.Revision()}, Removed: total}, nil)
		return
	}
	j.append(planned, entries, func(applied []bool) {
		if applied == nil {
			done(ckpt.ReleaseReply{}, errClosed)
			return
		}
		for i, ok := range applied {
			if ok {
				total.Add(removed[i])
			}
		}
		j.release(requestID, now, total, done)
	})
}

// append writes a record of entries that are no client's writes and were planned
// at a position, and calls after
// with which of them were applied; with nil where that is not known.
func (j *JetStream) append(planned uint64, list []store.Entry, after func(applied []bool)) {
	entries := make([][]byte, len(list))
	for i := range list {
		var err error
		if entries[i], err = list[i].Append(nil); err != nil {
			j.log.Error("an entry cannot be encoded", "thread", list[i].ThreadID, "err", err)
			after(nil)
			return
		}
	}
	r := &record{after: after}
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		after(nil)
		return
	}
	j.number(r, planned, entries)
	j.mu.Unlock()
	j.send(r)
}
