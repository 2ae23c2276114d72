package store

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
	"pgregory.net/rapid"
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

// run holds a store against the model.
type run struct {
	*rapid.T
	store   *Store
	model   model
	changes []Change
	ids     int
	keep    *int   // that the write under way says
	source  *Write // of the fork under way

	threadID  *rapid.Generator[string]
	messageID *rapid.Generator[ckpt.MessageID]
}

// defaultKeep is the history of the store under test.
const defaultKeep = 2

func (r *run) next() uint64 { r.model.revision++; return r.model.revision }

// change records what the store tells, and checks its place in the chain.
func (r *run) change(c Change) {
	last, known := r.model.last[c.ThreadID]
	if c.Revision <= last || c.Previous != last && (c.Previous != 0 || known && r.model.find(c.ThreadID) != nil) {
		r.Fatalf("%s: revision %d behind %d, after %d", c.ThreadID, c.Revision, c.Previous, last)
	}
	r.model.last[c.ThreadID] = c.Revision
	r.changes = append(r.changes, c)
}

// commit carries out a write on both sides. effect changes the model's thread,
// and reports whether anything changes; it gets a new thread where there is
// none, and code is the error where the request must be refused.
func (r *run) commit(kind string, plan Plan, code ckpt.Code, effect func(t *modelThread) bool) {
	ref := ckpt.WriteRef{
		ThreadRef: ckpt.ThreadRef{ThreadID: r.threadID.Draw(r.T, "thread"), UserID: userID.Draw(r.T, "user")},
		Terms:     ckpt.Terms{RequestID: requestID.Draw(r.T, "request")},
	}
	ref.Lease = r.token(ref.ThreadID)
	r.commitTo(ref, kind, plan, func(*modelThread) ckpt.Code { return code }, effect)
}

