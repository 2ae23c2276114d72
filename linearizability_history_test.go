package ckpt_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/ckptbus/ckpt"
)

// workload is what callers do to some threads at the same time.
type workload struct {
	seed       uint64
	operations int // of all callers together
	threads    int
	// refusals says that the store may refuse a request for the time being, and
	// that an answer may be lost.
	refusals bool
	patient  *retryWindow // nil: a write waits for no other
	progress func()       // is called after each operation; nil: nobody is
}

// never is when a write of unknown outcome has been applied at the latest.
const never = math.MaxInt64

// epoch is the zero of the times in histories.
var epoch = time.Now()

// run has the callers carry out the workload and returns what happened. The
// error is of the first request that failed as none may.
func (w workload) run(ctx context.Context, callers []caller) ([]porcupine.Operation, error) {
	return w.each(ctx, callers, func(k *worker, call func(request) bool) {
		for range w.operations / len(callers) {
			if !call(k.choose()) {
				return
			}
		}
	})
}

// readAll has each caller read all threads, rounds times.
func (w workload) readAll(ctx context.Context, callers []caller, rounds int) ([]porcupine.Operation, error) {
	return w.each(ctx, callers, func(_ *worker, call func(request) bool) {
		for i := range rounds * w.threads {
			thread := threadName(i % w.threads)
			if !call(request{kind: getState, thread: thread}) || !call(request{kind: listMessages, thread: thread}) {
				return
			}
		}
	})
}

// each runs work for each caller, all at once. What it calls returns false where
// it is to end.
func (w workload) each(ctx context.Context, callers []caller, work func(k *worker, call func(request) bool)) ([]porcupine.Operation, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	workers := make([]*worker, len(callers))
	var all sync.WaitGroup
	for i, c := range callers {
		k := &worker{workload: w, caller: c, id: i, random: rand.New(rand.NewPCG(w.seed, uint64(i)))}
		workers[i] = k
		all.Go(func() {
			work(k, func(q request) bool {
				err := k.call(ctx, q)
				if err != nil {
					cancel(err)
				}
				return err == nil
			})
		})
	}
	all.Wait()
	var history []porcupine.Operation
	for _, k := range workers {
		history = append(history, k.history...)
	}
	return history, context.Cause(ctx)
}

func threadName(i int) string { return fmt.Sprint("t", i) }

// worker makes the requests of one caller and notes them.
type worker struct {
	workload
	caller  caller
	id      int
	random  *rand.Rand
	last    int64     // the latest value that it wrote
	known   []request // deletions of messages that may be there
	history []porcupine.Operation
}

// share is how many of a hundred requests are of a kind.
var share = []struct {
	kind
	percent int
}{{putState, 20}, {getState, 20}, {clearState, 6}, {putMessages, 20}, {listMessages, 20}, {deleteMessage, 7}, {commitThread, 4}, {cleanThread, 3}}

// maxKnown bounds the messages that a worker may delete, so that it is seldom
// too late.
const maxKnown = 8

func (w *worker) choose() request {
	q := request{thread: threadName(w.random.IntN(w.threads))}
	n := w.random.IntN(100)
	for _, s := range share {
		if q.kind = s.kind; n < s.percent {
			break
		}
		n -= s.percent
	}
	switch q.kind {
	case putState:
		q.value = w.fresh(1)
	case putMessages:
		q.count = 1 + w.random.Int64N(3)
		q.value = w.fresh(q.count)
		w.known = append(w.known, request{kind: deleteMessage, thread: q.thread, value: q.value})
		w.known = w.known[max(0, len(w.known)-maxKnown):]
	case commitThread:
		q.count = 1 + w.random.Int64N(2)
		q.value = w.fresh(q.count)
		if len(w.known) > 0 {
			q.delete = w.known[w.random.IntN(len(w.known))].value
		}
	case deleteMessage:
		if q.value = w.fresh(1); len(w.known) > 0 { // else there is no such message
			q = w.known[w.random.IntN(len(w.known))]
		}
	}
	return q
}

// fresh returns the first of n values that nobody else writes.
func (w *worker) fresh(n int64) int64 {
	first := w.last + 1
	w.last += n
	return int64(w.id+1)*1e9 + first
}

// call carries out a request and notes it, unless nothing can have come of it.
func (w *worker) call(ctx context.Context, q request) error {
	if w.patient != nil && q.kind.writes() {
		defer w.patient.enter(q.thread)()
	}
	called := time.Since(epoch)
	r, err := w.caller.do(ctx, q)
	returned := int64(time.Since(epoch))
	if w.progress != nil {
		w.progress()
	}
	switch {
	case err == nil:
	case w.refusals && ctx.Err() == nil && errors.Is(err, ckpt.ErrUnavailable):
		return nil
	case w.refusals && ctx.Err() == nil && errors.Is(err, ckpt.ErrUnknown):
		if !q.kind.writes() {
			return nil
		}
		r, returned = response{unknown: true}, never
	default:
		return fmt.Errorf("%s: %w", q, err)
	}
	w.history = append(w.history, porcupine.Operation{ClientId: w.id, Input: q, Output: r, Call: int64(called), Return: returned})
	return nil
}
