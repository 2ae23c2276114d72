package service

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/wire"
)

// past is a thread as it was.
type past struct {
	revision uint64
	state    ckpt.Raw // nil: none
	messages []ckpt.Raw
	metadata ckpt.Raw
}

func readAt(id string) ckpt.ReadRef { return ckpt.ReadRef{ThreadRef: thread(id)} }

// now returns a thread as it is.
func (h *harness) now(id string) past {
	h.Helper()
	list := do(h, ckpt.MessagesList, ckpt.MessagesListRequest{ReadRef: readAt(id)})
	p := past{revision: list.Revision, messages: list.Messages, metadata: list.Metadata}
	if s, err := ask(h, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: readAt(id)}); err == nil {
		p.state = s.State
	}
	return p
}

// was checks that a thread reads at a revision as it was.
func (h *harness) was(id string, p past) {
	h.Helper()
	s, err := ask(h, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: readAt(id), AtRevision: p.revision})
	if (err == nil) != (p.state != nil) || !bytes.Equal(s.State, p.state) {
		h.Errorf("at %d: state %x, %v, want %x", p.revision, []byte(s.State), err, []byte(p.state))
	}
	list := do(h, ckpt.MessagesList, ckpt.MessagesListRequest{ReadRef: readAt(id), AtRevision: p.revision})
	if !slices.EqualFunc(list.Messages, p.messages, sameBytes) || list.Total != len(p.messages) || !bytes.Equal(list.Metadata, p.metadata) {
		h.Errorf("at %d: messages %q, metadata %q\nwant %q, %q", p.revision, list.Messages, list.Metadata, p.messages, p.metadata)
	}
	for i, m := range p.messages {
		var id2 ckpt.MessageID
		if err := id2.DecodeWire(m.Get("message_id")); err != nil {
			h.Fatal(err)
		}
		got := do(h, ckpt.MessagesGet, ckpt.MessagesGetRequest{ReadRef: readAt(id), MessageID: id2, AtRevision: p.revision})
		if !bytes.Equal(got.Message, m) {
			h.Errorf("at %d: message %v is %q, want %q", p.revision, id2, got.Message, m)
		}
		page := do(h, ckpt.MessagesList, ckpt.MessagesListRequest{ReadRef: readAt(id), AtRevision: p.revision, Page: ckpt.Page{Offset: i, Limit: 1}})
		if len(page.Messages) != 1 || !bytes.Equal(page.Messages[0], m) || page.Total != len(p.messages) {
			h.Errorf("at %d: row %d is %q of %d", p.revision, i, page.Messages, page.Total)
		}
	}
}

// keeping is a put of a state that says how many are kept.
func (h *harness) keeping(id string, state ckpt.Raw, keep int) ckpt.StatePutReply {
	h.Helper()
	return do(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: write1(id), State: state, Keep: &keep})
}

