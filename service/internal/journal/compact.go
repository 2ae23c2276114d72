package journal

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ckptbus/ckpt/service/internal/store"
	"github.com/nats-io/nats.go"
)

// compactEvery is how often a replica looks whether the stream outweighs what is
// live, where it does not grow by half of the slack before; by chance up to as
// long more, so that replicas seldom do it together, which would do no harm.
const compactEvery = time.Second

// leaves reports whether another replica does the work: of several that compact at
// once, the one whose writer comes first goes on. One that ends is missed when
// nothing was seen of its work for as long as this one would have waited anyway.
func (j *JetStream) leaves() bool {
	return time.Since(time.Unix(0, j.compacted.Load())) < compactEvery
}

// compacts takes note of a snapshot that another replica has written.
func (j *JetStream) compacts(writer string) {
	if writer < j.writer {
		j.compacted.Store(time.Now().UnixNano())
	}
}

// snapshotBytes is how many bytes of snapshots share a record.
const snapshotBytes = 256 << 10

func (j *JetStream) compactNowAndThen() {
	for {
		select {
		case <-time.After(compactEvery + rand.N(compactEvery)):
		case <-j.grown:
		case <-j.ctx.Done():
			return
		}
		if serving, _ := j.status.get(); !serving {
			continue
		}
		if err := j.verify(j.ctx); err != nil {
			j.log.Debug("the journal was not verified", "stream", j.stream, "err", err)
			continue
		}
		if err := j.compact(j.ctx); err != nil && j.ctx.Err() == nil {
			j.log.Warn("the journal was not compacted", "stream", j.stream, "err", err)
		}
	}
}

// verify has the view built anew where somebody has cut off more of the stream
// than nothing needs: a replica that starts now would come to another one.
func (j *JetStream) verify(ctx context.Context) error {
	info, err := j.info(ctx)
	if err != nil {
		return err
	}
	// Who cut the head off knew no more than what the stream holds by now.
	known := make(chan error, 1)
	j.Await(info.State.LastSeq, func(err error) { known <- err })
	select {
	case err := <-known:
		if err != nil {
			return err
		}
	case <-ctx.Done():
		return ctx.Err()
	}
	j.store.Free(j.clock.Load(), j.applied.Load())
	if oldest := j.store.Oldest(info.State.LastSeq + 1); oldest < info.State.FirstSeq {
		err := fmt.Errorf("%w: its first record is %d, and %d is needed", errStale, info.State.FirstSeq, oldest)
		select {
		case j.stale <- err:
		default: // it is being built anew
		}
		return err
	}
	return nil
}

// compact copies forward while the stream holds more than twice what is live and
// the slack: it writes snapshots of the threads that need the oldest records,
// and cuts off the records that nothing needs any more.
func (j *JetStream) compact(ctx context.Context) error {
	for {
		info, err := j.info(ctx)
		if err != nil {
			return err
		}
		j.store.Gone(info.State.FirstSeq)
		live, slack := j.store.Live(), j.slack(info)
		excess := int64(info.State.Bytes) - 2*int64(live) - slack
		if excess <= 0 || j.leaves() {
			return nil
		}
		before := j.cut(ctx, info.State.FirstSeq)
		if before > info.State.FirstSeq {
			continue // that may have been enough
		}
		n, err := j.copyForward(ctx, int64(live)/4+slack/4)
		if err != nil {
			return err
		}
		if after := j.cut(ctx, info.State.FirstSeq); n == 0 || after <= info.State.FirstSeq {
			return nil // what is left is needed, or will not be soon
		}
		j.log.Debug("compacted", "stream", j.stream, "snapshots", n, "bytes", info.State.Bytes, "live", live)
	}
}

// slack returns what the stream may hold beside twice what is live: a small part of
// what it may hold at all, where that is bounded.
func (j *JetStream) slack(info *nats.StreamInfo) int64 {
	slack := j.opts.Slack
	if limit := info.Config.MaxBytes; limit > 0 {
		slack = min(slack, limit/8)
	}
	return slack
}

// cut removes the records that nothing needs from the head of the stream and
// returns which is the first that stays.
func (j *JetStream) cut(ctx context.Context, first uint64) uint64 {
	floor := j.keep()
	if floor <= first {
		return first
	}
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	if err := j.js.PurgeStream(j.stream, &nats.StreamPurgeRequest{Sequence: floor}, nats.Context(ctx)); err != nil {
		j.log.Debug("the stream's head was not cut off", "err", err)
		return first
	}
	return floor
}

// keep returns the oldest record that has to stay: for the sake of a thread, of a
// record that is not whole yet, or of the time.
func (j *JetStream) keep() uint64 {
	return j.store.Floor(min(j.applied.Load(), j.floor.Load(), j.latest.Load()))
}

// copyForward writes snapshots of the threads that need the oldest records, of
// about budget bytes in all, and returns of how many. They wait like other writes
// to their threads, and are made anew where those were faster: a thread that is
// never at rest would keep its records for ever otherwise.
func (j *JetStream) copyForward(ctx context.Context, budget int64) (n int, err error) {
	needs := j.store.Needs(j.applied.Load() + 1)
	for len(needs) > 0 && budget > 0 {
		var list []*store.Write
		size := 0
		for len(needs) > 0 && size < snapshotBytes {
			w := &store.Write{Own: true, Plan: func(v *store.View, e *store.Entry) error { return v.PlanSnapshot(e) }}
			w.ThreadID = needs[0].ThreadID
			list, size = append(list, w), size+j.store.Weight(w.ThreadID)
			needs = needs[1:]
		}
		done := make(written, len(list))
		for _, w := range list {
			j.Commit(w, j.now(), done)
		}
		for range list {
			select {
			case err = <-done:
			case <-ctx.Done():
				err = ctx.Err()
			}
			if err != nil {
				return n, err
			}
			n++
		}
		budget -= int64(size)
	}
	return n, nil
}

// grow counts what came to the stream, and has it compacted when that is much.
func (j *JetStream) grow(bytes int) {
	if j.came += int64(bytes); j.came < j.growth.Load() {
		return
	}
	j.came = 0
	select {
	case j.grown <- struct{}{}:
	default: // it is about to be compacted
	}
}

// written tells of writes that came to their end.
type written chan error

func (w written) Done(_ store.Result, err error) { w <- err }
