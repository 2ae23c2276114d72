package replay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
)

// Options say how conversations are played. The zero value plays them one
// after another, into threads -1, -2 and so on.
type Options struct {
	Workers int    // how many conversations are played at once; below 1 means 1
	Threads string // what the thread IDs begin with; a dash and the conversation's number follow
	// Lease is for how long a worker takes a thread, and renews it; 0 means
	// [DefaultLease]. Where the worker dies, another waits for as long.
	Lease time.Duration
	// Dies is the number of a conversation, from 1, whose worker dies when it has
	// played the first step, to show how another takes over; 0 means none.
	Dies int
	// Progress, if it is not nil, is called by many goroutines with the
	// messages that were played, and again with those that were read back.
	Progress func(messages int)
}

// DefaultLease is long enough for a service that is restarted meanwhile.
const DefaultLease = 10 * time.Second

// Run is a replay: [Start] makes one, [Run.Play] sends, [Run.Verify] reads
// back, [Run.Report] tells what came of both.
type Run struct {
	client *client.Client[ckpt.Raw]
	o      Options
	store  ckpt.SetupReply
	all    []*played

	play, verify phase

	mu        sync.Mutex
	next      int       // of all, which a worker takes next
	left      []*played // which their workers have left in the midst
	takenOver int       // from workers that died or lost their lease
	failures  []string
}

// phase is what the workers of one pass over all conversations counted.
type phase struct {
	figures
	took time.Duration
}

// Start prepares a replay of the conversations and asks the service who it is.
// The error is that of a service which is not there or speaks another protocol.
func Start(ctx context.Context, c *client.Client[ckpt.Raw], list []Conversation, o Options) (*Run, error) {
	o.Workers = max(o.Workers, 1)
	if o.Lease == 0 {
		o.Lease = DefaultLease
	}
	if o.Progress == nil {
		o.Progress = func(int) {}
	}
	store, err := c.Setup(ctx)
	if err != nil {
		return nil, err
	}
	r := &Run{client: c, o: o, store: store}
	for i := range list {
		t, err := newPlayed(&list[i], fmt.Sprintf("%s-%d", o.Threads, i+1))
		if err != nil {
			return nil, fmt.Errorf("%s, conversation %d: %w", list[i].Source, list[i].Number, err)
		}
		t.dies = i+1 == o.Dies
		r.all = append(r.all, t)
	}
	return r, nil
}

// Play plays all conversations. A request that fails ends its conversation,
// and the replay where nobody answers any more or ctx ends; only that is an
// error here, the rest stands in the report.
func (r *Run) Play(ctx context.Context) error {
	return r.each(ctx, &r.play, r.playOne)
}

// Verify reads back the conversations that were played and compares. Where it is
// called again, as to read through another replica, the report tells of the last.
func (r *Run) Verify(ctx context.Context) error {
	return r.each(ctx, &r.verify, r.verifyOne)
}

// each lets the workers do their part with every conversation.
func (r *Run) each(ctx context.Context, p *phase, do func(ctx context.Context, f *figures, t *played, worker string) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var workers sync.WaitGroup
	*p = phase{figures: *newFigures()}
	r.next = 0
	start := time.Now()
	for range r.o.Workers {
		workers.Go(func() {
			f, worker := newFigures(), newWorker()
			for t := r.take(); t != nil && ctx.Err() == nil; t = r.take() {
				if t.failed {
					continue
				}
				one := newFigures()
				err := do(ctx, one, t, worker)
				if errors.Is(err, errLeft) {
					one.forgive()
					r.leave(t)
					worker = newWorker() // takes its place
					err = nil
				}
				f.merge(one)
				if t.failed = err != nil; t.failed && ctx.Err() == nil {
					r.note(t, "%v", err)
				}
				if errors.Is(err, ckpt.ErrUnavailable) || errors.Is(err, ckpt.ErrUnknown) {
					cancel(fmt.Errorf("given up: %w", err))
				}
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			p.merge(f)
		})
	}
	workers.Wait()
	p.took = time.Since(start)
	return context.Cause(ctx)
}

// take returns the next conversation that a worker has to do, one that another
// has left where there is no new one, and nil where there is none.
func (r *Run) take() *played {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next < len(r.all) {
		r.next++
		return r.all[r.next-1]
	}
	if len(r.left) == 0 {
		return nil
	}
	t := r.left[0]
	r.left = r.left[1:]
	return t
}

func (r *Run) leave(t *played) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t.left = true
	r.left = append(r.left, t)
}

func (r *Run) tookOver() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.takenOver++
}

// note keeps what went wrong with a conversation, the first of it at least.
func (r *Run) note(t *played, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.failures) < maxFailures {
		r.failures = append(r.failures, fmt.Sprintf("%s, conversation %d (thread %s): ", t.Source, t.Number, t.thread)+fmt.Sprintf(format, args...))
	}
}