// A thread reads as it was at each revision since the oldest state that is kept.
func testHistory(t *testing.T, start starter) {
	h := start(t, setting{})
	h.putState("t", ckpt.Raw{1})
	h.putMessages("t", textMessage(t, "m1", "one"))
	began := h.now("t")
	h.keeping("t", ckpt.Raw{2}, 3)
	pasts := []past{began, h.now("t")}
	for _, change := range []func(){
		func() { h.putMessages("t", textMessage(t, "m2", "two"), textMessage(t, 3, "three")) },
		func() { h.putState("t", ckpt.Raw{3}) },
		func() { h.putMessages("t", textMessage(t, "m2", "TWO"), textMessage(t, "m4", "four")) },
		func() {
			do(h, ckpt.MessagesDelete, ckpt.MessagesDeleteRequest{WriteRef: write1("t"), MessageID: ckpt.StringID("m1")})
		},
		func() { h.putMessages("t", textMessage(t, "m1", "one again")) },
		func() {
			do(h, ckpt.MessagesPut, ckpt.MessagesPutRequest{WriteRef: write1("t"), Metadata: pairs(t, "k", "v"), Messages: []ckpt.Raw{}})
		},
		func() { do(h, ckpt.StateClear, ckpt.StateClearRequest{WriteRef: write1("t")}) },
		func() {
			do(h, ckpt.MessagesDelete, ckpt.MessagesDeleteRequest{WriteRef: write1("t"), MessageID: ckpt.IntID(3)})
		},
	} {
		change()
		pasts = append(pasts, h.now("t"))
	}
	for _, p := range pasts {
		h.was("t", p)
	}
	a := do(h, ckpt.StateHistory, ckpt.StateHistoryRequest{ReadRef: readAt("t"), States: true})
	want := []ckpt.StateVersion{{Revision: pasts[8].revision, Cleared: true}, {Revision: pasts[3].revision, Size: 1, State: ckpt.Raw{3}},
		{Revision: pasts[1].revision, Size: 1, State: ckpt.Raw{2}}, {Revision: began.revision, Size: 1, State: ckpt.Raw{1}}}
	for i := range a.Versions {
		if a.Versions[i].UpdatedAt.IsZero() {
			t.Errorf("version %d has no time", i)
		}
		a.Versions[i].UpdatedAt = want[0].UpdatedAt
	}
	if !slices.EqualFunc(a.Versions, want, func(a, b ckpt.StateVersion) bool {
		return a.Revision == b.Revision && a.Cleared == b.Cleared && a.Size == b.Size && bytes.Equal(a.State, b.State)
	}) || a.HasMore || a.Keep != 3 || a.From != began.revision || a.Next != began.revision {
		t.Errorf("history %+v, want %+v", a, want)
	}
	// Who put a message as it is.
	for id, revision := range map[string]uint64{"m2": pasts[4].revision, "m4": pasts[4].revision, "m1": pasts[6].revision} {
		if got := do(h, ckpt.MessagesGet, ckpt.MessagesGetRequest{ReadRef: readAt("t"), MessageID: ckpt.StringID(id)}); got.PutRevision != revision {
			t.Errorf("message %s was put by %d, want %d", id, got.PutRevision, revision)
		}
	}
	got := do(h, ckpt.MessagesGet, ckpt.MessagesGetRequest{ReadRef: readAt("t"), MessageID: ckpt.StringID("m2"), AtRevision: pasts[3].revision})
	if got.PutRevision != pasts[2].revision {
		t.Errorf("message m2 of then was put by %d, want %d", got.PutRevision, pasts[2].revision)
	}
	// A search of then.
	list := do(h, ckpt.MessagesList, ckpt.MessagesListRequest{ReadRef: readAt("t"), AtRevision: pasts[2].revision, Page: ckpt.Page{Search: "t"}})
	if list.Total != 2 {
		t.Errorf("a search of then finds %q", list.Messages)
	}

	// One more state, and the oldest is gone, with the changes before the next.
	h.putState("t", ckpt.Raw{4})
	for _, p := range pasts[1:] {
		h.was("t", p)
	}
	for _, at := range []uint64{began.revision, 1 << 60} {
		if e := refused(h, ckpt.NotFound, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: readAt("t"), AtRevision: at}); e.Revision == 0 {
			t.Errorf("%v carries no revision", e)
		}
		refused(h, ckpt.NotFound, ckpt.MessagesList, ckpt.MessagesListRequest{ReadRef: readAt("t"), AtRevision: at})
		refused(h, ckpt.NotFound, ckpt.MessagesGet, ckpt.MessagesGetRequest{ReadRef: readAt("t"), AtRevision: at, MessageID: ckpt.StringID("m1")})
		refused(h, ckpt.NotFound, ckpt.StateRestore, ckpt.StateRestoreRequest{WriteRef: write1("t"), Revision: at})
	}
	refused(h, ckpt.NotFound, ckpt.MessagesGet, ckpt.MessagesGetRequest{ReadRef: readAt("t"), AtRevision: pasts[1].revision, MessageID: ckpt.StringID("m4")})

	// A cleared state can be read although the thread holds nothing else, and a
	// clean leaves nothing.
	h.keeping("u", ckpt.Raw{1}, 1)
	put := h.now("u")
	do(h, ckpt.StateClear, ckpt.StateClearRequest{WriteRef: write1("u")})
	h.was("u", put)
	for _, id := range []string{"t", "u"} {
		if a := do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: write1(id)}); !a.Cleaned {
			t.Errorf("%s: %+v", id, a)
		}
		if a := do(h, ckpt.StateHistory, ckpt.StateHistoryRequest{ReadRef: readAt(id)}); len(a.Versions) != 0 || a.Keep != 0 || a.From != 0 {
			t.Errorf("%s: a history of what was cleaned: %+v", id, a)
		}
		refused(h, ckpt.NotFound, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: readAt(id), AtRevision: put.revision})
	}
}

