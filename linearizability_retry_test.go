package ckpt_test

import "sync"

// retryWindow holds writes back while an earlier one to the thread is under way
// and some others were begun after it. A thread remembers the answers to its
// latest eight writes: a write that is sent again after more than that may be
// applied again, which is no promise broken.
type retryWindow struct {
	mu      sync.Mutex
	changed sync.Cond
	begun   map[string]int          // by thread, how many writes were
	open    map[string]map[int]bool // by thread, the numbers of those under way
}

// retryBegun is how many writes to a thread may be begun from the oldest that is
// under way on. When a write is begun, three others may be under way, and three
// may be begun before it ends.
const retryBegun = 4

func newRetryWindow() *retryWindow {
	w := &retryWindow{begun: make(map[string]int), open: make(map[string]map[int]bool)}
	w.changed.L = &w.mu
	return w
}

// enter waits until a write to the thread may begin, and returns what ends it.
func (w *retryWindow) enter(thread string) (leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open[thread] == nil {
		w.open[thread] = make(map[int]bool)
	}
	for w.begun[thread]-w.oldest(thread) >= retryBegun {
		w.changed.Wait()
	}
	n := w.begun[thread]
	w.begun[thread]++
	w.open[thread][n] = true
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.open[thread], n)
		w.changed.Broadcast()
	}
}

// oldest returns the number of the oldest write under way, or of the next.
func (w *retryWindow) oldest(thread string) int {
	oldest := w.begun[thread]
	for n := range w.open[thread] {
		oldest = min(oldest, n)
	}
	return oldest
}
