package journal

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ckptbus/ckpt/service/internal/store"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
)

// Options of a JetStream journal.
type Options struct {
	Prefix   string // the store's subject prefix
	Replicas int    // servers that keep the stream; 0: as it is, or one where there is none yet
	Memory   bool   // the stream is in memory only
	MaxBytes int64  // what the stream may hold, where this journal creates it; 0: no limit

	// UnderWay is how many records may be under way at once. Where each is
	// written to disk at once, one is best: what waits meanwhile shares the
	// next. 0 means 4.
	UnderWay int
	// Patience is how long a record may take before it is sent again. 0 means 1 s.
	Patience time.Duration
	// Heartbeat is how often a silent stream tells that it is there. A replica
	// that misses two follows anew. 0 means 500 ms.
	Heartbeat time.Duration
	// Grace is how long a replica that hears nothing of the stream still serves.
	// 0 means 2 s.
	Grace time.Duration
	// Slack is how many bytes the stream may hold beside twice what is live; at most
	// an eighth of what it may hold at all. 0 means 32 MiB: with less, a store that
	// is small and written often would be compacted all the time.
	Slack int64
	// Window is how many records a plan may be behind the record that brings it:
	// the same for all replicas. 0 means [Window].
	Window uint64

	Now func() time.Time
	Log *slog.Logger
	// Applied is told of each change in the order of the stream, and whether this
	// replica wrote its record.
	Applied func(storeID string, c store.Change, mine bool)
	// Begun is told where a view begins: of the changes up to the revision, which
	// were made before the time, nothing will be told; and what was told before is
	// of another view.
	Begun func(revision uint64, before time.Time)
	// Serving is called when the store follows the stream and when it does not
	// any more, with the reason; never twice at once.
	Serving func(serving bool, reason string)
}

// Window is how many records a plan may be behind the record that brings it. A
// replica that is so far behind plans in vain, and one record follows another
// within less than a millisecond. Each part of a large record counts, and some
// large ones of each replica may be on their way at once.
const Window = 4096

// firstWindow is what it was when records were of version 1.
const firstWindow = 1024

// JetStream is the journal of a replica: its changes are those of all replicas,
// in the order of a stream.
type JetStream struct {
	opts    Options
	nc      *nats.Conn
	js      nats.JetStreamContext
	store   *store.Store
	log     *slog.Logger
	stream  string
	subject string
	writer  string
	acks    *acks

	id      atomic.Pointer[string] // of the store
	applied atomic.Uint64          // the stream's sequence up to which the store knows all
	clock   atomic.Int64           // the latest time of a record
	latest  atomic.Uint64          // the record with that time
	floor   atomic.Uint64          // what records that are not whole yet need
	known   atomic.Uint64          // the last sequence that the stream is known to hold
	view    atomic.Pointer[View]   // nil: the replica does not serve; the lock guards its change

	mu       sync.Mutex
	closed   bool
	last     uint64                // the number of the latest record
	underWay map[uint64]*record    // by number
	ours     int                   // of these, those that count against Options.UnderWay
	waiting  []*pending            // for a record
	gather   gather                // what the next record waits for
	entries  [][]byte              // memory for those of the next record
	spare    [][]byte              // memory for the next records
	barriers []func(error)         // for a record
	busy     map[string][]*pending // by thread, what waits for the write under way
	waiters  waiters
	troubled bool          // the stream has refused a record, and taken none since
	roused   chan struct{} // something waits to be flushed

	assembly assembly // outlives a consumer: the next one goes on where it ended

	came      int64         // bytes of the stream since it was looked whether to compact; the follower's own
	growth    atomic.Int64  // how many are much
	grown     chan struct{} // that is much
	compacted atomic.Int64  // when another replica did, before which this one stands back; in nanoseconds since 1970

	stale  chan error // ends a view that lacks what it needs
	status statusBox
	ctx    context.Context // of the journal's own work
	end    context.CancelFunc
	done   sync.WaitGroup
}

