package service

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nats.go"
)

// watch receives the events of a harness.
type watch struct {
	*harness
	sub *nats.Subscription
}

// watch subscribes to the events of all threads, those of changes to come: the
// answer to a request comes behind all events of before.
func (h *harness) watch() *watch {
	h.Helper()
	do(h, ckpt.Setup, ckpt.SetupRequest{Protocol: ckpt.Protocol})
	sub, err := h.nc.SubscribeSync(ckpt.EventsSubject(h.prefix))
	if err == nil {
		err = h.nc.Flush()
	}
	if err != nil {
		h.Fatal(err)
	}
	return &watch{h, sub}
}

// next returns the next event.
func (w *watch) next() (e ckpt.Event) {
	w.Helper()
	m, err := w.sub.NextMsg(patience)
	if err != nil {
		w.Fatalf("no event: %v", err)
	}
	if err := ckpt.Decode(m.Data, &e); err != nil {
		w.Fatalf("event %x: %v", m.Data, err)
	}
	if want := ckpt.EventSubject(w.prefix, e.ThreadID); m.Subject != want || e.StoreID != w.StoreID() {
		w.Errorf("an event of thread %q and store %q on %s, want %q on %s", e.ThreadID, e.StoreID, m.Subject, w.StoreID(), want)
	}
	return e
}

// Each change has one event, which says what it was and what it followed.
func testEvents(t *testing.T, start starter) {
	h := start(t, setting{})
	events := h.watch()
	id := "a.b *>ü"
	ref := ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: id, UserID: "ann"}, Terms: ckpt.Terms{RequestID: "r"}}
	owner, previous := "", uint64(0)
	expect := func(op ckpt.OpInfo, revision uint64, messages ...ckpt.MessageID) {
		t.Helper()
		e := events.next()
		if e.ThreadID != id || e.Kind != op.Name || e.Revision != revision || e.Previous != previous || e.UserID != owner ||
			e.RequestID != ref.RequestID || !e.At.Equal(h.clock.now()) || !slices.Equal(e.MessageIDs, messages) {
			t.Errorf("after %s, revision %d behind %d by %q: event %+v", op.Name, revision, previous, ref.RequestID, e)
		}
		previous = revision
		h.clock.advance(time.Second)
		ref.RequestID = fmt.Sprint("r", revision)
	}
	nobody := ref
	nobody.UserID = ""
	expect(ckpt.StatePut.OpInfo, do(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: nobody, State: ckpt.Raw{1}}).Revision)
	owner = "ann"
	put := do(h, ckpt.MessagesPut, ckpt.MessagesPutRequest{WriteRef: ref, Messages: []ckpt.Raw{textMessage(t, 7, "x"), pairs(t, "role", "user"), textMessage(t, "7", "x")}})
	expect(ckpt.MessagesPut.OpInfo, put.Revision, put.MessageIDs...)
	expect(ckpt.CachePut.OpInfo, do(h, ckpt.CachePut, ckpt.CachePutRequest{WriteRef: ref, State: ckpt.Raw{1}}).Revision)
	expect(ckpt.MessagesDelete.OpInfo, do(h, ckpt.MessagesDelete, ckpt.MessagesDeleteRequest{WriteRef: ref, MessageID: ckpt.IntID(7)}).Revision, ckpt.IntID(7))
	expect(ckpt.CacheClear.OpInfo, do(h, ckpt.CacheClear, ckpt.CacheClearRequest{WriteRef: ref}).Revision)
	expect(ckpt.StateClear.OpInfo, do(h, ckpt.StateClear, ckpt.StateClearRequest{WriteRef: ref}).Revision)
	expect(ckpt.ThreadsPut.OpInfo, do(h, ckpt.ThreadsPut, ckpt.ThreadsPutRequest{Terms: ref.Terms, Record: pairs(t, "thread_id", id)}).Revision)
	expect(ckpt.ThreadsClean.OpInfo, do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: ref, RecordOnly: true}).Revision)
	expect(ckpt.ThreadsClean.OpInfo, do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: ref}).Revision)
	// The thread begins anew behind its old chain, and belongs to nobody.
	owner = ""
	nobody.RequestID = ref.RequestID
	expect(ckpt.StatePut.OpInfo, do(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: nobody, State: ckpt.Raw{1}}).Revision)
	// An event that does not fit the bus goes without the IDs of its messages.
	var many []ckpt.Raw
	for i := range 3900 {
		many = append(many, pairs(t, "message_id", fmt.Sprintf("%0250d", i)))
	}
	nobody.RequestID = ""
	ref.RequestID = ""
	put = do(h, ckpt.MessagesPut, ckpt.MessagesPutRequest{WriteRef: nobody, Messages: many})
	if e := events.next(); e.Revision != put.Revision || len(e.MessageIDs) != 3900 {
		t.Errorf("event %d with %d message IDs", e.Revision, len(e.MessageIDs))
	}
}