func (r *run) commitTo(ref ckpt.WriteRef, kind string, plan Plan, refuse func(t *modelThread) ckpt.Code, effect func(t *modelThread) bool) {
	m := &r.model
	var ended []string // which is told before anything else
	ids := []string{ref.ThreadID}
	if r.source != nil {
		ids = append(ids, r.source.ThreadID)
	}
	for _, id := range ids {
		if m.expired(id) {
			ended = append(ended, id)
		}
		m.drop(id)
	}
	t := m.find(ref.ThreadID)
	wantCode, wantRevision := ckpt.Code(0), uint64(0)
	known := false
	if t != nil {
		wantRevision = m.last[t.id]
		if t.owner != "" && ref.UserID != "" && t.owner != ref.UserID {
			wantCode = ckpt.PermissionDenied
		}
	}
	if wantCode == 0 && ref.RequestID != "" {
		for _, a := range m.recent[ref.ThreadID] {
			if a.request == ref.RequestID && m.now-a.at <= recentWindow.Milliseconds() {
				known = true
				if wantRevision = a.revision; a.kind != kind {
					wantCode = ckpt.Conflict
				}
				break
			}
		}
	}
	if wantCode == 0 && !known && r.source == nil {
		switch rapid.IntRange(0, 7).Draw(r.T, "condition") {
		case 0:
			ref.Expected = ckpt.AtRevision(wantRevision)
		case 1:
			ref.Expected, wantCode = ckpt.AtRevision(wantRevision+1), ckpt.Conflict
		case 2:
			if ref.Expected = ckpt.AtRevision(0); t != nil {
				wantCode = ckpt.Conflict
			}
		}
	}
	fresh := t == nil
	if fresh {
		t = &modelThread{id: ref.ThreadID, created: m.now, ttl: m.fresh.TTL}
		if !m.fresh.Sliding {
			t.from = m.now
		}
	}
	if wantCode == 0 && !known && ref.Lease != 0 && ref.Lease != m.lease(ref.ThreadID).token {
		wantCode = ckpt.Conflict
	}
	if wantCode == 0 && !known {
		wantCode = refuse(t)
	}
	changes, before := false, t.past(m.last[t.id])
	if wantCode == 0 && !known {
		t.trimmed = 0
		changes = effect(t)
	}

	r.changes = nil
	w := newWrite(kind, ref, plan)
	if r.source != nil {
		w.Group = []*Write{r.source}
	}
	a, err := r.store.Commit(w, m.now, r.next, r.change)
	for _, id := range ended {
		if len(r.changes) == 0 || r.changes[0].Kind != ckpt.KindExpired || r.changes[0].ThreadID != id {
			r.Fatalf("%s %+v: changes %+v of a thread that has expired", kind, ref, r.changes)
		}
		r.changes = r.changes[1:]
	}
	if wantCode != 0 {
		if e, ok := err.(*ckpt.Error); !ok || e.Code != wantCode {
			r.Fatalf("%s %+v: %v, want %s", kind, ref, err, wantCode)
		}
	} else if err != nil {
		r.Fatalf("%s %+v: %v", kind, ref, err)
	}
	if !changes {
		if len(r.changes) != 0 || err == nil && a.Revision != wantRevision {
			r.Fatalf("%s %+v: changes %+v, answer %+v, want revision %d and no change", kind, ref, r.changes, a, wantRevision)
		}
		return
	}
	if fresh {
		m.threads = append(m.threads, t)
	}
	t.updated = m.now
	if t.owner == "" {
		t.owner = ref.UserID
	}
	if len(r.changes) != 1 {
		r.Fatalf("%s %+v: %d changes, want one", kind, ref, len(r.changes))
	}
	c := r.changes[0]
	if c.Kind != kind || c.ThreadID != ref.ThreadID || c.RequestID != ref.RequestID || c.Owner != t.owner || c.At != m.now || c.Trimmed != t.trimmed || a.Revision != c.Revision {
		r.Fatalf("%s %+v: change %+v, answer %+v", kind, ref, c, a)
	}
	if kind != "threads.clean" {
		keep := t.history.keep
		if !keep.own {
			keep = kept{n: defaultKeep}
		}
		if r.keep != nil {
			keep = kept{*r.keep, true}
		}
		before := before
		if r.source != nil {
			before = modelPast{}
		}
		t.remember(before, kind == "state.put" || kind == "threads.fork" && t.state != nil || kind == "state.clear" && before.state != nil || kind == "state.restore" && (t.state != nil || before.state != nil), keep, c.Revision)
	}
	if ref.RequestID != "" {
		list := append(m.recent[ref.ThreadID], modelAnswer{ref.RequestID, kind, m.now, c.Revision})
		m.recent[ref.ThreadID] = list[max(len(list)-recentWrites, 0):]
	}
	m.drop(ref.ThreadID)
}

var (
	threadID  = rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"})
	userID    = rapid.SampledFrom([]string{"", "", "", "ann", "bob"})
	requestID = rapid.SampledFrom([]string{"", "", "r1", "r2", "r3", "r4"})
	messageID = rapid.Custom(func(t *rapid.T) ckpt.MessageID {
		n := rapid.Int64Range(0, 30).Draw(t, "id")
		if rapid.Bool().Draw(t, "integer") {
			return ckpt.IntID(n)
		}
		return ckpt.StringID(fmt.Sprint(n))
	})
	state = rapid.Custom(func(t *rapid.T) ckpt.Raw {
		n := rapid.OneOf(rapid.IntRange(0, 50), rapid.IntRange(16<<10-10, 16<<10+10)).Draw(t, "size")
		return wire.AppendBin(nil, make([]byte, n))
	})
)

func newMessage(id ckpt.MessageID, size int) ckpt.Raw {
	b := wire.AppendMapHeader(nil, 2)
	b, _ = id.AppendWire(wire.AppendStr(b, "message_id"))
	return wire.AppendBin(wire.AppendStr(b, "x"), make([]byte, size))
}

