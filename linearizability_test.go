package ckpt_test

import (
	"context"
	"flag"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/service"
)

var (
	long     = flag.Bool("long", false, "check histories of 100,000 operations rather than 10,000")
	seedFlag = flag.Uint64("seed", 0, "the seed of the operations in the histories to check; 0: any")
)

// scenario is a history of sixteen callers and three replicas to make and check.
type scenario struct {
	linearizable client.Linearizable // the reads
	stream       service.Stream
	padding      int // bytes of each state beside its value
	// Where there are some, they are done one after the other while the callers
	// are at work. Every other caller then sends each request once only, the
	// others until it is answered.
	disturbances []func(*replicas)
	check        func(history []porcupine.Operation) error
}

// rounds is how often each caller reads all at the end: no thread is left out on
// any replica, but for a chance of one in some thousands.
const rounds = 2

func (s *scenario) run(t *testing.T) {
	t.Parallel()
	w := workload{seed: *seedFlag, operations: 10_000, threads: 20, refusals: s.disturbances != nil}
	if w.seed == 0 {
		w.seed = rand.Uint64()
	}
	if *long {
		w.operations *= 10
	}
	defer func() {
		if t.Failed() {
			t.Logf("try again with -seed %d", w.seed)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(w.operations)*10*time.Millisecond)
	defer cancel()
	r := startReplicas(ctx, t, s.stream)
	callers, final := s.callers(r)
	begin := time.Now()
	history, err := s.disturb(r, &w, func() ([]porcupine.Operation, error) { return w.run(ctx, callers) })
	if err != nil {
		t.Fatal(err)
	}
	worked := time.Since(begin)

	before := r.answered()
	w.refusals = false
	reads, err := w.readAll(ctx, final, rounds)
	if err != nil {
		t.Fatal(err)
	}
	for id, n := range r.answered() {
		if n < before[id]+uint64(w.threads) {
			t.Errorf("replica %s has answered %d requests of the last %d", id, n-before[id], len(reads))
		}
	}
	begin = time.Now()
	s.verify(t, history, reads)
	t.Logf("%d operations in %v, %d reads at the end, checked in %v", len(history), worked, len(reads), time.Since(begin))
}

// verify checks the history by itself, and with the reads at the end, which are
// linearizable in any scenario: all that was acknowledged is there.
func (s *scenario) verify(t *testing.T, history, reads []porcupine.Operation) {
	t.Helper()
	unknown := 0
	whole := reads
	for _, o := range history {
		if o.Return == never {
			unknown++
		}
		if bool(s.linearizable) || o.Input.(request).kind.writes() {
			whole = append(whole, o)
		}
	}
	if unknown > 0 {
		t.Logf("%d writes of unknown outcome", unknown)
	}
	if err := checkLinearizable(whole); err != nil {
		t.Error(err)
	}
	if s.check != nil {
		if err := s.check(history); err != nil {
			t.Error(err)
		}
	}
}

// callers returns who does the work, and who reads at the end.
func (s *scenario) callers(r *replicas) (work, final []caller) {
	r.Helper()
	for i := range 16 {
		retry := client.Retry{}
		if s.disturbances != nil {
			retry = client.Retry{Attempts: i % 2, Answer: time.Second}
		}
		c := r.connect(client.WithRetry(retry))
		work = append(work, &storeCaller{c, s.linearizable, make([]byte, s.padding)})
		final = append(final, &storeCaller{Client: c, linearizable: true})
	}
	return work, final
}

// disturb runs the work, and the disturbances at even distances in it.
func (s *scenario) disturb(r *replicas, w *workload, work func() ([]porcupine.Operation, error)) (history []porcupine.Operation, err error) {
	r.Helper()
	if s.disturbances == nil {
		return work()
	}
	w.patient = newRetryWindow()
	due := make(chan struct{}, len(s.disturbances))
	every := int64(w.operations / (len(s.disturbances) + 1))
	var count atomic.Int64
	w.progress = func() {
		if n := count.Add(1); n%every == 0 && n/every <= int64(len(s.disturbances)) {
			due <- struct{}{}
		}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		history, err = work()
	}()
	for _, disturbance := range s.disturbances {
		select {
		case <-due:
			disturbance(r)
		case <-ended:
		}
	}
	<-ended
	return history, err
}

// With linearizable reads, callers cannot tell the replicas from one store.
func TestLinearizable(t *testing.T) {
	s := scenario{linearizable: true, stream: service.Stream{Memory: true}}
	s.run(t)
}

// With plain reads, writes are linearizable all the same, and reads are what
// sessions promise.
func TestSessions(t *testing.T) {
	s := scenario{stream: service.Stream{Memory: true}, check: checkSessions}
	s.run(t)
}

// The replicas are one store, and keep all that they acknowledged, while they
// stop and start and lose their connections.
func TestLinearizableWhileReplicasChange(t *testing.T) {
	s := scenario{linearizable: true, padding: 8 << 10}
	for i := range 3 {
		s.disturbances = append(s.disturbances,
			func(r *replicas) { r.restart(i) },
			func(r *replicas) { r.cut((i + 1) % 3) })
	}
	s.run(t)
}
