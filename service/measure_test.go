package service

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"pgregory.net/rapid"
)

// What is read from the buckets is what was noted, to an eighth.
func TestMeasure(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) int64 {
			return rapid.Int64Range(0, 1<<rapid.IntRange(0, 40).Draw(t, "bits")).Draw(t, "ns")
		}), 1, 200).Draw(t, "times")
		var m measure
		sum := int64(0)
		for i, ns := range times {
			var failure *ckpt.Error
			if i%3 == 0 {
				failure = ckpt.ErrNotFound
			}
			m.note(time.Duration(ns), failure)
			sum += ns
		}
		slices.Sort(times)
		s := m.stats("x")
		n := len(times)
		if s.Operation != "x" || s.Requests != uint64(n) || s.Errors != uint64((n+2)/3) || int64(s.Max) != times[n-1] || int64(s.Mean) != sum/int64(n) {
			t.Fatalf("%+v of %v", s, times)
		}
		for share, got := range map[float64]time.Duration{0.5: s.P50, 0.99: s.P99} {
			want := times[int(math.Ceil(share*float64(n)))-1]
			if d := math.Abs(float64(int64(got) - want)); d > float64(want)/8 {
				t.Fatalf("the %v quantile is %v, want %d of %v", share, got, want, times)
			}
		}
	})
}

// Times beyond all buckets count in the last.
func TestMeasureExtremes(t *testing.T) {
	t.Parallel()
	var m measure
	m.note(-time.Second, nil)
	m.note(math.MaxInt64, nil)
	if s := m.stats("x"); s.Requests != 2 || s.Max != math.MaxInt64 || s.P50 != 0 {
		t.Errorf("%+v", s)
	}
	for b := range buckets {
		if got := bucketOf(uint64(middle(b))); got != b {
			t.Errorf("the middle of bucket %d is in %d", b, got)
		}
	}
}

func BenchmarkMeasure(b *testing.B) {
	var m measure
	for b.Loop() {
		start := time.Now()
		m.note(time.Since(start), nil)
	}
}
