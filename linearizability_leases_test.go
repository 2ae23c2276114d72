package ckpt_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/service"
)

// leaseRequest is one operation on a thread and its lease.
type leaseRequest struct {
	kind    string // acquire, renew, release, put, clean, get or holder
	thread  string
	owner   string        // acquire
	token   uint64        // renew, release; put: that it is made under, 0 for none
	ttl     time.Duration // acquire, renew
	at      *uint64       // put: the revision that is expected
	value   int64         // put
	begin   int64         // when it was sent, as the next two in milliseconds since 1970
	end     int64         // when it was answered
	decided int64         // when the service decided, where the answer tells
}

// leaseResponse is what it was answered.
type leaseResponse struct {
	conflict bool
	done     bool   // there was a lease to release, or a thread to clean or get
	token    uint64 // of the lease that was acquired, renewed or is there, or that is in the way
	revision uint64
	value    int64
}

// leaseState is a thread as far as the test uses it.
type leaseState struct {
	token    uint64 // 0: nobody's
	owner    string
	expires  int64
	revision uint64 // 0: it does not exist
	value    int64
	last     uint64 // the highest revision or token so far
}

// ranOut reports whether the lease may have run out by a time.
func (s leaseState) ranOut(at int64) bool { return s.token == 0 || s.expires <= at }

// inTheWay reports whether the token that a conflict tells of may be the one that
// holds the thread, which is another than the request's.
func (s leaseState) inTheWay(token uint64, q leaseRequest) bool {
	if token == 0 {
		return s.ranOut(q.end)
	}
	return token == s.token && token != q.token && q.begin < s.expires
}

func (s leaseState) step(q leaseRequest, r leaseResponse) (bool, leaseState) {
	switch q.kind {
	case "acquire":
		if r.conflict {
			return r.token != 0 && s.inTheWay(r.token, q) && s.owner != q.owner && r.revision == s.revision, s
		}
		fits := r.token > s.last && (s.ranOut(q.decided))
		if !s.ranOut(q.decided) {
			fits = s.owner == q.owner && r.token == s.token
		}
		fits = fits && r.revision == s.revision
		s.token, s.owner, s.expires, s.last = r.token, q.owner, q.decided+q.ttl.Milliseconds(), max(s.last, r.token)
		return fits, s
	case "renew":
		if r.conflict {
			return s.inTheWay(r.token, q), s
		}
		fits := s.token == q.token && r.token == q.token && !s.ranOut(q.decided) && r.revision == s.revision
		s.expires = q.decided + q.ttl.Milliseconds()
		return fits, s
	case "release":
		if !r.done {
			return s.token != q.token || s.ranOut(q.end), s
		}
		fits := s.token == q.token && q.begin < s.expires
		s.token = 0
		return fits, s
	case "holder":
		if !r.done {
			return s.ranOut(q.end), s
		}
		return r.token == s.token && q.begin < s.expires && r.revision == s.revision, s
	case "put":
		held := q.token == 0 || q.token == s.token && q.begin < s.expires
		if r.conflict { // over the lease, or else over the revision
			fenced := q.token != 0 && s.inTheWay(r.token, q)
			moved := r.token == 0 && held && q.at != nil && *q.at != s.revision
			return (fenced || moved) && r.revision == s.revision, s
		}
		fits := held && (q.token == 0 || q.decided < s.expires) && (q.at == nil || *q.at == s.revision) && r.revision > s.last
		s.revision, s.last, s.value = r.revision, max(s.last, r.revision), q.value
		return fits, s
	case "clean":
		fits := r.done == (s.revision != 0)
		s.last = max(s.last, r.revision)
		s.revision, s.value = 0, 0
		return fits, s
	case "get":
		return r.done == (s.revision != 0) && r.revision == s.revision && r.value == s.value, s
	}
	panic("no such request: " + q.kind)
}

var leaseModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) (parts [][]porcupine.Operation) {
		byThread := make(map[string][]porcupine.Operation)
		for _, o := range history {
			thread := o.Input.(leaseRequest).thread
			byThread[thread] = append(byThread[thread], o)
		}
		for _, part := range byThread {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return leaseState{} },
	Step: func(state, input, output any) (bool, any) {
		return state.(leaseState).step(input.(leaseRequest), output.(leaseResponse))
	},
}

