package store

import (
	"bytes"
	"time"

	"github.com/ckptbus/ckpt"
)

// keepBytes is the size from which a value keeps the request's own buffer. A
// smaller one is copied, which costs nothing that shows; of a larger one the
// copy costs up to a quarter of the throughput. What it costs to keep the
// buffer is memory: the IDs around the value, and the allocator's next size
// class, up to a fifth of the value at 4 KiB and less above.
const keepBytes = 2 << 10

// own returns a value that the store may keep of a request that was its value
// and little else.
func own(v ckpt.Raw) ckpt.Raw {
	if len(v) >= keepBytes {
		return v
	}
	return bytes.Clone(v)
}

func (v *View) value(raw ckpt.Raw, what string) (ckpt.Raw, error) {
	if limit := v.store.opts.Limits.Value; len(raw) > limit {
		return nil, ckpt.TooLargef(len(raw), limit, "the %s is over the limit of a value", what)
	}
	return own(raw), nil
}

// PlanStatePut plans a state.put.
func PlanStatePut(v *View, q *ckpt.StatePutRequest, a *ckpt.StatePutReply, e *Entry) (err error) {
	a.UpdatedAt = time.UnixMilli(v.now)
	e.State.value, err = v.value(q.State, "state")
	return err
}

// PlanStateClear plans a state.clear.
func PlanStateClear(v *View, q *ckpt.StateClearRequest, a *ckpt.ClearReply, e *Entry) error {
	d := v.details()
	e.State.remove = d.state.full()
	if !q.KeepCache {
		e.Cache.remove = d.cacheAt(v.now).full()
	}
	a.Cleared = e.State.remove || e.Cache.remove
	return nil
}

// PlanCachePut plans a cache.put.
func PlanCachePut(v *View, q *ckpt.CachePutRequest, a *ckpt.CachePutReply, e *Entry) (err error) {
	if q.TTL < 0 || q.TTL > ckpt.MaxTTL {
		return ckpt.Errorf(ckpt.InvalidArgument, "ttl_ms %d: want 0, for never, to %d", q.TTL.Milliseconds(), ckpt.MaxTTL.Milliseconds())
	}
	a.UpdatedAt = time.UnixMilli(v.now)
	if q.TTL > 0 {
		e.Expires = v.now + q.TTL.Milliseconds()
		a.ExpiresAt = time.UnixMilli(e.Expires)
	}
	e.Cache.value, err = v.value(q.State, "state")
	return err
}

// PlanCacheClear plans a cache.clear.
func PlanCacheClear(v *View, _ *ckpt.CacheClearRequest, a *ckpt.ClearReply, e *Entry) error {
	a.Cleared = v.details().cacheAt(v.now).full()
	e.Cache.remove = a.Cleared
	return nil
}
