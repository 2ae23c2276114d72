package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ckptbus/ckpt"
)

// run follows the stream until the journal ends. The library's own ordered
// consumer would do, but for its patience: it stalls for ten seconds when a
// server stops.
func (j *JetStream) run() {
	defer j.serve(false, "the journal is closed")
	lost := time.Now()
	for j.ctx.Err() == nil {
		err := j.follow(j.untilGrace(lost), func() { lost = time.Now() })
		if j.ctx.Err() != nil {
			return
		}
		j.log.Debug("following the stream anew", "stream", j.stream, "err", err)
		if errors.Is(err, errStale) {
			j.rebuild(j.storeID(), err)
		}
		if silent := time.Since(lost); silent >= j.opts.Grace {
			j.serve(false, fmt.Sprintf("the journal's stream %s cannot be followed: %v", j.stream, err))
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-j.ctx.Done():
		}
	}
}

// untilGrace is how long an attempt to follow may wait for JetStream: a replica that
// serves must have left the queue group when its grace is over.
func (j *JetStream) untilGrace(lost time.Time) time.Duration {
	if left := time.Until(lost.Add(j.opts.Grace)); left > 0 && j.view.Load() != nil {
		return min(left, opTimeout)
	}
	return opTimeout
}

// serve tells of a change of whether the replica serves. One that does not any
// more lets go of those who wait for a revision: another replica may have it.
func (j *JetStream) serve(serving bool, reason string) {
	if !j.status.set(serving, reason) {
		return
	}
	var view *View
	var waiting []func(error)
	j.mu.Lock()
	if serving {
		view = &View{StoreID: j.storeID()}
	} else {
		waiting = j.waiters.take(^uint64(0))
	}
	j.view.Store(view)
	j.mu.Unlock()
	for _, then := range waiting {
		then(errAway)
	}
	j.opts.Serving(serving, reason)
}

// errAway is the answer of a replica that does not serve.
var errAway = ckpt.Errorf(ckpt.Unavailable, "this replica does not follow the journal now: try again")

// rebuild drops what the store has, since it is not what the stream of the store
// with the ID holds. What is under way was planned on it, and ends.
func (j *JetStream) rebuild(id string, why error) {
	j.serve(false, why.Error())
	j.log.Warn("building the view anew", "stream", j.stream, "why", why)
	j.mu.Lock()
	j.id.Store(&id)
	left := j.takeAll()
	j.mu.Unlock()
	j.store.Reset()
	clear(j.assembly)
	j.applied.Store(0)
	j.known.Store(0)
	j.clock.Store(0)
	j.latest.Store(0)
	j.floor.Store(0)
	for _, r := range left {
		j.fail(r, errAway)
	}
}

// follow opens a consumer behind what is applied and applies what it brings,
// until it cannot. It calls heard whenever the stream gives a sign of life to a
// replica that has caught up.
func (j *JetStream) follow(wait time.Duration, heard func()) error {
	ctx, cancel := context.WithTimeout(j.ctx, wait)
	defer cancel()
	info, err := j.info(ctx)
	if err != nil {
		return err
	}
	id, err := j.check(info)
	if err != nil {
		return err
	}
	j.growth.Store(j.slack(info) / 2)
	state := &info.State
	switch applied := j.applied.Load(); {
	case id != j.storeID():
		j.rebuild(id, fmt.Errorf("%w: the stream was replaced", errStale))
	case state.LastSeq < applied:
		return fmt.Errorf("%w: its last record is %d, and %d was applied", errStale, state.LastSeq, applied)
	case applied > 0 && state.FirstSeq > applied+1:
		return fmt.Errorf("%w: its first record is %d, and %d was applied", errStale, state.FirstSeq, applied)
	}
	if j.applied.Load() == 0 {
		first := max(state.FirstSeq, 1)
		j.opts.Begun(first-1, state.FirstTime)
		j.applied.Store(first - 1)
	}
	c, err := j.consume(ctx, info)
	if err != nil {
		return err
	}
	defer c.close()
	j.raiseKnown(state.LastSeq)
	c.caughtUp()
	last := time.Now()
	tick := time.NewTicker(j.opts.Heartbeat / 4)
	defer tick.Stop()
	for {
		select {
		case at := <-c.heard:
			if last = at; c.ready.Load() { // otherwise it may come to the same record again and again
				heard()
			}
		case <-tick.C:
			if time.Since(last) > 2*j.opts.Heartbeat+j.opts.Heartbeat/2 {
				return errors.New("its heartbeat is missing")
			}
			j.resend()
		case err := <-c.over:
			return err
		case err := <-j.stale:
			return err
		case <-j.ctx.Done():
			return j.ctx.Err()
		}
	}
}

func (j *JetStream) raiseKnown(n uint64) {
	for old := j.known.Load(); old < n && !j.known.CompareAndSwap(old, n); old = j.known.Load() {
	}
}