// leaseWorker is one of the workers that share threads out.
type leaseWorker struct {
	*client.Client[padded]
	random    *rand.Rand
	owner     string
	tokens    map[string]uint64 // of the leases that it had last, held or not
	long      map[string]bool   // whether they can be renewed
	revisions map[string]uint64 // that it knows
	values    int64
	history   []porcupine.Operation
}

// longLease is longer than the test, shortLease so short that leases run out.
const (
	longLease  = time.Hour
	shortLease = ckpt.MinLease
)

func (w *leaseWorker) choose() leaseRequest {
	q := leaseRequest{thread: threadName(w.random.IntN(4)), owner: w.owner, ttl: longLease}
	switch n := w.random.IntN(100); {
	case n < 25:
		if q.kind = "acquire"; w.random.IntN(2) == 0 {
			q.ttl = shortLease
		}
	case n < 35 && w.long[q.thread]:
		q.kind = "renew"
	case n < 48 && w.tokens[q.thread] != 0:
		q.kind = "release"
	case n < 54:
		q.kind = "holder"
	case n < 80:
		q.kind = "put"
		w.values++
		q.value = w.values
		if w.random.IntN(2) == 0 {
			revision := w.revisions[q.thread]
			q.at = &revision
		}
	case n < 83:
		q.kind = "clean"
	default:
		q.kind = "get"
	}
	if q.kind == "renew" || q.kind == "release" || q.kind == "put" && w.random.IntN(4) > 0 {
		q.token = w.tokens[q.thread]
	}
	return q
}

// do carries out a request. The error is any but those that the model knows of.
func (w *leaseWorker) do(ctx context.Context, q *leaseRequest) (r leaseResponse, err error) {
	lease := func(a ckpt.LeaseReply) {
		r.token, r.revision, r.done = a.Token, a.Revision, true
		q.decided = a.ExpiresAt.UnixMilli() - q.ttl.Milliseconds()
	}
	switch q.kind {
	case "acquire":
		var a ckpt.LeaseReply
		if a, err = w.AcquireLease(ctx, q.thread, q.owner, q.ttl); err == nil {
			lease(a)
			w.tokens[q.thread], w.long[q.thread] = a.Token, q.ttl == longLease
		}
	case "renew":
		var a ckpt.LeaseReply
		if a, err = w.RenewLease(ctx, q.thread, q.token, q.ttl); err == nil {
			lease(a)
		}
	case "release":
		var a ckpt.LeasesReleaseReply
		a, err = w.ReleaseLease(ctx, q.thread, q.token)
		r.done = a.Released
	case "holder":
		var a ckpt.LeaseReply
		if a, err = w.GetLease(ctx, q.thread); err == nil {
			lease(a)
		}
	case "put":
		opts := []client.PutStateOption{client.WithLease(q.token)}
		if q.at != nil {
			opts = append(opts, client.ExpectedRevision(*q.at))
		}
		var a ckpt.StatePutReply
		a, err = w.PutState(ctx, q.thread, padded{Value: q.value}, opts...)
		r.revision, q.decided = a.Revision, a.UpdatedAt.UnixMilli()
	case "clean":
		var a ckpt.ThreadsCleanReply
		a, err = w.CleanThread(ctx, q.thread)
		r.done, r.revision = a.Cleaned, a.Revision
	case "get":
		var a client.Stored[padded]
		a, err = w.GetState(ctx, q.thread, client.Linearizable(true))
		r.done, r.revision, r.value = err == nil, a.Revision, a.Value.Value
	}
	var e *ckpt.Error
	if errors.As(err, &e) && (e.Code == ckpt.Conflict || e.Code == ckpt.NotFound) {
		r, err = leaseResponse{conflict: e.Code == ckpt.Conflict, token: e.Lease, revision: e.Revision}, nil
	}
	if q.kind != "clean" {
		w.revisions[q.thread] = r.revision
	}
	return r, err
}

