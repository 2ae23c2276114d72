package main

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Every part runs to its end and prints each of its comparisons.
func TestRun(t *testing.T) {
	var out strings.Builder
	err := run(t.Context(), &out, bounds{
		rounds:   1,
		turn:     time.Millisecond,
		sizes:    []int{256},
		inFlight: []int{1, 4},
		threads:  []int{60},
		searched: 100,
		stored:   2500,
		large:    2 << 20,
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	if rows, want := strings.Count(out.String(), " 256 B |"), 2+2+4+len(modes)*5*2+2+2*2+(2+3)*2; rows != want {
		t.Errorf("%d comparisons of 256 B, want %d:\n%s", rows, want, out.String())
	}
	if rows := strings.Count(out.String(), " put |         1 |") + strings.Count(out.String(), " get |         1 |"); rows < 4 {
		t.Errorf("%d comparisons of a large state, want 4:\n%s", rows, out.String())
	}
	if rows := strings.Count(out.String(), "\n|        60 |"); rows != 2 {
		t.Errorf("%d comparisons of lists, want 2:\n%s", rows, out.String())
	}
	if rows := strings.Count(out.String(), " ms |\n"); rows != 5 {
		t.Errorf("%d rows of latencies, want 5:\n%s", rows, out.String())
	}
}

func TestRunRefusesAnExpression(t *testing.T) {
	if err := run(t.Context(), nil, quick, "("); err == nil {
		t.Error("no error")
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{5, 1}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 9, 2}, 3}} {
		if got := median(c.values); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.values, got, c.want)
		}
	}
}

func TestQuantile(t *testing.T) {
	values := []time.Duration{5, 1, 4, 2, 3}
	for q, want := range map[float64]time.Duration{0: 1, 0.5: 3, 0.6: 3, 0.99: 5, 1: 5} {
		if got := quantile(values, q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if got := quantile(nil, 0.5); got != 0 {
		t.Errorf("quantile of nothing is %v", got)
	}
}

// The two sides take turns, and a round's ratio is of its own two turns.
func TestCompare(t *testing.T) {
	var order strings.Builder
	side := func(name string, n int) load {
		return func(int, *atomic.Bool) (int, error) { order.WriteString(name); return n, nil }
	}
	f, err := compare(bounds{rounds: 3, turn: time.Hour}, 1, side("b", 0), side("o", 1))
	if err != nil {
		t.Fatal(err)
	}
	if got := order.String(); got != "boobboob" {
		t.Errorf("the order is %s", got)
	}
	if f.bare != 0 || f.ours <= 0 {
		t.Errorf("figure %+v", f)
	}
	failed := errors.New("failed")
	if _, err := compare(quick, 1, side("b", 1), func(int, *atomic.Bool) (int, error) { return 0, failed }); !errors.Is(err, failed) {
		t.Errorf("error %v", err)
	}
}

func TestCallers(t *testing.T) {
	var stop, answered atomic.Int64
	failed := errors.New("failed")
	l := callers(func(int, int) func() error {
		return func() error {
			if answered.Add(1) > 100 {
				stop.Add(1)
				return failed
			}
			return nil
		}
	})
	if _, err := l(8, new(atomic.Bool)); !errors.Is(err, failed) || stop.Load() != 8 {
		t.Errorf("error %v, %d callers have stopped", err, stop.Load())
	}
}

// Requests have the size that the table tells, and are what the service takes.
func TestStatePut(t *testing.T) {
	for _, n := range append([]int{200, 500, 1000}, full.sizes...) {
		q, err := statePut(n)
		if err != nil {
			t.Fatal(err)
		}
		if len(q.bytes) != n {
			t.Errorf("%d bytes, want %d", len(q.bytes), n)
		}
		setNumber(q.thread, 7)
		setNumber(q.request, 12*callerFactor+34)
		var got ckpt.StatePutRequest
		if err := ckpt.Decode(q.bytes, &got); err != nil {
			t.Fatal(err)
		}
		if got.ThreadID != threadID(7) || got.RequestID != requestID(12*callerFactor+34) {
			t.Errorf("thread %s, request %s", got.ThreadID, got.RequestID)
		}
	}
}

func TestMessage(t *testing.T) {
	for _, n := range []int{0, 1, 999_999} {
		b, err := message(n)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) != messageBytes {
			t.Errorf("message %d has %d bytes", n, len(b))
		}
		var m ckpt.Message
		if err := ckpt.Decode(b, &m); err != nil {
			t.Error(err)
		}
	}
}

// Callers that go through threads of their own never meet, and reach all of them.
func TestOwnThreads(t *testing.T) {
	for _, n := range full.inFlight {
		caller := make(map[int]int)
		for i := range n {
			thread := ownThreads(i, n)
			for range 2 * threads / n {
				number := thread()
				if other, taken := caller[number]; taken && other != i {
					t.Fatalf("of %d callers, %d and %d meet on thread %d", n, other, i, number)
				}
				caller[number] = i
			}
		}
		if len(caller) != threads {
			t.Errorf("%d callers reach %d threads", n, len(caller))
		}
	}
}
