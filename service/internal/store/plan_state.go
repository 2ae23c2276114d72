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
	if err := v.fits(raw, what); err != nil {
		return nil, err
	}
	return own(raw), nil
}

func (v *View) fits(raw ckpt.Raw, what string) error {
	if limit := v.store.opts.Limits.Value; len(raw) > limit {
		return ckpt.TooLargef(len(raw), limit, "the %s is over the limit of a value", what)
	}
	return nil
}

// PlanStatePut plans a state.put.
func PlanStatePut(v *View, q *ckpt.StatePutRequest, a *ckpt.StatePutReply, e *Entry) (err error) {
	if e.Keep, err = v.kept(q.Keep); err != nil {
		return err
	}
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
	a.UpdatedAt = time.UnixMilli(v.now)
	if e.Expires, a.ExpiresAt, err = v.expiry(q.TTL, "ttl_ms"); err != nil {
		return err
	}
	e.Cache.value, err = v.value(q.State, "state")
	return err
}

// expiry returns when a cached state expires that is put now; 0 and the zero time
// of one that never does.
func (v *View) expiry(ttl time.Duration, field string) (millis int64, at time.Time, err error) {
	switch {
	case ttl < 0 || ttl > ckpt.MaxTTL:
		return 0, at, ckpt.Errorf(ckpt.InvalidArgument, "%s %d: want 0, for never, to %d", field, ttl.Milliseconds(), ckpt.MaxTTL.Milliseconds())
	case ttl == 0:
		return 0, at, nil
	}
	millis = v.now + ttl.Milliseconds()
	return millis, time.UnixMilli(millis), nil
}

// PlanCacheClear plans a cache.clear.
func PlanCacheClear(v *View, _ *ckpt.CacheClearRequest, a *ckpt.ClearReply, e *Entry) error {
	a.Cleared = v.details().cacheAt(v.now).full()
	e.Cache.remove = a.Cleared
	return nil
}