func newRun(t *rapid.T) *run {
	r := &run{T: t, threadID: threadID, messageID: messageID, model: model{now: 1_000_000, last: make(map[string]uint64), recent: make(map[string][]modelAnswer), leases: make(map[string]modelLease)}}
	if rapid.Bool().Draw(t, "retention") {
		r.model.fresh = Retention{TTL: 60_000, Sliding: rapid.Bool().Draw(t, "sliding"), KeepMessages: rapid.SampledFrom([]int{0, 7}).Draw(t, "keep")}
	}
	r.store = New(Options{Limits: ckpt.LimitsFor(1 << 20), Retention: r.model.fresh, History: defaultKeep, NewID: func() string { r.ids++; return fmt.Sprint("made-", r.ids) }})
	return r
}

// The store behaves as the model, whatever is done to it.
func TestModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := newRun(t)
		t.Repeat(map[string]func(*rapid.T){
			"":                func(*rapid.T) { r.check() },
			"state.put":       func(*rapid.T) { r.putState() },
			"state.clear":     func(*rapid.T) { r.clearState() },
			"state.restore":   func(*rapid.T) { r.restoreState() },
			"threads.fork":    func(*rapid.T) { r.forkThread() },
			"cache.put":       func(*rapid.T) { r.putCache() },
			"cache.clear":     func(*rapid.T) { r.clearCache() },
			"messages.put":    func(*rapid.T) { r.putMessages() },
			"messages.more":   func(*rapid.T) { r.putMessages() },
			"messages.delete": func(*rapid.T) { r.deleteMessage() },
			"threads.put":     func(*rapid.T) { r.putThread() },
			"threads.clean":   func(*rapid.T) { r.cleanThread() },
			"threads.retain":  func(*rapid.T) { r.retain() },
			"leases.acquire":  func(*rapid.T) { r.acquireLease() },
			"leases.renew":    func(*rapid.T) { r.renewLease() },
			"leases.release":  func(*rapid.T) { r.releaseLease() },
			"release":         func(*rapid.T) { r.release() },
			"time":            func(*rapid.T) { r.model.now += rapid.Int64Range(0, 90_000).Draw(t, "ms") },
			"sweep":           func(*rapid.T) { r.sweep() },
		})
	})
}

// The same of the history of one thread with a few messages.
func TestHistoryModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := newRun(t)
		r.threadID = rapid.Just("t")
		r.messageID = rapid.Custom(func(t *rapid.T) ckpt.MessageID { return ckpt.IntID(rapid.Int64Range(0, 3).Draw(t, "id")) })
		t.Repeat(map[string]func(*rapid.T){
			"":                 func(*rapid.T) { r.check() },
			"state.put":        func(*rapid.T) { r.putState() },
			"state.clear":      func(*rapid.T) { r.clearState() },
			"state.restore":    func(*rapid.T) { r.restoreState() },
			"messages.put":     func(*rapid.T) { r.putMessages() },
			"messages.put 2":   func(*rapid.T) { r.putMessages() },
			"messages.delete":  func(*rapid.T) { r.deleteMessage() },
			"messages.delete2": func(*rapid.T) { r.deleteMessage() },
		})
	})
}

func (r *run) putState() {
	v := state.Draw(r.T, "state")
	if rapid.IntRange(0, 2).Draw(r.T, "say") == 0 {
		keep := rapid.SampledFrom([]int{0, 0, 1, 2, 4}).Draw(r.T, "keep")
		r.keep = &keep
		defer func() { r.keep = nil }()
	}
	q := &ckpt.StatePutRequest{State: bytes.Clone(v), Keep: r.keep}
	r.commit("state.put", planned(PlanStatePut, q), 0,
		func(t *modelThread) bool { t.state = v; return true })
}

func (r *run) clearState() {
	q := &ckpt.StateClearRequest{KeepCache: rapid.Bool().Draw(r.T, "keep")}
	r.commit("state.clear", planned(PlanStateClear, q), 0,
		func(t *modelThread) bool {
			changes := t.state != nil || !q.KeepCache && r.model.cached(t) != nil
			t.state = nil
			if !q.KeepCache && changes && r.model.cached(t) != nil {
				t.cache, t.expires = nil, 0
			}
			return changes
		})
}

