package service

import "github.com/ckptbus/ckpt"

// defaultTop is how many of the largest a stats tells of where it was not said.
const defaultTop = 10

// stats answers a stats, which looks at every thread.
func stats(r *call[ckpt.StatsRequest, ckpt.StatsReply]) {
	if r.q.Top < 0 || r.q.Top > ckpt.MaxTop {
		r.fail(ckpt.Errorf(ckpt.InvalidArgument, "top %d: want 0, for %d, to %d, the limit top", r.q.Top, defaultTop, ckpt.MaxTop))
		return
	}
	r.slowly(func() {
		a := &r.a
		top := r.q.Top
		if top == 0 {
			top = defaultTop
		}
		r.store.Stats(top, r.store.Limits().Page/2, a, r.millis())
		status := r.journal.Status()
		a.Revision, a.Last, a.Replica, a.StartedAt = status.Applied, status.Last, r.replica, r.started
		for _, op := range ckpt.Operations() {
			if s := r.measures[op.Name].stats(op.Name); s.Requests > 0 {
				a.Operations = append(a.Operations, s)
			}
		}
		if r.outdated() {
			r.fail(errOutdated)
			return
		}
		r.reply()
	})
}