// The service has a number, and a thread may have another.
func testHistoryOptions(t *testing.T, start starter) {
	h := start(t, setting{options: []Option{WithHistory(2)}})
	versions := func(id string) int {
		t.Helper()
		return len(do(h, ckpt.StateHistory, ckpt.StateHistoryRequest{ReadRef: readAt(id)}).Versions)
	}
	for i := range 5 {
		h.putState("default", ckpt.Raw{byte(i)})
		h.putState("none", ckpt.Raw{byte(i)})
		if i == 2 {
			h.keeping("none", ckpt.Raw{9}, 0)
		}
		h.putState("more", ckpt.Raw{byte(i)})
		if i == 0 {
			h.keeping("more", ckpt.Raw{9}, 4)
		}
	}
	for id, want := range map[string]int{"default": 3, "none": 0, "more": 5} {
		if n := versions(id); n != want {
			t.Errorf("thread %s has %d versions, want %d", id, n, want)
		}
	}
	now := h.now("none")
	h.was("none", now) // as it is, it is always there
	refused(h, ckpt.NotFound, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: readAt("none"), AtRevision: now.revision - 1})
	keep := 1
	commit := ckpt.ThreadsCommitRequest{WriteRef: write1("commit"), Changes: ckpt.Changes{State: ckpt.Raw{1}, Keep: &keep}}
	do(h, ckpt.ThreadsCommit, commit)
	for i := range 3 {
		commit.Changes = ckpt.Changes{State: ckpt.Raw{byte(i)}}
		do(h, ckpt.ThreadsCommit, commit)
	}
	commit.Changes = ckpt.Changes{Keep: &keep, Messages: []ckpt.Raw{{0x80}}}
	if refused(h, ckpt.InvalidArgument, ckpt.ThreadsCommit, commit); versions("commit") != 2 {
		t.Errorf("%d versions of commits, want 2", versions("commit"))
	}
	if h.keeping("more", ckpt.Raw{7}, 1); versions("more") != 2 {
		t.Errorf("%d versions where fewer are to be kept", versions("more"))
	}
	limit := h.store.Limits().History
	h.keeping("more", ckpt.Raw{7}, limit)
	for _, keep := range []int{-1, limit + 1} {
		if e := refused(h, ckpt.InvalidArgument, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: write1("more"), State: ckpt.Raw{1}, Keep: &keep}); !strings.Contains(e.Message, "1000") {
			t.Errorf("%v names no limit", e)
		}
	}
	for _, n := range []int{-1, limit + 1} {
		if _, err := Start(h.nc, quiet, WithPrefix("other"), WithHistory(n)); err == nil {
			t.Errorf("a service with a history of %d", n)
		}
	}
}

// A page ends where the bus's limit or the caller's is reached.
func testHistoryPages(t *testing.T, start starter) {
	h := start(t, setting{bus: bus.Options{MaxPayload: 8 << 10}, options: []Option{WithHistory(10)}})
	var want []uint64
	large := h.store.Limits().Page
	for i, size := range []int{10, 1000, 3000, 3000, 3000, large - 3, 20, 30} {
		want = append(want, h.putState("t", wire.AppendBin(nil, bytes.Repeat([]byte{byte(i)}, size))).Revision)
	}
	slices.Reverse(want)
	for _, q := range []ckpt.StateHistoryRequest{{}, {Limit: 3}, {States: true}, {States: true, Limit: 2}} {
		var got []uint64
		for more, pages := true, 0; more; pages++ {
			q.ReadRef = readAt("t")
			a := do(h, ckpt.StateHistory, q)
			for _, v := range a.Versions {
				if got = append(got, v.Revision); q.States != (len(v.State) > 0) || q.States && len(v.State) != v.Size {
					t.Errorf("version %d of %d bytes has %d", v.Revision, v.Size, len(v.State))
				}
			}
			if len(a.Versions) == 0 || q.Limit > 0 && len(a.Versions) > q.Limit || a.Next != got[len(got)-1] {
				t.Fatalf("%+v", a)
			}
			more, q.Before = a.HasMore, a.Next
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v: revisions %v, want %v", q, got, want)
		}
	}
}

