package journal

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
	"github.com/ckptbus/ckpt/service/internal/store"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ignore(string, store.Change, bool) {}

var update = flag.Bool("update", false, "write the golden records of the present version anew")

// newReader returns a replica without a stream.
func newReader() *JetStream {
	id := "store"
	j := &JetStream{log: slog.New(slog.DiscardHandler), writer: "reader", underWay: make(map[uint64]*record),
		opts: Options{Now: func() time.Time { return time.UnixMilli(0) }, Applied: ignore, Window: Window}}
	j.id.Store(&id)
	j.store = store.New(store.Options{Limits: ckpt.LimitsFor(1 << 20), NewID: func() string { return "made" }, Window: Window})
	return j
}

// message returns one message of a stream.
func message(t testing.TB, number uint64, at int64, entries ...store.Entry) []byte {
	t.Helper()
	var list [][]byte
	for i := range entries {
		b, err := entries[i].Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, b)
	}
	p := part{version, "store", "writer", number, 0, 1, nil}
	return append(p.append(nil), appendBody(nil, number-1, at, list)...)
}

// writeAt plans a write as a replica does and returns its entry.
func writeAt[Q, A any](t testing.TB, j *JetStream, op ckpt.Op[Q, A], ref ckpt.WriteRef, plan func(*store.View, *Q, *A, *store.Entry) error, q Q) store.Entry {
	t.Helper()
	w := &store.Write{Entry: store.Entry{Kind: op.Name, WriteRef: ref}}
	w.Plan = func(v *store.View, e *store.Entry) error {
		var a A
		err := plan(v, &q, &a, e)
		if err == nil {
			e.Answer, err = ckpt.Append(e.Answer, op.Reply(&a))
		}
		return err
	}
	if ok, _, err := j.store.Plan(w, 1_700_000_000_000); err != nil || !ok {
		t.Fatalf("%s: %v, %v", op.Name, ok, err)
	}
	return w.Entry
}

// records returns a stream with entries of every kind.
func records(t testing.TB) (stream [][]byte) {
	j := newReader()
	at := int64(1_700_000_000_000)
	add := func(messages ...[]byte) {
		t.Helper()
		for _, m := range messages {
			stream = append(stream, m)
			if err := j.take(assembly{}, uint64(len(stream)), m); err != nil {
				t.Fatal(err)
			}
			j.applied.Store(uint64(len(stream)))
		}
	}
	next := func(e ...store.Entry) { t.Helper(); at++; add(message(t, uint64(len(stream)+1), at, e...)) }
	ref := func(thread, user, request string) ckpt.WriteRef {
		return ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: thread, UserID: user}, Terms: ckpt.Terms{RequestID: request}}
	}
	body := func(id ckpt.MessageID, text string) ckpt.Raw {
		b, _ := id.AppendWire(wire.AppendStr(wire.AppendMapHeader(nil, 2), "message_id"))
		return wire.AppendStr(wire.AppendStr(b, "content"), text)
	}
	next(writeAt(t, j, ckpt.StatePut, ref("a", "ann", "r1"), store.PlanStatePut, ckpt.StatePutRequest{State: ckpt.Raw("\x81\xa4step\x01")}),
		writeAt(t, j, ckpt.MessagesPut, ref("b", "", ""), store.PlanMessagesPut, ckpt.MessagesPutRequest{
			Messages: []ckpt.Raw{body(ckpt.IntID(7), "one"), body(ckpt.StringID("7"), "two")}, Metadata: ckpt.Raw("\x81\xa1k\x01")}))
	next(writeAt(t, j, ckpt.CachePut, ref("a", "", "r2"), store.PlanCachePut, ckpt.CachePutRequest{State: ckpt.Raw{1}, TTL: time.Hour}))
	next(writeAt(t, j, ckpt.ThreadsPut, ref("a", "ann", "r3"), store.PlanThreadsPut, ckpt.ThreadsPutRequest{Record: ckpt.Raw("\x82\xabthread_name\xa1n\xa5later\xc3")}))
	next(writeAt(t, j, ckpt.MessagesDelete, ref("b", "", "r4"), store.PlanMessagesDelete, ckpt.MessagesDeleteRequest{MessageID: ckpt.IntID(7)}))
	next(writeAt(t, j, ckpt.StateClear, ref("a", "", ""), store.PlanStateClear, ckpt.StateClearRequest{KeepCache: true}))
	next(writeAt(t, j, ckpt.ThreadsClean, ref("a", "", ""), store.PlanThreadsClean, ckpt.ThreadsCleanRequest{RecordOnly: true}))
	next(writeAt(t, j, ckpt.CachePut, ref("c", "", "r5"), store.PlanCachePut, ckpt.CachePutRequest{State: ckpt.Raw{2}, TTL: time.Millisecond}))
	expired, _ := j.store.Expired(at+10, at, 10)
	next(expired...)
	next(writeAt(t, j, ckpt.StatePut, ref("d", "", "r6"), store.PlanStatePut, ckpt.StatePutRequest{State: ckpt.Raw{3}}))
	next(writeAt(t, j, ckpt.ThreadsClean, ref("d", "", "r7"), store.PlanThreadsClean, ckpt.ThreadsCleanRequest{}))
	var snapshots []store.Entry
	for _, id := range []string{"a", "b", "d"} {
		e, ok := j.store.Snapshot(id, at)
		if !ok {
			t.Fatalf("no trace of thread %s", id)
		}
		snapshots = append(snapshots, e)
	}
	next(snapshots...)
	return stream
}

