package journal

import (
	"container/heap"
	"sync/atomic"
)

// waiters wait for revisions. The journal's lock guards them.
type waiters struct {
	list waiterHeap
	n    atomic.Int64 // how many there are, for a look without the lock
}

type waiter struct {
	revision uint64
	then     func(error)
}

func (w *waiters) add(revision uint64, then func(error)) {
	heap.Push(&w.list, waiter{revision, then})
	w.n.Store(int64(len(w.list)))
}

// take takes out those who wait for the revision or one before it.
func (w *waiters) take(revision uint64) (due []func(error)) {
	for len(w.list) > 0 && w.list[0].revision <= revision {
		due = append(due, heap.Pop(&w.list).(waiter).then)
	}
	w.n.Store(int64(len(w.list)))
	return due
}

// waiterHeap has the lowest revision first.
type waiterHeap []waiter

func (h waiterHeap) Len() int           { return len(h) }
func (h waiterHeap) Less(i, k int) bool { return h[i].revision < h[k].revision }
func (h waiterHeap) Swap(i, k int)      { h[i], h[k] = h[k], h[i] }
func (h *waiterHeap) Push(x any)        { *h = append(*h, x.(waiter)) }
func (h *waiterHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	(*h)[last] = waiter{}
	*h = (*h)[:last]
	return x
}
