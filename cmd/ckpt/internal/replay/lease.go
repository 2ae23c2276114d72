package replay

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/google/uuid"
	"github.com/vmihailenco/msgpack/v5"
)

// errLeft says that a worker has left a conversation in the midst, since it died or
// lost the lease: another is to take it over.
var errLeft = errors.New("the worker has left the conversation")

// newWorker returns a name that no other worker has.
func newWorker() string { return "worker-" + uuid.NewString() }

// A worker that wants a lease looks again whether it is free after a quarter of what
// is left of it, so that it sees it renewed, but no sooner and no later than this.
const (
	minWait = 10 * time.Millisecond
	maxWait = 500 * time.Millisecond
)

// hold takes the lease of a thread and waits for it where another worker has it. It
// reports whether it has waited for another's, and whether that ran out, because that
// worker died.
func (r *Run) hold(ctx context.Context, f *figures, t *played, worker string) (l *client.Lease, waited, ranOut bool, err error) {
	var expires time.Time // of the lease that was in the way
	for {
		start := time.Now()
		l, err := r.client.HoldLease(ctx, t.thread, worker, r.o.Lease, t.user())
		var e *ckpt.Error
		if !errors.As(err, &e) || e.Code != ckpt.Conflict {
			f.count(ckpt.LeasesAcquire.OpInfo, start, err)
			return l, waited, !expires.IsZero() && !time.Now().Before(expires), err
		}
		waited = true
		switch held, err := r.client.GetLease(ctx, t.thread, t.user()); {
		case err == nil:
			expires = held.ExpiresAt
		case !errors.Is(err, ckpt.ErrNotFound): // else it is free now
			return nil, false, false, err
		}
		select {
		case <-time.After(min(max(time.Until(expires)/4, minWait), maxWait)):
		case <-ctx.Done():
			return nil, false, false, context.Cause(ctx)
		}
	}
}

// resume sets the state to what the worker before has left in the cache, where that
// is the beginning of the conversation.
func (r *Run) resume(ctx context.Context, f *figures, t *played, state *ckpt.AgentState) error {
	got, err := timed(f, ckpt.CacheGet.OpInfo, func() (client.Stored[ckpt.Raw], error) {
		return r.client.GetStateCache(ctx, t.thread, t.user(), client.Linearizable(true))
	})
	if errors.Is(err, ckpt.ErrNotFound) {
		f.forgive()
		return nil
	}
	if err != nil {
		return err
	}
	var left ckpt.AgentState
	if msgpack.Unmarshal(got.Value, &left) != nil || len(left.Context) > len(t.messages) {
		return nil
	}
	for i := range left.Context {
		if b, err := ckpt.Append(nil, &left.Context[i]); err != nil || !bytes.Equal(b, t.messages[i]) {
			return nil
		}
	}
	*state, t.cache = left, got.Value
	return nil
}

// lost reports whether the error is that of a lease which is lost.
func lost(l *client.Lease, err error) bool {
	var e *ckpt.Error
	return errors.Is(context.Cause(l.Context()), client.ErrLeaseLost) || errors.As(err, &e) && e.Code == ckpt.Conflict
}