// restoreState restores a revision that is kept, or one that is not.
func (r *run) restoreState() {
	ref := ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: r.threadID.Draw(r.T, "thread")}}
	q := &ckpt.StateRestoreRequest{Revision: rapid.Uint64Range(1, r.model.revision+1).Draw(r.T, "revision"), WithMessages: rapid.Bool().Draw(r.T, "messages")}
	was := func(t *modelThread) *modelPast { return r.model.pastOf(t, q.Revision) }
	r.commitTo(ref, "state.restore", planned(PlanStateRestore, q),
		func(t *modelThread) ckpt.Code {
			if was(t) == nil {
				return ckpt.NotFound
			}
			return 0
		},
		func(t *modelThread) bool {
			p := was(t)
			before := t.past(0)
			t.state = p.state
			if q.WithMessages {
				t.messages, t.metadata = slices.Clone(p.messages), p.metadata
			}
			return p.state != nil || before.state != nil || !sameMessages(t.messages, before.messages) || !bytes.Equal(t.metadata, before.metadata)
		})
}

// forkThread forks a thread as it is or was, or refuses to.
func (r *run) forkThread() {
	q := &ckpt.ThreadsForkRequest{To: r.threadID.Draw(r.T, "to")}
	q.ThreadID, q.UserID, q.RequestID = r.threadID.Draw(r.T, "thread"), userID.Draw(r.T, "user"), requestID.Draw(r.T, "request")
	if q.To == q.ThreadID {
		return
	}
	if rapid.Bool().Draw(r.T, "past") {
		q.AtRevision = rapid.Uint64Range(1, r.model.revision+1).Draw(r.T, "revision")
	}
	var a ckpt.ThreadsForkReply
	r.source = newWrite("threads.fork", ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: q.ThreadID, UserID: q.UserID}}, PlanSource(q, &a))
	defer func() { r.source = nil }()
	plan := func(v *View, e *Entry) error {
		e.Answer = append(e.Answer, 0x80)
		return PlanFork(v, q, &a, e)
	}
	source, at := r.model.find(q.ThreadID), q.AtRevision
	if at == 0 {
		at = r.model.last[q.ThreadID]
	}
	ref := ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: q.To, UserID: q.UserID}, Terms: ckpt.Terms{RequestID: q.RequestID}}
	var p *modelPast
	r.commitTo(ref, "threads.fork", plan,
		func(t *modelThread) ckpt.Code {
			if source == nil {
				return ckpt.NotFound
			}
			if source.owner != "" && q.UserID != "" && source.owner != q.UserID {
				return ckpt.PermissionDenied
			}
			p = r.model.pastOf(source, at)
			if p == nil || p.state == nil && len(p.messages) == 0 && p.metadata == nil && !p.record {
				return ckpt.NotFound
			}
			if r.model.holds(t) {
				return ckpt.Conflict
			}
			return 0
		},
		func(t *modelThread) bool {
			t.state, t.messages, t.metadata, t.record, t.owner = p.state, slices.Clone(p.messages), p.metadata, p.record, source.owner
			t.origin = &ckpt.Origin{ThreadID: q.ThreadID, Revision: at}
			if t.history = (modelHistory{}); source.history.keep.own {
				t.history.keep = source.history.keep
			}
			return true
		})
}

func sameMessages(a, b []modelMessage) bool {
	return slices.EqualFunc(a, b, func(a, b modelMessage) bool { return a.id == b.id && bytes.Equal(a.body, b.body) })
}

func (r *run) putCache() {
	v := state.Draw(r.T, "cache")
	q := &ckpt.CachePutRequest{State: bytes.Clone(v), TTL: time.Duration(rapid.SampledFrom([]int{0, 1, 30_000, 60_000}).Draw(r.T, "ttl")) * time.Millisecond}
	r.commit("cache.put", planned(PlanCachePut, q), 0,
		func(t *modelThread) bool {
			t.cache, t.expires = v, 0
			if q.TTL > 0 {
				t.expires = r.model.now + q.TTL.Milliseconds()
			}
			return true
		})
}