// view returns what a replica makes of the messages of a stream from first on.
func view(t testing.TB, stream [][]byte, first int) string {
	t.Helper()
	j, a := newReader(), assembly{}
	for i, m := range stream[first:] {
		if err := j.take(a, uint64(first+i+1), m); err != nil {
			t.Fatalf("message %d: %v", first+i+1, err)
		}
	}
	var b strings.Builder
	for _, n := range j.store.Needs(math.MaxUint64) {
		e, _ := j.store.Snapshot(n.ThreadID, 0)
		encoded, err := e.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s since %d\n%s", n.ThreadID, n.Since, hex.Dump(encoded))
	}
	return b.String()
}

const goldenRecords, goldenView = "testdata/records-v1.hex", "testdata/view-v1.hex"

// Records that version 1 wrote are read for ever, and make the same view; from
// the last one, which has snapshots of all threads, too.
func TestGoldenRecords(t *testing.T) {
	t.Parallel()
	if *update {
		var b bytes.Buffer
		stream := records(t)
		for _, m := range stream {
			fmt.Fprintf(&b, "%x\n", m)
		}
		for name, content := range map[string]string{goldenRecords: b.String(), goldenView: view(t, stream, 0)} {
			if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	text, err := os.ReadFile(goldenRecords)
	if err != nil {
		t.Fatal(err)
	}
	var stream [][]byte
	for line := range strings.FieldsSeq(string(text)) {
		m, err := hex.DecodeString(line)
		if err != nil {
			t.Fatal(err)
		}
		stream = append(stream, m)
	}
	want, err := os.ReadFile(goldenView)
	if err != nil {
		t.Fatal(err)
	}
	if got := view(t, stream, 0); got != strings.ReplaceAll(string(want), "\r\n", "\n") {
		t.Errorf("the view is another:\n%s\nwant\n%s", got, want)
	}
	whole, rest := newReader(), newReader()
	for i, m := range stream {
		if err := whole.take(assembly{}, uint64(i+1), m); err != nil {
			t.Fatal(err)
		}
	}
	if err := rest.take(assembly{}, uint64(len(stream)), stream[len(stream)-1]); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b", "d"} {
		a, _ := whole.store.Snapshot(id, 0)
		b, ok := rest.store.Snapshot(id, 0)
		x, _ := a.Append(nil)
		if y, _ := b.Append(nil); !ok || !bytes.Equal(x, y) {
			t.Errorf("thread %s from its snapshot alone:\n%x\nwant\n%x", id, y, x)
		}
	}
}

// A record of a later version is no record that this one may pass over.
func TestLaterVersion(t *testing.T) {
	t.Parallel()
	m := records(t)[0]
	m[0] = version + 1
	if err := newReader().take(assembly{}, 1, m); err == nil || !strings.Contains(err.Error(), "version 3") {
		t.Errorf("error %v", err)
	}
}

// A record that comes in parts is applied when the last has come, and only if
// they came in order.
func TestParts(t *testing.T) {
	t.Parallel()
	e := writeAt(t, newReader(), ckpt.StatePut, ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: "a"}}, store.PlanStatePut,
		ckpt.StatePutRequest{State: wire.AppendBin(nil, bytes.Repeat([]byte{7}, 1000))})
	encoded, err := e.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := appendBody(nil, 0, 1, [][]byte{encoded})
	const count = 4
	var parts [count][]byte
	for i := range parts {
		p := part{version, "store", "writer", 1, i, count, nil}
		parts[i] = append(p.append(nil), b[i*len(b)/count:(i+1)*len(b)/count]...)
	}
	for order, applied := range map[string]bool{"0123": true, "012": false, "123": false, "0213": false, "00123": true, "0120123": true, "01230123": true} {
		j, a := newReader(), assembly{}
		for i, c := range order {
			if err := j.take(a, uint64(i+1), parts[c-'0']); err != nil {
				t.Fatal(err)
			}
		}
		var reply ckpt.StateGetReply
		err := j.store.StateGet(&ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{ThreadID: "a"}}}, &reply, 1)
		if (err == nil) != applied {
			t.Errorf("order %s: %v", order, err)
		}
	}
}

