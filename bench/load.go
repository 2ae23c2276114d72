package main

import (
	"sync"
	"sync/atomic"
	"time"
)

// A load makes requests, inFlight at once, until stop is set, and returns how
// many were answered.
type load func(inFlight int, stop *atomic.Bool) (int, error)

// callers is the load of goroutines that each make one request after the
// other; caller returns what the i-th of so many calls for each.
func callers(caller func(i, of int) (request func() error)) load {
	return func(inFlight int, stop *atomic.Bool) (int, error) {
		var wg sync.WaitGroup
		var total atomic.Int64
		var failure atomic.Pointer[error]
		for i := range inFlight {
			wg.Go(func() {
				request := caller(i, inFlight)
				n := 0
				for !stop.Load() {
					if err := request(); err != nil {
						failure.Store(&err)
						break
					}
					n++
				}
				total.Add(int64(n))
			})
		}
		wg.Wait()
		if err := failure.Load(); err != nil {
			return 0, *err
		}
		return int(total.Load()), nil
	}
}

// rate runs the load for one turn and returns its requests a second.
func rate(l load, inFlight int, turn time.Duration) (float64, error) {
	start := time.Now()
	n, err := count(l, inFlight, turn)
	return float64(n) / time.Since(start).Seconds(), err
}

// count runs the load for one turn and returns how many requests it made.
func count(l load, inFlight int, turn time.Duration) (int, error) {
	var stop atomic.Bool
	timer := time.AfterFunc(turn, func() { stop.Store(true) })
	defer timer.Stop()
	return l(inFlight, &stop)
}
