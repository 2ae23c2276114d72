package service

import (
	"slices"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/store"
)

// pruneThreads answers a threads.prune, which looks at every thread.
func pruneThreads(r *call[ckpt.ThreadsPruneRequest, ckpt.ThreadsPruneReply]) {
	prune := func() { r.slowly(func() { runPrune(r) }) }
	r.knowing(r.q.After, false, prune)
}

// pruneAtOnce is how many removals are under way at once, so that none waits as
// long as a caller would.
const pruneAtOnce = 500

func runPrune(r *call[ckpt.ThreadsPruneRequest, ckpt.ThreadsPruneReply]) {
	p, err := r.store.Prune(&r.q, r.millis())
	if err != nil {
		r.fail(err)
		return
	}
	list, more := p.Find(r.millis())
	r.a.HasMore = more
	if r.q.DryRun {
		for i := range list {
			r.a.Removed.Add(list[i].Removed)
		}
	} else {
		for part := range slices.Chunk(list, pruneAtOnce) {
			if err := removeAll(r, p, part); err != nil {
				r.fail(err)
				return
			}
		}
		r.log.Info("pruned", "threads", r.a.Removed.Threads, "messages", r.a.Removed.Messages, "more", more)
	}
	if r.outdated() {
		r.fail(errOutdated)
		return
	}
	r.a.Revision = r.store.Revision()
	r.reply()
}

// removal is the removal of one thread.
type removal struct {
	store.Write
	removed ckpt.Removed
	err     error
	done    chan<- *removal
}

func (m *removal) Done(_ store.Result, err error) {
	m.err = err
	m.done <- m
}

// removeAll removes threads, counts what went with them, and returns the first
// error when all have come to their end.
func removeAll(r *call[ckpt.ThreadsPruneRequest, ckpt.ThreadsPruneReply], p *store.Prune, list []store.Prunable) (err error) {
	done := make(chan *removal, len(list))
	for i := range list {
		m := &removal{done: done}
		m.Kind, m.ThreadID, m.RequestID = r.op.Name, list[i].ThreadID, r.q.RequestID
		m.Plan = p.Plan(&m.removed)
		r.journal.Commit(&m.Write, r.millis(), m)
	}
	for range list {
		m := <-done
		if m.err == nil {
			r.a.Removed.Add(m.removed)
		} else if err == nil {
			err = m.err
		}
	}
	return err
}
