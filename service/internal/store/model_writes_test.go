package store

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
	"pgregory.net/rapid"
)

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