// Whatever a message of the stream has in it, it is read or refused, and nothing
// else happens.
func FuzzRecord(f *testing.F) {
	for _, m := range records(f) {
		f.Add(m)
	}
	f.Add([]byte{version, 0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, m []byte) {
		j := newReader()
		if j.take(assembly{}, 1, m) != nil {
			return
		}
		for _, n := range j.store.Needs(math.MaxUint64) {
			e, _ := j.store.Snapshot(n.ThreadID, 0)
			b, err := e.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := store.DecodeEntry(b); err != nil {
				t.Fatalf("%x became %x: %v", m, b, err)
			}
		}
	})
}

func TestWaiters(t *testing.T) {
	t.Parallel()
	var w waiters
	got := make(map[uint64]bool)
	for _, n := range []uint64{5, 3, 9, 3, 7} {
		w.add(n, func(error) { got[n] = true })
	}
	for _, then := range w.take(5) {
		then(nil)
	}
	if keys := slices.Sorted(maps.Keys(got)); !slices.Equal(keys, []uint64{3, 5}) || w.n.Load() != 2 {
		t.Errorf("called %v, %d wait", keys, w.n.Load())
	}
}

// How far a plan may be behind is what it was when the record was written.
func TestWindowOfFirstVersion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		version byte
		behind  uint64
		applied bool
	}{{1, firstWindow, true}, {1, firstWindow + 1, false}, {2, firstWindow + 1, true}, {2, Window, true}, {2, Window + 1, false}} {
		j := newReader()
		e := writeAt(t, j, ckpt.StatePut, ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: "t"}}, store.PlanStatePut, ckpt.StatePutRequest{State: ckpt.Raw{1}})
		b := message(t, 1, 1_700_000_000_000, e) // planned at 0
		b[0] = c.version
		if err := j.take(assembly{}, c.behind, b); err != nil {
			t.Fatal(err)
		}
		if got := j.store.Threads() == 1; got != c.applied {
			t.Errorf("version %d, %d records behind: applied is %v", c.version, c.behind, got)
		}
	}
}