// A state that was comes back as a new write.
func testRestore(t *testing.T, start starter) {
	h := start(t, setting{options: []Option{WithHistory(5)}})
	h.putMessages("t", textMessage(t, "m", "text"))
	h.putState("t", ckpt.Raw{1})
	first := h.now("t")
	do(h, ckpt.StateClear, ckpt.StateClearRequest{WriteRef: write1("t")})
	cleared := h.now("t")
	h.putState("t", ckpt.Raw{2})
	h.putMessages("t", textMessage(t, "n", "more"))
	q := ckpt.StateRestoreRequest{WriteRef: write1("t"), Revision: first.revision}
	q.RequestID = "r"
	a := do(h, ckpt.StateRestore, q)
	now := h.now("t")
	if a.Cleared || a.Revision != now.revision || !bytes.Equal(now.state, ckpt.Raw{1}) || len(now.messages) != 2 || a.UpdatedAt.IsZero() {
		t.Errorf("restored %+v: %+v", a, now)
	}
	if again := do(h, ckpt.StateRestore, q); again != a {
		t.Errorf("answered %+v, then %+v", a, again)
	}
	a = do(h, ckpt.StateRestore, ckpt.StateRestoreRequest{WriteRef: write1("t"), Revision: cleared.revision})
	if now := h.now("t"); !a.Cleared || now.state != nil {
		t.Errorf("restored %+v: %+v", a, now)
	}
	h.was("t", first)
	if n := len(do(h, ckpt.StateHistory, ckpt.StateHistoryRequest{ReadRef: readAt("t")}).Versions); n != 5 {
		t.Errorf("%d versions, want 5", n)
	}
	refused(h, ckpt.NotFound, ckpt.StateRestore, ckpt.StateRestoreRequest{WriteRef: write1("nothing"), Revision: 1})
}

// The messages of then come back with the state.
func testRestoreMessages(t *testing.T, start starter) {
	h := start(t, setting{options: []Option{WithHistory(20)}})
	h.putMessages("t", textMessage(t, "a", "A"), textMessage(t, "b", "B"))
	h.putState("t", ckpt.Raw{1})
	pasts := []past{h.now("t")}
	for _, change := range []func(){
		func() { h.putMessages("t", textMessage(t, "c", "C"), textMessage(t, "d", "D")) },
		func() { h.putMessages("t", textMessage(t, "b", "B2")) },
		func() {
			do(h, ckpt.MessagesPut, ckpt.MessagesPutRequest{WriteRef: write1("t"), Metadata: pairs(t, "k", "v"), Messages: []ckpt.Raw{}})
		},
		func() {
			do(h, ckpt.MessagesDelete, ckpt.MessagesDeleteRequest{WriteRef: write1("t"), MessageID: ckpt.StringID("a")})
		},
		func() { h.putMessages("t", textMessage(t, "a", "A2"), textMessage(t, "e", "E")) },
	} {
		change()
		pasts = append(pasts, h.now("t"))
	}
	for _, i := range []int{4, 0, 3, 1, 5, 2} {
		a := do(h, ckpt.StateRestore, ckpt.StateRestoreRequest{WriteRef: write1("t"), Revision: pasts[i].revision, WithMessages: true})
		now, want := h.now("t"), pasts[i]
		if !slices.EqualFunc(now.messages, want.messages, sameBytes) || !bytes.Equal(now.metadata, want.metadata) || !bytes.Equal(now.state, want.state) {
			t.Errorf("restored %d, %+v: %+v, want %+v", i, a, now, want)
		}
		for _, p := range pasts {
			h.was("t", p)
		}
	}
	// What did not change stays: only what came later is deleted.
	before := h.now("t")
	h.putMessages("t", textMessage(t, "x", "X"), textMessage(t, "y", "Y"))
	if a := do(h, ckpt.StateRestore, ckpt.StateRestoreRequest{WriteRef: write1("t"), Revision: before.revision, WithMessages: true}); a.Put != 0 || a.Deleted != 2 {
		t.Errorf("%+v, want nothing put and two deleted", a)
	}
	// More than one request may put is too much.
	small := slices.Repeat([]ckpt.Raw{{0x80}}, h.store.Limits().Batch)
	h.putMessages("t", small...)
	h.putMessages("t", ckpt.Raw{0x80})
	e := refused(h, ckpt.TooLarge, ckpt.StateRestore, ckpt.StateRestoreRequest{WriteRef: write1("t"), Revision: before.revision, WithMessages: true})
	if !strings.Contains(e.Message, "limit 10000") {
		t.Errorf("%v names no limit", e)
	}
}