// What is refused and what changes nothing has no event.
func testNoEvents(t *testing.T, start starter) {
	h := start(t, setting{})
	h.fill("ann")
	do(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: writeAs("t", "r"), State: ckpt.Raw{1}})
	h.putCache("expiring", ckpt.Raw{1}, time.Second)
	h.putState("expiring", ckpt.Raw{1})
	events := h.watch()
	bob := ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: "t", UserID: "bob"}}
	refused(h, ckpt.PermissionDenied, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: bob, State: ckpt.Raw{1}})
	refused(h, ckpt.NotFound, ckpt.MessagesDelete, ckpt.MessagesDeleteRequest{WriteRef: write1("t"), MessageID: ckpt.IntID(99)})
	refused(h, ckpt.Conflict, ckpt.StateClear, ckpt.StateClearRequest{WriteRef: writeAs("t", "r")})
	refused(h, ckpt.InvalidArgument, ckpt.MessagesPut, ckpt.MessagesPutRequest{WriteRef: write1("t"), Messages: []ckpt.Raw{{7}}})
	refused(h, ckpt.PermissionDenied, ckpt.Release, ckpt.ReleaseRequest{Confirm: h.prefix})
	do(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: writeAs("t", "r"), State: ckpt.Raw{1}}) // a retry
	do(h, ckpt.StateClear, ckpt.StateClearRequest{WriteRef: write1("nobody")})
	do(h, ckpt.CacheClear, ckpt.CacheClearRequest{WriteRef: write1("nobody")})
	do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: write1("nobody")})
	do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: write1("expiring"), RecordOnly: true})
	do(h, ckpt.MessagesPut, ckpt.MessagesPutRequest{WriteRef: write1("t"), Metadata: ckpt.Raw{0x80}})
	h.clock.advance(time.Hour)
	h.sweep() // the thread has a state besides
	do(h, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
	last := h.putState("last", ckpt.Raw{1})
	if e := events.next(); e.ThreadID != "last" || e.Revision != last.Revision {
		t.Errorf("event %+v, want none before that of revision %d", e, last.Revision)
	}
}

// The events of a thread come in the order of its revisions and form a chain,
// whatever operations change it at once; so do the replies.
func testEventsInOrder(t *testing.T, start starter) {
	h := start(t, setting{})
	events := h.watch()
	const writers, writes, threads = 4, 50, 3
	var mu sync.Mutex
	type change struct {
		thread   string
		revision uint64
	}
	answered := make(map[change]bool) // what replies told of
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range writes {
				id := fmt.Sprint("t", i%threads)
				for _, r := range []uint64{
					h.putState(id, ckpt.Raw{1}).Revision,
					h.putMessages(id, textMessage(h, fmt.Sprint(w, "-", i), strings.Repeat("x", 100))).Revision,
					h.putCache(id, ckpt.Raw{1}, 0).Revision,
					h.putThread("thread_id", id).Revision,
				} {
					mu.Lock()
					if c := (change{id, r}); answered[c] {
						t.Errorf("revision %d of %s is that of two writes", r, id)
					} else {
						answered[c] = true
					}
					mu.Unlock()
				}
			}
		})
	}
	last := make(map[string]uint64)
	for range writers * writes * 4 {
		e := events.next()
		if e.Previous != last[e.ThreadID] || e.Revision <= e.Previous {
			t.Fatalf("event %+v after revision %d", e, last[e.ThreadID])
		}
		last[e.ThreadID] = e.Revision
	}
	wg.Wait()
	if len(answered) != writers*writes*4 {
		t.Errorf("%d changes of %d writes", len(answered), writers*writes*4)
	}
}