func (r *run) clearCache() {
	r.commit("cache.clear", planned(PlanCacheClear, nil), 0,
		func(t *modelThread) bool {
			changes := r.model.cached(t) != nil
			if changes {
				t.cache, t.expires = nil, 0
			}
			return changes
		})
}

func (r *run) putMessages() {
	q := &ckpt.MessagesPutRequest{}
	var ids []ckpt.MessageID
	code := ckpt.Code(0)
	for range rapid.IntRange(0, 12).Draw(r.T, "messages") {
		id := r.messageID.Draw(r.T, "message")
		body := newMessage(id, rapid.SampledFrom([]int{0, 10, 300, 5000, 20_000}).Draw(r.T, "size"))
		if rapid.IntRange(0, 9).Draw(r.T, "without ID") == 0 {
			id, body = ckpt.MessageID{}, ckpt.Raw{0x80}
		}
		q.Messages, ids = append(q.Messages, body), append(ids, id)
	}
	if rapid.IntRange(0, 9).Draw(r.T, "bad") == 0 {
		q.Messages, code = append(q.Messages, ckpt.Raw{0x01}), ckpt.InvalidArgument
	}
	if rapid.IntRange(0, 3).Draw(r.T, "metadata") == 0 {
		q.Metadata = wire.AppendBool(wire.AppendStr(wire.AppendMapHeader(nil, 1), "a"), true)
	}
	q.KeepMessages = rapid.SampledFrom([]int{0, 0, 0, 20}).Draw(r.T, "keep")
	r.commit("messages.put", planned(PlanMessagesPut, q), code,
		func(t *modelThread) bool {
			changes := len(ids) > 0 || q.Metadata != nil
			made := r.ids
			for i, id := range ids {
				body := q.Messages[i]
				if id.IsZero() {
					made++
					id = ckpt.StringID(fmt.Sprint("made-", made))
					body, _ = id.AppendWire(wire.AppendStr(wire.AppendMapHeader(nil, 1), "message_id"))
				}
				if at := slices.IndexFunc(t.messages, func(m modelMessage) bool { return m.id == id }); at >= 0 {
					t.messages[at].body = body
				} else {
					t.messages = append(t.messages, modelMessage{id, body})
				}
			}
			if q.Metadata != nil {
				t.metadata = q.Metadata
			}
			switch {
			case !changes:
			case q.KeepMessages > 0:
				t.trim(q.KeepMessages)
			case t.keep != 0:
				t.trim(t.keep)
			default:
				t.trim(r.model.fresh.KeepMessages)
			}
			return changes
		})
}

func (r *run) deleteMessage() {
	q := &ckpt.MessagesDeleteRequest{MessageID: r.messageID.Draw(r.T, "message")}
	is := func(m modelMessage) bool { return m.id == q.MessageID }
	ref := ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: r.threadID.Draw(r.T, "thread")}, Terms: ckpt.Terms{RequestID: requestID.Draw(r.T, "request")}}
	r.commitTo(ref, "messages.delete", planned(PlanMessagesDelete, q),
		func(t *modelThread) ckpt.Code {
			if !slices.ContainsFunc(t.messages, is) {
				return ckpt.NotFound
			}
			return 0
		},
		func(t *modelThread) bool { t.messages = slices.DeleteFunc(t.messages, is); return true })
}

func (r *run) putThread() {
	q := &ckpt.ThreadsPutRequest{Record: wire.AppendStr(wire.AppendStr(wire.AppendMapHeader(nil, 1), "thread_name"), "x")}
	r.commit("threads.put", planned(PlanThreadsPut, q), 0,
		func(t *modelThread) bool { t.record = true; return true })
}

