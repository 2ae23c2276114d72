package journal

import (
	"errors"
	"sync"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/store"
)

// pending is a write that waits for its place in the journal.
type pending struct {
	*store.Write
	caller  Caller
	now     int64
	came    time.Time    // what waits for too long since then is not planned again: see begin
	entry   []byte       // encoded
	planned uint64       // the position that it was planned at
	sure    bool         // it was planned on a view that a barrier vouched for
	end     *store.Entry // what is written first: the end of one of its threads, which has expired; nil: nothing
	ahead   int          // how many of its threads have other writes under way
}

// pendings is memory that one write uses after the other. What is longest of it is
// the encoded entry.
var pendings = sync.Pool{New: func() any { return new(pending) }}

// free gives the memory of a write back that was answered.
func (p *pending) free() {
	entry := p.entry
	if cap(entry) > recordBytes {
		entry = nil
	}
	*p = pending{entry: entry}
	pendings.Put(p)
}

// record is a record that was sent and is not applied here yet.
type record struct {
	number   uint64
	planned  uint64 // as in [body]
	at       int64
	writes   []*pending
	barriers []func(error)
	after    func(applied []bool) // of entries that are no writes
	parts    [][]byte             // the messages
	sent     time.Time            // for the last time
	again    bool                 // it was sent more than once
}

// Commit carries out a write: it waits while another write to one of its threads is
// under way, since it would be planned on what is out of date by then.
func (j *JetStream) Commit(w *store.Write, now int64, caller Caller) {
	p := pendings.Get().(*pending)
	p.Write, p.caller, p.now, p.came = w, caller, now, time.Now()
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		caller.Done(store.Result{}, errClosed)
		return
	}
	for thread := range w.Threads {
		queue, busy := j.busy[thread]
		if busy {
			queue = append(queue, p)
			p.ahead++
		}
		j.busy[thread] = queue
	}
	free := p.ahead == 0
	j.mu.Unlock()
	if free {
		j.begin(p)
	}
}

var errClosed = ckpt.Errorf(ckpt.Unavailable, "the service is stopping")

// begin plans a write and lets its entry wait for the next record. Where there
// is no entry, the result may be of a view that is out of date: it counts when
// a barrier has been passed. Whoever sent the write may have sent it to another
// replica too when it takes long or this one was away, and the thread may have
// forgotten by now that it was done there: then nothing is written. Snapshots are
// nobody's, and of a large thread they take long.
func (j *JetStream) begin(p *pending) {
	view := j.view.Load()
	if view == nil {
		j.finish(p, store.Result{}, errAway)
		return
	}
	p.planned = j.applied.Load()
	p.now = max(p.now, j.clock.Load()) // the time of the records: what has expired by it is gone
	entry, a, err := j.plan(p)
	for errors.Is(err, store.ErrExpired) {
		if e, ok := j.store.Expiry(p.Write, p.now); ok {
			p.end = &e
			break
		}
		entry, a, err = j.plan(p) // another record has ended it meanwhile
	}
	var refusal *ckpt.Error
	switch {
	case entry, p.end != nil:
	case p.sure, errors.As(err, &refusal) && (refusal.Code == ckpt.InvalidArgument || refusal.Code == ckpt.TooLarge):
		j.finish(p, a, err)
		return
	default:
		p.Again()
		j.Barrier(func(err error) {
			if err != nil {
				j.finish(p, store.Result{}, err)
				return
			}
			p.sure = true
			j.begin(p)
		})
		return
	}
	if p.entry, err = p.effect().Append(p.entry[:0]); err != nil {
		j.finish(p, a, err)
		return
	}
	if _, own := p.caller.(written); !own && time.Since(p.came) > j.opts.Patience {
		j.finish(p, store.Result{}, errLate)
		return
	}
	j.mu.Lock()
	if j.view.Load() != view { // it was planned on what the store does not have any more
		j.mu.Unlock()
		j.finish(p, store.Result{}, errAway)
		return
	}
	j.waiting = append(j.waiting, p)
	j.mu.Unlock()
	j.rouse()
}

// effect is what the write's next record is to bring about.
func (p *pending) effect() *store.Entry {
	if p.end != nil {
		return p.end
	}
	return &p.Entry
}

// rouse has a goroutine of its own flush: what is planned until it runs shares
// the record.
func (j *JetStream) rouse() {
	select {
	case j.roused <- struct{}{}:
	default: // it is about to run
	}
}

// flusher flushes until the journal ends.
func (j *JetStream) flusher() {
	for {
		select {
		case <-j.roused:
			j.flush()
		case <-j.ctx.Done():
			return
		}
	}
}

var errLate = ckpt.Errorf(ckpt.Unavailable, "the write has waited for too long: try again")

func (j *JetStream) plan(p *pending) (entry bool, a store.Result, err error) {
	defer panicked(&err)
	return j.store.Plan(p.Write, p.now)
}

// finish tells the caller, and begins the next writes to the threads. All writes
// have their places in the queues of all their threads at one moment, so no two of
// them wait for one another.
func (j *JetStream) finish(p *pending, a store.Result, err error) {
	thread, group, caller := p.ThreadID, p.Group, p.caller
	p.free()
	caller.Done(a, err) // which may use the write again
	if next := j.next(thread); next != nil {
		j.begin(next)
	}
	for _, further := range group {
		if next := j.next(further.ThreadID); next != nil {
			j.begin(next)
		}
	}
}

// next takes a write off its thread's queue and returns the one behind it, where
// that has nothing else to wait for.
func (j *JetStream) next(thread string) *pending {
	j.mu.Lock()
	defer j.mu.Unlock()
	queue := j.busy[thread]
	if len(queue) == 0 {
		delete(j.busy, thread)
		return nil
	}
	next := queue[0]
	j.busy[thread] = queue[1:]
	if next.ahead--; next.ahead > 0 {
		return nil
	}
	return next
}

// Barrier calls then when this replica has applied a record that was sent after
// the call; those who wait at the same time share one.
func (j *JetStream) Barrier(then func(error)) {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		then(errClosed)
		return
	}
	j.barriers = append(j.barriers, then)
	j.mu.Unlock()
	j.rouse()
}
