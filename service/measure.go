package service

import (
	"math/bits"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/ckptbus/ckpt"
)

// measure counts the requests of one operation and the time that they took. To
// note one costs some nanoseconds and no lock.
type measure struct {
	errors  atomic.Uint64
	latest  atomic.Pointer[ckpt.Error]
	sum     atomic.Uint64 // of all times, in nanoseconds
	longest atomic.Uint64
	buckets [buckets]atomic.Uint64 // requests by their time
}

// Each doubling of the time has four buckets, up to some 18 minutes, so that what
// is read from one is wrong by an eighth at the most.
const (
	bucketBits = 2
	buckets    = 40 << bucketBits
)

// bucketOf returns the bucket of a time in nanoseconds.
func bucketOf(ns uint64) int {
	if ns < 1<<bucketBits {
		return int(ns)
	}
	shift := bits.Len64(ns) - bucketBits - 1
	return min(shift<<bucketBits+int(ns>>shift), buckets-1)
}

// middle returns the time in the middle of a bucket.
func middle(bucket int) time.Duration {
	if bucket < 1<<bucketBits {
		return time.Duration(bucket)
	}
	shift := bucket>>bucketBits - 1
	low := uint64(bucket-shift<<bucketBits) << shift
	return time.Duration(low + 1<<shift/2)
}

// note counts a request that took so long, and where it was refused, why. Nil counts
// nothing: the announcement of a request in parts is none of the table's operations.
func (m *measure) note(took time.Duration, failure *ckpt.Error) {
	if m == nil {
		return
	}
	ns := uint64(max(took, 0))
	m.buckets[bucketOf(ns)].Add(1)
	m.sum.Add(ns)
	if failure != nil {
		m.errors.Add(1)
		m.latest.Store(failure)
	}
	for old := m.longest.Load(); old < ns && !m.longest.CompareAndSwap(old, ns); old = m.longest.Load() {
	}
}

// stats returns what was noted; requests that come meanwhile may be in some of its
// figures and not in others.
func (m *measure) stats(operation string) ckpt.OperationStats {
	s := ckpt.OperationStats{Operation: operation, Errors: m.errors.Load(), Max: time.Duration(m.longest.Load())}
	var counts [buckets]uint64
	for i := range counts {
		counts[i] = m.buckets[i].Load()
		s.Requests += counts[i]
	}
	if s.Requests > 0 {
		s.Mean = time.Duration(m.sum.Load() / s.Requests)
		s.P50, s.P99 = min(quantile(&counts, s.Requests, 0.5), s.Max), min(quantile(&counts, s.Requests, 0.99), s.Max)
	}
	return s
}

// total returns the number of requests, the time of all, and what the latest that
// was refused was told.
func (m *measure) total() (requests uint64, sum time.Duration, latest string) {
	for i := range m.buckets {
		requests += m.buckets[i].Load()
	}
	if e := m.latest.Load(); e != nil {
		latest = strconv.Itoa(int(e.Code)) + ":" + e.Message
	}
	return requests, time.Duration(m.sum.Load()), latest
}

// quantile returns the time that a share of all requests did not exceed.
func quantile(counts *[buckets]uint64, all uint64, share float64) time.Duration {
	seen := uint64(0)
	for i, n := range counts {
		if seen += n; float64(seen) >= share*float64(all) {
			return middle(i)
		}
	}
	return 0
}

// newMeasures returns one for each operation.
func newMeasures() map[string]*measure {
	all := make(map[string]*measure)
	for _, op := range ckpt.Operations() {
		all[op.Name] = new(measure)
	}
	return all
}