func (r *run) retain() {
	q := &ckpt.ThreadsRetainRequest{}
	if rapid.Bool().Draw(r.T, "set TTL") {
		ttl := time.Duration(rapid.SampledFrom([]int{0, 1, 30_000, 60_000}).Draw(r.T, "ttl")) * time.Millisecond
		q.TTL, q.Sliding = &ttl, ttl > 0 && rapid.Bool().Draw(r.T, "sliding")
	}
	if rapid.Bool().Draw(r.T, "set pinned") {
		pinned := rapid.Bool().Draw(r.T, "pinned")
		q.Pinned = &pinned
	}
	if q.TTL == nil && q.Pinned == nil || rapid.Bool().Draw(r.T, "set keep") {
		keep := rapid.SampledFrom([]int{0, 1, 5, 30}).Draw(r.T, "keep")
		q.KeepMessages = &keep
	}
	ref := ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: r.threadID.Draw(r.T, "thread")}, Terms: ckpt.Terms{RequestID: requestID.Draw(r.T, "request")}}
	r.commitTo(ref, "threads.retain", planned(PlanThreadsRetain, q),
		func(t *modelThread) ckpt.Code {
			if !r.model.holds(t) {
				return ckpt.NotFound
			}
			return 0
		},
		func(t *modelThread) bool {
			if q.TTL != nil {
				t.ttl, t.from = q.TTL.Milliseconds(), r.model.now
				if q.Sliding {
					t.from = 0
				}
			}
			if q.Pinned != nil {
				if t.pinned && !*q.Pinned && t.from != 0 {
					t.from = r.model.now
				}
				t.pinned = *q.Pinned
			}
			if q.KeepMessages != nil {
				if t.keep = *q.KeepMessages; t.keep == 0 {
					t.keep = -1
				}
				t.trim(t.keep)
			}
			return true
		})
}

func (r *run) cleanThread() {
	q := &ckpt.ThreadsCleanRequest{RecordOnly: rapid.Bool().Draw(r.T, "record only")}
	r.commit("threads.clean", planned(PlanThreadsClean, q), 0,
		func(t *modelThread) bool {
			if q.RecordOnly {
				changes := t.record
				t.record = false
				return changes
			}
			changes := r.model.holds(t)
			*t = modelThread{id: t.id, owner: t.owner}
			return changes
		})
}

func (r *run) release() {
	m := &r.model
	var want ckpt.Removed
	for _, t := range m.threads {
		if m.holds(t) {
			want.Threads++
			want.States += one(t.state != nil)
			want.Caches += one(m.cached(t) != nil)
			want.Messages += len(t.messages)
			want.Records += one(t.record)
		}
	}
	m.threads = nil // also for change: they hold nothing when they are told of
	r.changes = nil
	a := r.store.Release("r9", m.now, r.next, r.change)
	if a.Removed != want || a.Revision != m.revision {
		r.Fatalf("release: %+v, want %+v", a, want)
	}
}

func (r *run) sweep() {
	m := &r.model
	var want []string
	for _, t := range m.threads {
		if !m.holds(t) {
			want = append(want, t.id)
		}
	}
	m.threads = slices.DeleteFunc(m.threads, func(t *modelThread) bool { return !m.holds(t) })
	r.changes = nil
	r.store.Sweep(m.now, r.next, r.change)
	var got []string
	for _, c := range r.changes {
		if c.Kind != ckpt.KindExpired {
			r.Fatalf("the sweep tells of %+v", c)
		}
		got = append(got, c.ThreadID)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		r.Fatalf("the sweep tells of %q, want %q", got, want)
	}
	for i := range r.store.shards {
		for t := range r.store.shards[i].timed {
			if d := t.peek(); d.expires != 0 && d.expires <= m.now {
				r.Fatalf("thread %s: the sweep left an expired value", t.id)
			}
			if l := t.peek().lease; l != nil && l.held() && l.expires <= m.now {
				r.Fatalf("thread %s: the sweep left a lease that ran out", t.id)
			}
		}
		for _, a := range r.store.shards[i].agenda {
			if a.over(m.now) {
				r.Fatalf("thread %s: the sweep left a thread that has expired", a.id)
			}
		}
	}
}

