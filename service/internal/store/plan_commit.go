package store

import (
	"bytes"
	"time"

	"github.com/ckptbus/ckpt"
)

// PlanCommit plans a threads.commit, whose record was read before.
func PlanCommit(v *View, q *ckpt.ThreadsCommitRequest, a *ckpt.ThreadsCommitReply, e *Entry) error {
	return v.commit(&q.Changes, &a.Committed, e)
}

// PlanPart returns the plan of one thread's part of a transaction, which fills in
// what becomes of it.
func PlanPart(c *ckpt.Changes, a *ckpt.Committed) Plan {
	return func(v *View, e *Entry) error { return v.commit(c, a, e) }
}

// commit plans all changes of a thread as one entry.
func (v *View) commit(c *ckpt.Changes, a *ckpt.Committed, e *Entry) (err error) {
	*a = ckpt.Committed{UpdatedAt: time.UnixMilli(v.now)}
	switch {
	case c.ClearState && len(c.State) > 0:
		return ckpt.Errorf(ckpt.InvalidArgument, "state and clear_state: give one of the two")
	case c.ClearCache && len(c.Cache) > 0:
		return ckpt.Errorf(ckpt.InvalidArgument, "cache and clear_cache: give one of the two")
	case c.Keep != nil && len(c.State) == 0 && !c.ClearState:
		return ckpt.Errorf(ckpt.InvalidArgument, "keep begins with a change of the state: give state or clear_state with it")
	case c.CacheTTL != 0 && len(c.Cache) == 0:
		return ckpt.Errorf(ckpt.InvalidArgument, "cache_ttl_ms is of the cached state: give cache with it")
	}
	if e.Keep, err = v.kept(c.Keep); err != nil {
		return err
	}
	d := v.details()
	if len(c.State) > 0 {
		if e.State.value, err = v.shared(c.State, "state"); err != nil {
			return err
		}
	}
	e.State.remove = c.ClearState && d.state.full()
	if len(c.Cache) > 0 {
		if e.Cache.value, err = v.shared(c.Cache, "cached state"); err != nil {
			return err
		}
		if e.Expires, a.ExpiresAt, err = v.expiry(c.CacheTTL, "cache_ttl_ms"); err != nil {
			return err
		}
	}
	e.Cache.remove = c.ClearCache && d.cacheAt(v.now).full()
	if e.Delete, err = v.stored(c.Delete); err != nil {
		return err
	}
	a.Deleted = len(e.Delete)
	if e.Messages, a.MessageIDs, err = v.messages(c.Messages); err != nil {
		return err
	}
	if len(e.Messages) > 0 {
		e.Latest, _ = v.latest(0) // nothing is asked that could be refused
	}
	if e.Metadata, err = v.metadata(c.Metadata); err != nil {
		return err
	}
	e.Record = bytes.Clone(c.Record)
	return nil
}

// shared returns a value that the store may keep of a request that has more.
func (v *View) shared(raw ckpt.Raw, what string) (ckpt.Raw, error) {
	if err := v.fits(raw, what); err != nil {
		return nil, err
	}
	return bytes.Clone(raw), nil
}