// OpenJetStream opens the journal of an empty store, and its stream, which it
// creates where there is none. It returns at once; Options.Serving tells when
// the store knows all that the stream holds.
func OpenJetStream(ctx context.Context, nc *nats.Conn, s *store.Store, o Options) (*JetStream, error) {
	o = o.withDefaults()
	js, err := nc.JetStream()
	if err != nil {
		return nil, err
	}
	j := &JetStream{
		opts: o, nc: nc, js: js, store: s, log: o.Log,
		stream: StreamName(o.Prefix), subject: o.Prefix + ".log", writer: nuid.Next(),
		underWay: make(map[uint64]*record), busy: make(map[string][]*pending), roused: make(chan struct{}, 1),
		assembly: assembly{}, grown: make(chan struct{}, 1), stale: make(chan error, 1),
	}
	j.ctx, j.end = context.WithCancel(context.Background())
	id, err := j.open(ctx)
	if err != nil {
		j.end()
		return nil, err
	}
	j.id.Store(&id)
	j.status.set(false, "it has not read the journal yet")
	if j.acks, err = listenForAcks(j); err != nil {
		j.end()
		return nil, err
	}
	j.done.Go(j.run)
	j.done.Go(j.flusher)
	j.done.Go(j.compactNowAndThen)
	return j, nil
}

func (o Options) withDefaults() Options {
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	set(&o.Patience, time.Second) // half of the time that a client gives its first attempt
	set(&o.Heartbeat, 500*time.Millisecond)
	set(&o.Grace, 2*time.Second)
	if o.UnderWay == 0 {
		o.UnderWay = 4
	}
	if o.Window == 0 {
		o.Window = Window
	}
	if o.Slack == 0 {
		o.Slack = 32 << 20
	}
	return o
}

// Name returns "jetstream".
func (j *JetStream) Name() string { return "jetstream" }

// StoreID identifies the data: the ID is kept with the stream.
func (j *JetStream) StoreID() string { return *j.id.Load() }

// View returns what the replica may answer from.
func (j *JetStream) View() *View { return j.view.Load() }

func (j *JetStream) storeID() string { return *j.id.Load() }

func (j *JetStream) now() int64 { return j.opts.Now().UnixMilli() }

// Status returns how far the replica has come.
func (j *JetStream) Status() Status {
	s := Status{Applied: j.applied.Load()}
	s.Last = max(s.Applied, j.known.Load())
	s.Serving, s.Reason = j.status.get()
	return s
}

// Knows reports whether the store knows of all changes up to the revision.
func (j *JetStream) Knows(revision uint64) bool { return j.applied.Load() >= revision }

// Await calls then when the store knows of all changes up to the revision.
func (j *JetStream) Await(revision uint64, then func(error)) {
	if j.applied.Load() >= revision {
		then(nil)
		return
	}
	j.mu.Lock()
	if err := j.refusal(); err != nil {
		j.mu.Unlock()
		then(err)
		return
	}
	j.waiters.add(revision, then)
	j.mu.Unlock()
	j.wake() // it may have been applied meanwhile
}

// wake calls those who wait for what is applied.
func (j *JetStream) wake() {
	if j.waiters.n.Load() == 0 {
		return
	}
	j.mu.Lock()
	due := j.waiters.take(j.applied.Load())
	j.mu.Unlock()
	for _, then := range due {
		then(nil)
	}
}

// Close waits until what is under way is answered, or the stream is silent for
// too long, and ends the journal.
func (j *JetStream) Close() {
	deadline := time.Now().Add(2 * j.opts.Patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(deadline) && !j.idle() {
		<-tick.C
	}
	j.end()
	j.done.Wait()
	j.acks.close()
	j.mu.Lock()
	j.closed = true
	left := j.takeAll()
	j.mu.Unlock()
	for _, r := range left {
		if len(r.parts) > 0 {
			r.writes = nil // it may be applied yet: who waits for it must not hear that it is not
		}
		j.fail(r, errClosed)
	}
}

// takeAll takes out all that is under way or waits, the latter as a record that
// was not sent. The caller holds the lock.
func (j *JetStream) takeAll() (left []*record) {
	for _, r := range j.underWay {
		left = append(left, r)
		j.remove(r)
	}
	left = append(left, &record{writes: j.waiting, barriers: append(j.barriers, j.waiters.take(^uint64(0))...)})
	j.waiting, j.barriers = nil, nil
	return left
}

// refusal is why nothing that waits can be taken now. The caller holds the lock.
func (j *JetStream) refusal() error {
	switch {
	case j.closed:
		return errClosed
	case j.view.Load() == nil:
		return errAway
	}
	return nil
}

func (j *JetStream) idle() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.underWay)+len(j.waiting)+len(j.barriers) == 0
}

// errStale ends a view that is of another stream, or has missed some of it.
var errStale = errors.New("the stream does not continue where this replica is")