// check compares all that the store holds with the model.
func (r *run) check() {
	m := &r.model
	if r.store.Revision() != m.revision {
		r.Fatalf("revision %d, want %d", r.store.Revision(), m.revision)
	}
	r.checkLeases()
	var want, got []string
	for _, t := range m.threads {
		if m.holds(t) {
			want = append(want, t.id)
			r.checkThread(t)
		}
	}
	list, err := queried(r.store.ThreadsList, &ckpt.ThreadsListRequest{}, m.now)
	if err != nil {
		r.Fatal(err)
	}
	for _, raw := range list.Threads {
		id, _ := raw.Get("thread_id").Str()
		got = append(got, id)
	}
	if !slices.Equal(got, want) || list.Total != len(want) {
		r.Fatalf("threads %q of %d, want %q", got, list.Total, want)
	}
	live := 0
	for _, t := range m.threads {
		for _, msg := range t.messages {
			live += len(msg.body)
		}
	}
	checkStore(r, r.store, live)
}

func (r *run) checkThread(t *modelThread) {
	m, s := &r.model, r.store
	ref := ckpt.ThreadRef{ThreadID: t.id}
	sg, err := queried(s.StateGet, &ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ref}}, m.now)
	if (err == nil) != (t.state != nil) || !bytes.Equal(sg.State, t.state) {
		r.Fatalf("%s: state of %d bytes, %v, want %d", t.id, len(sg.State), err, len(t.state))
	}
	cg, err := queried(s.CacheGet, &ckpt.CacheGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ref}}, m.now)
	if want := m.cached(t); (err == nil) != (want != nil) || !bytes.Equal(cg.State, want) {
		r.Fatalf("%s: cached state of %d bytes, %v, want %d", t.id, len(cg.State), err, len(want))
	}
	ml, err := queried(s.MessagesList, &ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: ref}}, m.now)
	if err != nil || !slices.EqualFunc(ml.Messages, t.messages, func(a ckpt.Raw, b modelMessage) bool { return bytes.Equal(a, b.body) }) ||
		!bytes.Equal(ml.Metadata, t.metadata) || ml.Revision != m.last[t.id] {
		r.Fatalf("%s: %d messages at revision %d, %v, want %d at %d", t.id, len(ml.Messages), ml.Revision, err, len(t.messages), m.last[t.id])
	}
	r.checkHistory(t, ref)
	tg, err := queried(s.ThreadsGet, &ckpt.ThreadsGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ref}}, m.now)
	var info ckpt.ThreadInfo
	if err == nil {
		err = ckpt.Decode(tg.Record, &info)
	}
	if err == nil && (info.Pinned != t.pinned || info.TTL.Milliseconds() != t.ttl || info.KeepMessages != max(t.keep, 0) || info.Sliding != (t.ttl != 0 && t.from == 0)) {
		r.Fatalf("%s: retention %+v, want %+v", t.id, info, t)
	}
	if err == nil && info.ExpiresAt.IsZero() != (t.ttl == 0 || t.pinned) || !info.ExpiresAt.IsZero() && !info.ExpiresAt.After(time.UnixMilli(m.now)) {
		r.Fatalf("%s: expires at %v, want %+v", t.id, info.ExpiresAt, t)
	}
	if err != nil || info.UserID != t.owner || info.Bare == t.record || !reflect.DeepEqual(info.Origin, t.origin) || info.CreatedAt.UnixMilli() != t.created {
		r.Fatalf("%s: record %+v, %v, want owner %q and creation at %d", t.id, info, err, t.owner, t.created)
	}
}

