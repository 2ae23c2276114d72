package store

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/ckptbus/ckpt"
)

// Prune is a threads.prune under way: what its threads must meet.
type Prune struct {
	store  *Store
	before int64 // the latest change was before that time
	owner  string
	pairs  []condition // of the record's metadata
	pinned bool        // pinned ones too
	limit  int         // threads at the most; 0: all
}

// Prune reads what a threads.prune asks for.
func (s *Store) Prune(q *ckpt.ThreadsPruneRequest, now int64) (*Prune, error) {
	p := &Prune{store: s, before: math.MaxInt64, owner: q.UserID, pinned: q.Pinned, limit: q.Limit}
	var err error
	if p.pairs, err = s.conditions(q.Metadata); err != nil {
		return nil, err
	}
	limit := s.opts.Limits.Prune
	switch {
	case q.OlderThan == 0 && q.UpdatedBefore.IsZero() && q.UserID == "" && len(p.pairs) == 0:
		return nil, ckpt.Errorf(ckpt.InvalidArgument, "every thread would go: give older_than_ms, updated_before, user_id or metadata, or use release")
	case q.OlderThan < 0:
		return nil, ckpt.Errorf(ckpt.InvalidArgument, "older_than_ms %d: want more than 0", q.OlderThan.Milliseconds())
	case q.Limit < 0, q.Limit > limit && !q.DryRun:
		return nil, ckpt.Errorf(ckpt.InvalidArgument, "limit %d: want 0 to %d, the limit prune", q.Limit, limit)
	case q.Limit == 0 && !q.DryRun:
		p.limit = limit
	}
	if q.OlderThan > 0 {
		p.before = now - q.OlderThan.Milliseconds() + 1
	}
	if !q.UpdatedBefore.IsZero() {
		p.before = min(p.before, q.UpdatedBefore.UnixMilli())
	}
	return p, nil
}

// meets reports whether the thread, which holds something, is to go.
func (p *Prune) meets(t *thread) bool {
	d := t.peek()
	return t.updated < p.before && !Hidden(t.id) &&
		(p.owner == "" || t.owner.Value() == p.owner) &&
		(p.pinned || d.retention == nil || !d.retention.pinned) &&
		(len(p.pairs) == 0 || meets(d.record.meta(), p.pairs))
}

// Prunable is a thread that a prune is to remove.
type Prunable struct {
	ThreadID string
	Removed  ckpt.Removed // what goes with it as it is now
	updated  int64
}

// Find returns the threads that meet the filters, those that have not changed for
// longest first, as many as the limit says; and whether there are more.
func (p *Prune) Find(now int64) (list []Prunable, more bool) {
	p.store.visit(func(sh *shard, t *thread) {
		if v := p.store.view(sh, t, now); !t.gone() && v.thread != nil && p.meets(t) {
			list = append(list, Prunable{t.id, v.count(), t.updated})
		}
	})
	slices.SortFunc(list, func(a, b Prunable) int {
		return cmp.Or(cmp.Compare(a.updated, b.updated), strings.Compare(a.ThreadID, b.ThreadID))
	})
	if p.limit > 0 && len(list) > p.limit {
		return list[:p.limit:p.limit], true
	}
	return list, false
}

// Plan returns the plan that removes a thread where it still meets the filters,
// and sets removed to what goes with it.
func (p *Prune) Plan(removed *ckpt.Removed) Plan {
	return func(v *View, e *Entry) error {
		*removed = ckpt.Removed{}
		if v.thread != nil && p.meets(v.thread) {
			e.NoThread = true
			*removed = v.count()
		}
		return nil
	}
}
