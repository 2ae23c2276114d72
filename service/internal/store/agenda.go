package store

import "container/heap"

// agenda is the threads of a shard that have a lifetime, as a heap: the one that
// has to be looked at first is at its root. A lifetime that begins anew costs
// nothing here: the thread is moved when its time has come and it has not
// expired.
type agenda []*appointment

// appointment is a thread in the agenda.
type appointment struct {
	*thread
	due int64 // when to look at it, never later than when it expires
	at  int   // its place in the agenda
}

// schedule gives a thread that was changed its place in the agenda, or takes it
// out where it does not expire by itself.
func (a *agenda) schedule(t *thread) {
	at := t.deadline()
	switch {
	case at == 0:
		a.remove(t)
	case t.more.due == nil:
		t.more.due = &appointment{thread: t, due: at}
		heap.Push(a, t.more.due)
	case at < t.more.due.due:
		t.more.due.due = at
		heap.Fix(a, t.more.due.at)
	}
}

// remove takes a thread out, where it is there.
func (a *agenda) remove(t *thread) {
	if t.more == nil || t.more.due == nil {
		return
	}
	heap.Remove(a, t.more.due.at)
	t.more.due = nil
}

// next returns a thread whose time has come: first, and each time after the one
// before was removed; nil where there is none. Those whose lifetime began anew
// meanwhile are moved.
func (a agenda) next(now int64) *thread {
	for len(a) > 0 && a[0].due <= now {
		p := a[0]
		if p.over(now) {
			return p.thread
		}
		p.due = p.deadline()
		heap.Fix(&a, 0)
	}
	return nil
}

// expired calls yield with each thread whose lifetime is over, and leaves them
// in the agenda.
func (a agenda) expired(now int64) func(yield func(*thread) bool) {
	return func(yield func(*thread) bool) {
		a.next(now) // moves at least those that stand before all others
		var visit func(i int) bool
		visit = func(i int) bool {
			if i >= len(a) || a[i].due > now {
				return true
			}
			return (!a[i].over(now) || yield(a[i].thread)) && visit(2*i+1) && visit(2*i+2)
		}
		visit(0)
	}
}

// Len is part of [heap.Interface], as are the next ones.
func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].due < a[j].due }
func (a agenda) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].at, a[j].at = i, j
}

func (a *agenda) Push(x any) {
	p := x.(*appointment)
	p.at = len(*a)
	*a = append(*a, p)
}

func (a *agenda) Pop() any {
	old := *a
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*a = old[:len(old)-1]
	return last
}
