package store

import (
	"bytes"
	"reflect"
	"slices"
	"time"

	"github.com/ckptbus/ckpt"
)

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
		r.Fatalf("%s: record %+v, %v, want owner %q, creation at %d and origin %+v, not %+v", t.id, info, err, t.owner, t.created, t.origin, info.Origin)
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
