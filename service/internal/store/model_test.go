package store

import (
	"slices"

	"github.com/ckptbus/ckpt"
)

// model is a store as simple as can be: slices, no sharing, no sweep.
type model struct {
	now      int64
	revision uint64
	threads  []*modelThread // in the order of creation; expired ones stay until they are told
	last     map[string]uint64
	fresh    Retention // of new threads
	recent   map[string][]modelAnswer
	leases   map[string]modelLease // also those that ran out
}

type modelThread struct {
	id, owner    string
	created      int64
	state, cache ckpt.Raw
	expires      int64
	messages     []modelMessage
	metadata     ckpt.Raw
	record       bool
	updated      int64
	ttl, from    int64 // from 0: sliding
	pinned       bool
	keep         int
	trimmed      int // by the last change
	history      modelHistory
	origin       *ckpt.Origin
}

// over reports whether the thread's lifetime is over.
func (t *modelThread) over(now int64) bool {
	from := t.from
	if from == 0 {
		from = t.updated
	}
	return t.ttl != 0 && !t.pinned && from+t.ttl <= now
}

// trim keeps the latest messages.
func (t *modelThread) trim(keep int) {
	if keep > 0 {
		t.trimmed = max(len(t.messages)-keep, 0)
		t.messages = slices.Clone(t.messages[t.trimmed:])
	}
}

// modelHistory is a copy of the thread at each revision that is kept.
type modelHistory struct {
	keep     kept
	versions []uint64 // the revisions of the states that are kept, the present one included
	pasts    []modelPast
}

// modelPast is what a thread was from a revision on.
type modelPast struct {
	revision uint64
	state    ckpt.Raw
	messages []modelMessage
	metadata ckpt.Raw
	record   bool
}

func (t *modelThread) past(revision uint64) modelPast {
	return modelPast{revision, t.state, slices.Clone(t.messages), t.metadata, t.record}
}

// pastOf returns what the thread was at a revision, nil where that is not kept.
func (m *model) pastOf(t *modelThread, revision uint64) *modelPast {
	now := m.last[t.id]
	for i := len(t.history.pasts) - 1; i >= 0; i-- {
		if p := &t.history.pasts[i]; p.revision <= revision && revision <= now {
			return p
		}
	}
	if revision == now && m.holds(t) {
		p := t.past(now)
		return &p
	}
	return nil
}

// remember notes what the thread is after a change, where it was before; the
// change of a state says how many are kept.
func (t *modelThread) remember(before modelPast, stateChanged bool, keep kept, revision uint64) {
	h := &t.history
	if stateChanged {
		if h.keep = keep; keep.n == 0 {
			h.versions, h.pasts = nil, nil
			return
		}
		if len(h.versions) == 0 && before.state != nil {
			h.versions, h.pasts = []uint64{before.revision}, []modelPast{before}
		}
		h.versions = append(h.versions, revision)
	}
	if len(h.versions) > 0 {
		h.versions = h.versions[max(0, len(h.versions)-1-h.keep.n):]
		h.pasts = slices.DeleteFunc(append(h.pasts, t.past(revision)), func(p modelPast) bool { return p.revision < h.versions[0] })
	}
}

type modelMessage struct {
	id   ckpt.MessageID
	body ckpt.Raw
}

type modelAnswer struct {
	request, kind string
	at            int64
	revision      uint64
}

// cached returns the cached state as it is now.
func (m *model) cached(t *modelThread) ckpt.Raw {
	if t.expires != 0 && t.expires <= m.now {
		return nil
	}
	return t.cache
}

func (m *model) holds(t *modelThread) bool {
	return !t.over(m.now) && m.full(t)
}

func (m *model) full(t *modelThread) bool {
	return t.state != nil || m.cached(t) != nil || len(t.messages) > 0 || t.metadata != nil || t.record || len(t.history.versions) > 1
}

// find returns the thread, nil where it holds nothing.
func (m *model) find(id string) *modelThread {
	for _, t := range m.threads {
		if t.id == id && m.holds(t) {
			return t
		}
	}
	return nil
}

// expired returns the thread that has expired and was not told of yet.
func (m *model) expired(id string) bool {
	return slices.ContainsFunc(m.threads, func(t *modelThread) bool { return t.id == id && !m.holds(t) })
}

// drop forgets threads that hold nothing.
func (m *model) drop(id string) {
	m.threads = slices.DeleteFunc(m.threads, func(t *modelThread) bool { return t.id == id && !m.holds(t) })
}
