package store

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

func historyStore(t *testing.T) (*Store, func(kind string, plan Plan)) {
	t.Helper()
	s := New(Options{Limits: ckpt.LimitsFor(1 << 20), History: 3})
	revision := uint64(0)
	return s, func(kind string, plan Plan) {
		t.Helper()
		ref := ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: "t"}}
		if _, err := s.Commit(newWrite(kind, ref, plan), 1000, func() uint64 { revision++; return revision }, func(Change) {}); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *Store) putAt(commit func(string, Plan), id int, size int) {
	commit("messages.put", planned(PlanMessagesPut, &ckpt.MessagesPutRequest{Messages: []ckpt.Raw{newMessage(ckpt.IntID(int64(id)), size)}}))
}

// What changed since the oldest state costs a bounded number of bytes: of more,
// the latest is kept, and the states stay.
func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	s, commit := historyStore(t)
	commit("state.put", planned(PlanStatePut, &ckpt.StatePutRequest{State: wire.AppendInt(nil, 1)}))
	commit("state.put", planned(PlanStatePut, &ckpt.StatePutRequest{State: wire.AppendInt(nil, 2)}))
	const size = 50_000
	for i := range 3 * maxUndo / size {
		s.putAt(commit, 7, size+i)
	}
	h := s.shard("t").threads.get("t").more.history
	if h.weight > maxUndo || h.weight < maxUndo-2*size {
		t.Errorf("the log weighs %d bytes, limit %d", h.weight, maxUndo)
	}
	weight := 0
	for _, u := range h.undo {
		weight += undoBytes + len(u.value)
	}
	if weight != h.weight || h.undo[0].revision != h.from+1 {
		t.Errorf("the log counts %d bytes and has %d; it begins at %d, to be read from %d on", h.weight, weight, h.undo[0].revision, h.from)
	}
	read := ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{ThreadID: "t"}}
	for at := h.from; at <= s.Revision(); at++ {
		m, err := queried(s.MessagesGet, &ckpt.MessagesGetRequest{ReadRef: read, AtRevision: at, MessageID: ckpt.IntID(7)}, 1000)
		if want := newMessage(ckpt.IntID(7), size+int(at)-3); err != nil || !bytes.Equal(m.Message, want) {
			t.Fatalf("at %d: %d bytes, %v, want %d", at, len(m.Message), err, len(want))
		}
	}
	if _, err := queried(s.MessagesList, &ckpt.MessagesListRequest{ReadRef: read, AtRevision: h.from - 1}, 1000); err == nil {
		t.Error("the messages can be read before the log")
	}
	if got, err := queried(s.StateGet, &ckpt.StateGetRequest{ReadRef: read, AtRevision: 1}, 1000); err != nil || !bytes.Equal(got.State, wire.AppendInt(nil, 1)) {
		t.Errorf("the first state is %x, %v", []byte(got.State), err)
	}
	// An appended message costs a few bytes, and none where nothing is kept.
	for i := range 1000 {
		s.putAt(commit, 1000+i, 100)
	}
	if _, err := queried(s.MessagesList, &ckpt.MessagesListRequest{ReadRef: read, AtRevision: s.Revision() - 1000}, 1000); err != nil {
		t.Error(err)
	}
}

// A snapshot has all of a history, and its encoding too.
func TestHistoryInSnapshot(t *testing.T) {
	t.Parallel()
	s, commit := historyStore(t)
	for i := range 3 {
		commit("state.put", planned(PlanStatePut, &ckpt.StatePutRequest{State: wire.AppendInt(nil, int64(i))}))
		s.putAt(commit, i%2, 10+i)
		commit("messages.put", planned(PlanMessagesPut, &ckpt.MessagesPutRequest{Metadata: wire.AppendStr(wire.AppendStr(wire.AppendMapHeader(nil, 1), "k"), fmt.Sprint(i))}))
		commit("threads.put", planned(PlanThreadsPut, &ckpt.ThreadsPutRequest{Record: ckpt.Raw{0x81, 0xa1, 'x', byte(i)}}))
		commit("state.clear", planned(PlanStateClear, &ckpt.StateClearRequest{}))
	}
	e, _ := s.Snapshot("t", 1000)
	b, err := e.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	read, err := DecodeEntry(b)
	if err != nil {
		t.Fatal(err)
	}
	other := New(Options{Limits: ckpt.LimitsFor(1 << 20)})
	other.Apply(&read, 1000, 100, 100, func(Change) {})
	e, _ = other.Snapshot("t", 1000)
	again, err := e.Append(nil)
	if err != nil || !bytes.Equal(again, b) {
		t.Errorf("%v\n%q\nbecame\n%q", err, b, again)
	}
	if s.Live() != other.Live() || s.Weight("t") != other.Weight("t") {
		t.Errorf("%d bytes became %d", s.Live(), other.Live())
	}
	for at := uint64(5); at <= s.Revision(); at++ {
		q := ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{ThreadID: "t"}}, AtRevision: at}
		want, err := queried(s.MessagesList, &q, 1000)
		got, err2 := queried(other.MessagesList, &q, 1000)
		if (err == nil) != (err2 == nil) || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("at %d: %v, %v, want %v, %v", at, got, err2, want, err)
		}
	}
}