// Leases, the writes that they fence and conditional writes are linearizable on
// three replicas, while these stop and start and lose their connections.
func TestLeasesLinearizable(t *testing.T) {
	t.Parallel()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	defer func() {
		if t.Failed() {
			t.Logf("try again with -seed %d", seed)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	replicas := startReplicas(ctx, t, service.Stream{Memory: true})
	const workers, each = 8, 400
	window := newRetryWindow()
	var count atomic.Int64
	due := make(chan int, 6)
	all := make([]*leaseWorker, workers)
	var wg sync.WaitGroup
	for i := range all {
		w := &leaseWorker{
			Client: replicas.connect(client.WithTimeout(time.Minute), client.WithRetry(client.Retry{Answer: time.Second})),
			random: rand.New(rand.NewPCG(seed, uint64(i))), owner: fmt.Sprint("worker-", i), values: int64(i) * 1e6,
			tokens: make(map[string]uint64), long: make(map[string]bool), revisions: make(map[string]uint64),
		}
		all[i] = w
		wg.Go(func() {
			for range each {
				q := w.choose()
				if err := w.call(ctx, window, i, q); err != nil {
					t.Errorf("%+v: %v", q, err)
					cancel()
					return
				}
				if n := count.Add(1); n%(workers*each/7) == 0 {
					select {
					case due <- int(n):
					default:
					}
				}
			}
		})
	}
	ended := make(chan struct{})
	go func() { wg.Wait(); close(ended) }()
	for i := range 6 {
		select {
		case <-due:
			if i%2 == 0 {
				replicas.restart(i % 3)
			} else {
				replicas.cut(i % 3)
			}
		case <-ended:
		}
	}
	<-ended
	var history []porcupine.Operation
	kinds := make(map[string]int)
	for _, w := range all {
		history = append(history, w.history...)
		for _, o := range w.history {
			kinds[fmt.Sprint(o.Input.(leaseRequest).kind, " ", o.Output.(leaseResponse).conflict)]++
		}
	}
	t.Logf("%d operations: %v", len(history), kinds)
	for _, kind := range []string{"acquire false", "acquire true", "renew false", "renew true", "put false", "put true"} {
		if kinds[kind] < 5 {
			t.Errorf("%d of %q: the history shows little", kinds[kind], kind)
		}
	}
	if result := porcupine.CheckOperationsTimeout(leaseModel, history, checkTimeout); result != porcupine.Ok {
		t.Errorf("the history is not linearizable: %v", result)
	}
}

// call carries out a request and notes it.
func (w *leaseWorker) call(ctx context.Context, window *retryWindow, id int, q leaseRequest) error {
	if q.kind != "get" && q.kind != "holder" {
		defer window.enter(q.thread)()
	}
	called := time.Since(epoch)
	q.begin = time.Now().UnixMilli()
	r, err := w.do(ctx, &q)
	q.end = time.Now().UnixMilli()
	w.history = append(w.history, porcupine.Operation{ClientId: id, Input: q, Output: r, Call: int64(called), Return: int64(time.Since(epoch))})
	return err
}

// The checker finds a store that breaks the promises of leases.
func TestLeaseChecker(t *testing.T) {
	t.Parallel()
	acquire := func(owner string, decided int64, token uint64) porcupine.Operation {
		return porcupine.Operation{Input: leaseRequest{kind: "acquire", owner: owner, ttl: time.Second, begin: decided, end: decided, decided: decided}, Output: leaseResponse{token: token, done: true}}
	}
	put := func(token uint64, decided int64, revision uint64) porcupine.Operation {
		return porcupine.Operation{Input: leaseRequest{kind: "put", token: token, value: 1, begin: decided, end: decided, decided: decided}, Output: leaseResponse{revision: revision}}
	}
	for name, c := range map[string]struct {
		history []porcupine.Operation
		ok      bool
	}{
		"in turn":                 {[]porcupine.Operation{acquire("a", 0, 5), put(5, 10, 6), put(5, 20, 7)}, true},
		"a lease that ran out":    {[]porcupine.Operation{acquire("a", 0, 5), put(5, 10, 6), acquire("b", 1000, 7)}, false}, // at revision 6
		"two holders":             {[]porcupine.Operation{acquire("a", 0, 5), acquire("b", 10, 6)}, false},
		"a token again":           {[]porcupine.Operation{acquire("a", 0, 5), acquire("b", 2000, 5)}, false},
		"a late write":            {[]porcupine.Operation{acquire("a", 0, 5), acquire("b", 1000, 6), put(5, 1010, 7)}, false},
		"a write behind its time": {[]porcupine.Operation{acquire("a", 0, 5), put(5, 1000, 6)}, false},
	} {
		for i := range c.history {
			c.history[i].Call, c.history[i].Return = int64(2*i), int64(2*i+1)
		}
		if got := porcupine.CheckOperations(leaseModel, c.history); got != c.ok {
			t.Errorf("%s: %v, want %v", name, got, c.ok)
		}
	}
}
