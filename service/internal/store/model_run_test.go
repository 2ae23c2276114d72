package store

import (
	"fmt"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
	"pgregory.net/rapid"
)

// run holds a store against the model.
type run struct {
	*rapid.T
	store   *Store
	model   model
	changes []Change
	ids     int
	keep    *int   // that the write under way says
	source  *Write // of the fork under way

	putsState bool // the commit under way does

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
	keep := t.history.keep
	if !keep.own {
		keep = kept{n: defaultKeep}
	}
	if r.keep != nil {
		keep = kept{*r.keep, true}
	}
	if r.source != nil {
		before = modelPast{}
	}
	var stateChanged bool
	switch kind {
	case "state.put":
		stateChanged = true
	case "threads.fork":
		stateChanged = t.state != nil
	case "state.clear":
		stateChanged = before.state != nil
	case "state.restore":
		stateChanged = t.state != nil || before.state != nil
	case "threads.commit":
		stateChanged = r.putsState || t.state == nil && before.state != nil
	}
	t.remember(before, stateChanged, keep, c.Revision)
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
			"":                  func(*rapid.T) { r.check() },
			"state.put":         func(*rapid.T) { r.putState() },
			"state.clear":       func(*rapid.T) { r.clearState() },
			"state.restore":     func(*rapid.T) { r.restoreState() },
			"threads.fork":      func(*rapid.T) { r.forkThread() },
			"cache.put":         func(*rapid.T) { r.putCache() },
			"cache.clear":       func(*rapid.T) { r.clearCache() },
			"messages.put":      func(*rapid.T) { r.putMessages() },
			"messages.more":     func(*rapid.T) { r.putMessages() },
			"messages.delete":   func(*rapid.T) { r.deleteMessage() },
			"messages.replace":  func(*rapid.T) { r.replaceMessage() },
			"messages.truncate": func(*rapid.T) { r.truncateMessages() },
			"messages.pop":      func(*rapid.T) { r.popMessages() },
			"threads.commit":    func(*rapid.T) { r.commitThread() },
			"threads.put":       func(*rapid.T) { r.putThread() },
			"threads.clean":     func(*rapid.T) { r.cleanThread() },
			"threads.retain":    func(*rapid.T) { r.retain() },
			"leases.acquire":    func(*rapid.T) { r.acquireLease() },
			"leases.renew":      func(*rapid.T) { r.renewLease() },
			"leases.release":    func(*rapid.T) { r.releaseLease() },
			"release":           func(*rapid.T) { r.release() },
			"time":              func(*rapid.T) { r.model.now += rapid.Int64Range(0, 90_000).Draw(t, "ms") },
			"sweep":             func(*rapid.T) { r.sweep() },
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
			"":                  func(*rapid.T) { r.check() },
			"state.put":         func(*rapid.T) { r.putState() },
			"state.clear":       func(*rapid.T) { r.clearState() },
			"state.restore":     func(*rapid.T) { r.restoreState() },
			"messages.put":      func(*rapid.T) { r.putMessages() },
			"messages.put 2":    func(*rapid.T) { r.putMessages() },
			"messages.delete":   func(*rapid.T) { r.deleteMessage() },
			"messages.delete2":  func(*rapid.T) { r.deleteMessage() },
			"messages.replace":  func(*rapid.T) { r.replaceMessage() },
			"messages.truncate": func(*rapid.T) { r.truncateMessages() },
			"messages.pop":      func(*rapid.T) { r.popMessages() },
			"threads.commit":    func(*rapid.T) { r.commitThread() },
		})
	})
}
