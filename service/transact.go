package service

import (
	"errors"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/store"
)

// commitThread carries out a threads.commit.
func commitThread(r *call[ckpt.ThreadsCommitRequest, ckpt.ThreadsCommitReply]) {
	ref := r.q.WriteRef
	if err := r.checkRecord(&r.q.Changes, &ref.ThreadRef); err != nil {
		r.fail(err)
		return
	}
	r.commitKnowing(ref)
}

// transact carries out a threads.transact: the first thread's write with those of
// the further ones as its group.
func transact(r *call[ckpt.ThreadsTransactRequest, ckpt.ThreadsTransactReply]) {
	writes, err := r.parts(&r.q, &r.a)
	if err != nil {
		r.fail(err)
		return
	}
	r.write.Group = writes[1:]
	ref := writes[0].WriteRef
	ref.After = r.q.After
	r.commitKnowing(ref)
}

// planTransact plans the first thread's part, when the further ones are planned:
// the answer has them all.
func planTransact(v *store.View, q *ckpt.ThreadsTransactRequest, a *ckpt.ThreadsTransactReply, e *store.Entry) error {
	return store.PlanPart(&q.Commits[0].Changes, &a.Commits[0])(v, e)
}

// parts returns a write for each thread of a transaction.
func (r *request) parts(q *ckpt.ThreadsTransactRequest, a *ckpt.ThreadsTransactReply) ([]*store.Write, error) {
	limit := r.store.Limits().Threads
	switch n := len(q.Commits); {
	case n == 0:
		return nil, ckpt.Errorf(ckpt.InvalidArgument, "field \"commits\": is empty, want 1 to %d", limit)
	case n > limit:
		return nil, ckpt.Errorf(ckpt.TooLarge, "%d threads in one transaction, limit %d: commit to fewer", n, limit)
	}
	a.Commits = make([]ckpt.Committed, len(q.Commits))
	writes := make([]*store.Write, len(q.Commits))
	seen := make(map[string]struct{}, len(q.Commits))
	for i := range q.Commits {
		c := &q.Commits[i]
		if _, again := seen[c.ThreadID]; again {
			return nil, ckpt.Errorf(ckpt.InvalidArgument, "commits[%d]: thread %q is there twice: put its changes into one", i, c.ThreadID)
		}
		seen[c.ThreadID] = struct{}{}
		ref := ckpt.WriteRef{
			ThreadRef: ckpt.ThreadRef{ThreadID: c.ThreadID, UserID: c.UserID},
			Terms:     ckpt.Terms{RequestID: q.RequestID, Expected: c.Expected, Lease: c.Lease},
		}
		if err := r.checkRecord(&c.Changes, &ref.ThreadRef); err != nil {
			return nil, err
		}
		writes[i] = &store.Write{
			Entry: store.Entry{Kind: r.op.Name, WriteRef: ref},
			Plan:  store.PlanPart(&c.Changes, &a.Commits[i]),
		}
	}
	return writes, nil
}

// checkRecord checks the record among the changes of a thread, if any: it must be
// that thread's, and may say whose it is.
func (r *request) checkRecord(c *ckpt.Changes, ref *ckpt.ThreadRef) error {
	if len(c.Record) == 0 {
		return nil
	}
	info, err := r.readRecord(c.Record)
	if err != nil {
		return err
	}
	if info.ThreadID != ref.ThreadID {
		return ckpt.Errorf(ckpt.InvalidArgument, "field \"thread\": is the record of thread %q, want that of %q", info.ThreadID, ref.ThreadID)
	}
	switch {
	case info.UserID == "" || info.UserID == ref.UserID:
	case ref.UserID == "":
		ref.UserID = info.UserID
	default:
		return ckpt.Errorf(ckpt.InvalidArgument, "field \"thread\": names user %q, and the request %q", info.UserID, ref.UserID)
	}
	return nil
}

// readRecord reads a thread's record. Its size is checked first, since it is the
// one thing of a request that is decoded.
func (r *request) readRecord(raw ckpt.Raw) (info ckpt.ThreadInfo, err error) {
	if limit := r.store.Limits().Metadata; len(raw) > limit {
		return info, ckpt.TooLargef(len(raw), limit, "the thread's record is over its limit")
	}
	if err := ckpt.Decode(raw, &info); err != nil {
		return info, ckpt.Errorf(ckpt.InvalidArgument, "field \"thread\": %v", errors.Unwrap(err))
	}
	return info, nil
}

// forkThread carries out a threads.fork: as a write to the new thread, with which
// that to the source goes, which must be as it was and stays so.
func forkThread(r *call[ckpt.ThreadsForkRequest, ckpt.ThreadsForkReply]) {
	q := &r.q
	if q.To == q.ThreadID {
		r.fail(ckpt.Errorf(ckpt.InvalidArgument, "field \"to\": is the thread that is forked: want the ID of a new one"))
		return
	}
	source := ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: q.ThreadID, UserID: q.UserID}, Terms: ckpt.Terms{Expected: q.Expected}}
	r.write.Group = []*store.Write{{Entry: store.Entry{Kind: r.op.Name, WriteRef: source}, Plan: store.PlanSource(q, &r.a)}}
	ref := q.WriteRef
	ref.ThreadID, ref.Expected = q.To, ckpt.Condition{}
	r.commitKnowing(ref)
}