// checkHistory compares what the thread was with the model, at revisions that are
// kept and at others.
func (r *run) checkHistory(t *modelThread, ref ckpt.ThreadRef) {
	s, now, h := r.store, r.model.now, &t.history
	read := ckpt.ReadRef{ThreadRef: ref}
	for _, p := range h.pasts {
		sg, err := queried(s.StateGet, &ckpt.StateGetRequest{ReadRef: read, AtRevision: p.revision}, now)
		if (err == nil) != (p.state != nil) || !bytes.Equal(sg.State, p.state) {
			r.Fatalf("%s at %d: state of %d bytes, %v, want %d", t.id, p.revision, len(sg.State), err, len(p.state))
		}
		ml, err := queried(s.MessagesList, &ckpt.MessagesListRequest{ReadRef: read, AtRevision: p.revision}, now)
		if err != nil || !slices.EqualFunc(ml.Messages, p.messages, func(a ckpt.Raw, b modelMessage) bool { return bytes.Equal(a, b.body) }) || !bytes.Equal(ml.Metadata, p.metadata) {
			r.Fatalf("%s at %d: %d messages, %v, want %d", t.id, p.revision, len(ml.Messages), err, len(p.messages))
		}
		id := r.messageID.Draw(r.T, "message")
		mg, err := queried(s.MessagesGet, &ckpt.MessagesGetRequest{ReadRef: read, AtRevision: p.revision, MessageID: id}, now)
		at := slices.IndexFunc(p.messages, func(m modelMessage) bool { return m.id == id })
		if (err == nil) != (at >= 0) || at >= 0 && !bytes.Equal(mg.Message, p.messages[at].body) || mg.PutRevision > p.revision {
			r.Fatalf("%s at %d: message %v: %d bytes put by %d, %v, want row %d", t.id, p.revision, id, len(mg.Message), mg.PutRevision, err, at)
		}
	}
	sh, err := queried(s.StateHistory, &ckpt.StateHistoryRequest{ReadRef: read}, now)
	var got []uint64
	for _, v := range sh.Versions {
		got = append([]uint64{v.Revision}, got...)
	}
	if err != nil || !slices.Equal(got, h.versions) {
		r.Fatalf("%s: versions %v, %v, want %v", t.id, got, err, h.versions)
	}
	if len(h.versions) > 0 && h.versions[0] > 1 {
		_, err := queried(s.MessagesList, &ckpt.MessagesListRequest{ReadRef: read, AtRevision: h.versions[0] - 1}, now)
		if e, ok := err.(*ckpt.Error); !ok || e.Code != ckpt.NotFound {
			r.Fatalf("%s reads at %d, before the oldest version: %v", t.id, h.versions[0]-1, err)
		}
	}
}

// fataler is what checkStore needs of a test.
type fataler interface {
	Fatalf(format string, args ...any)
}

// checkStore checks what must be true of a store at rest whose messages have
// live bytes.
func checkStore(t fataler, s *Store, live int) {
	held, listed := 0, 0
	for i := range s.shards {
		sh := &s.shards[i]
		held += sh.heap.Live()
		for th := range sh.threads.all {
			id := th.id
			if s.shard(id) != sh || sh.threads.get(id) != th {
				t.Fatalf("thread %q is not found", id)
			}
			if th.gone() && !hasKey(sh.timed, th) {
				t.Fatalf("thread %q is gone and nothing will free it", id)
			}
			if th.more != nil && th.more.empty() {
				t.Fatalf("thread %q keeps details of nothing", id)
			}
			if d := th.peek(); (d.expires != 0 || d.lease != nil && d.lease.held()) && !hasKey(sh.timed, th) {
				t.Fatalf("thread %q has an expiry that no sweep visits", id)
			}
			if at := th.deadline(); at != 0 && (th.peek().due == nil || th.peek().due.due > at) || at == 0 && th.peek().due != nil {
				t.Fatalf("thread %q expires at %d and is not in its place of the agenda", id, at)
			}
			if th.gone() && (th.messages.Len() > 0 || th.peek().state.full() || th.peek().cache.full() || th.peek().record != nil) {
				t.Fatalf("thread %q is gone and holds something", id)
			}
			if !th.gone() {
				listed++
				if s.directory.threads[th.place] != th {
					t.Fatalf("thread %q is not in its place of the directory", id)
				}
			}
		}
		for th := range sh.timed {
			if sh.threads.get(th.id) != th {
				t.Fatalf("the sweep keeps thread %q, which is no more", th.id)
			}
		}
	}
	if all := s.directory.all(); len(all) != listed {
		t.Fatalf("the directory lists %d threads of %d", len(all), listed)
	}
	if held != live {
		t.Fatalf("the heaps say that %d bytes are live, want %d", held, live)
	}
}

func hasKey[K comparable, V any](m map[K]V, k K) bool { _, ok := m[k]; return ok }
