package store

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/ckptbus/ckpt"
)

// forking returns the write of a fork of thread t.
func forking(to string) *Write {
	q, a := &ckpt.ThreadsForkRequest{To: to}, &ckpt.ThreadsForkReply{}
	q.ThreadID = "t"
	w := newWrite(ckpt.ThreadsFork.Name, ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: to}}, func(v *View, e *Entry) error { return PlanFork(v, q, a, e) })
	w.Group = []*Write{newWrite(ckpt.ThreadsFork.Name, ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: "t"}}, PlanSource(q, a))}
	return w
}

// A snapshot has the origin of a fork, and the entry of a fork names its source.
func TestForkTravels(t *testing.T) {
	t.Parallel()
	s, commit := historyStore(t)
	s.putAt(commit, 1, 10)
	w := forking("fork")
	if entry, _, err := s.Plan(w, 1000); !entry || err != nil {
		t.Fatal(err)
	}
	b, err := w.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := DecodeEntry(b)
	if err != nil {
		t.Fatal(err)
	}
	again, err := e.Append(nil)
	if err != nil || !bytes.Equal(again, b) || len(b) > 150 {
		t.Errorf("%q became %q, %v", b, again, err)
	}
	if !s.Apply(&e, 1000, 2, 2, func(Change) {}) {
		t.Fatal("the fork was not applied")
	}
	snapshot, _ := s.Snapshot("fork", 1000)
	if b, err = snapshot.Append(nil); err != nil {
		t.Fatal(err)
	}
	if e, err = DecodeEntry(b); err != nil {
		t.Fatal(err)
	}
	other := New(Options{Limits: ckpt.LimitsFor(1 << 20)})
	other.Apply(&e, 1000, 100, 100, func(Change) {})
	q := ckpt.ThreadsGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{ThreadID: "fork"}}}
	want, err := queried(s.ThreadsGet, &q, 1000)
	if err != nil {
		t.Fatal(err)
	}
	got, err := queried(other.ThreadsGet, &q, 1000)
	if err != nil || !bytes.Equal(got.Record, want.Record) || got.Record.Get("origin") == nil {
		t.Errorf("record %q, %v, want %q", got.Record, err, want.Record)
	}

	// A fork that goes without its source is none.
	w.With = nil
	b, err = w.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := DecodeEntry(b); err == nil || !strings.Contains(err.Error(), "goes without it") {
		t.Errorf("an entry without its source: %v", err)
	}
}

// What a source gave up is given back by the sweep, although its forks do not
// change.
func TestSweepTendsForks(t *testing.T) {
	t.Parallel()
	s, commit := historyStore(t)
	other := 0
	for i := range 20_000 { // every tenth message is of the thread that is forked
		id := "t"
		if i%10 > 0 {
			for other++; s.shard(fmt.Sprint("other-", other)) != s.shard("t"); other++ {
			}
			id = fmt.Sprint("other-", other)
			commitTo(t, s, id, newMessage(ckpt.IntID(int64(i)), 300))
			continue
		}
		s.putAt(commit, i, 300)
	}
	for n := range 3 {
		commitWrite(t, s, forking(fmt.Sprint("fork-", n)))
	}
	release := func(id string) {
		w := newWrite("threads.clean", ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: id}}, planned(PlanThreadsClean, &ckpt.ThreadsCleanRequest{}))
		commitWrite(t, s, w)
	}
	for _, th := range s.directory.all() {
		if !strings.HasPrefix(th.id, "fork") {
			release(th.id)
		}
	}
	held := func() (n int) {
		for i := range s.shards {
			if sh := &s.shards[i]; sh != s.shard("t") {
				n += sh.heap.Bytes()
			}
		}
		return n
	}
	before := held()
	for range 20 {
		s.Free(1000, s.Revision())
	}
	if after := held(); after > before/2 {
		t.Errorf("the forks hold %d bytes, and %d before the sweeps", after, before)
	}
	for n := range 3 {
		q := ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{ThreadID: fmt.Sprint("fork-", n)}}}
		a, err := queried(s.MessagesList, &q, 1000)
		if err != nil || a.Total != 2000 {
			t.Fatalf("%d messages, %v", a.Total, err)
		}
		for i, body := range a.Messages {
			if !bytes.Equal(body, newMessage(ckpt.IntID(int64(10*i)), 300)) {
				t.Fatalf("message %d of fork %d is another", i, n)
			}
		}
	}
}

func commitWrite(t testing.TB, s *Store, w *Write) {
	t.Helper()
	if _, err := s.Commit(w, 1000, func() uint64 { return s.Revision() + 1 }, func(Change) {}); err != nil {
		t.Fatal(err)
	}
}

func commitTo(t testing.TB, s *Store, id string, bodies ...ckpt.Raw) {
	t.Helper()
	commitWrite(t, s, newWrite("messages.put", ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: id}}, planned(PlanMessagesPut, &ckpt.MessagesPutRequest{Messages: bodies})))
}

// BenchmarkFork compares a fork of a thread with 100,000 messages with putting them
// into a new thread.
func BenchmarkFork(b *testing.B) {
	const n, size, batch = 100_000, 300, 1000
	put := func(s *Store, id string) {
		for i := 0; i < n; i += batch {
			bodies := make([]ckpt.Raw, batch)
			for j := range bodies {
				bodies[j] = newMessage(ckpt.IntID(int64(i+j)), size)
			}
			commitTo(b, s, id, bodies...)
		}
	}
	for name, grow := range map[string]func(s *Store, i int){
		"fork": func(s *Store, i int) { commitWrite(b, s, forking(fmt.Sprint("fork-", i))) },
		"copy": func(s *Store, i int) { put(s, fmt.Sprint("copy-", i)) },
	} {
		b.Run(name, func(b *testing.B) {
			s := New(Options{Limits: ckpt.LimitsFor(1 << 20)})
			put(s, "t")
			before := heapInUse()
			b.ResetTimer()
			for i := range b.N {
				grow(s, i)
			}
			b.StopTimer()
			b.ReportMetric(float64(heapInUse()-before)/float64(b.N), "B-held/op")
			runtime.KeepAlive(s)
		})
	}
}
