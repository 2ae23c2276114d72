package service

import (
	"bytes"
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/ckptbus/ckpt/internal/wire"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A service with a local journal passes the suite.
func TestLocal(t *testing.T) {
	t.Parallel()
	suite(t, startLocal)
}

// suite tests what a service promises, whichever journal it has.
func suite(t *testing.T, start starter) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, start starter)
	}{
		{"Setup", testSetup},
		{"Info", testInfo},
		{"States", testStates},
		{"Clear", testClear},
		{"History", testHistory},
		{"HistoryOptions", testHistoryOptions},
		{"HistoryPages", testHistoryPages},
		{"Restore", testRestore},
		{"RestoreMessages", testRestoreMessages},
		{"Fork", testFork},
		{"ForkRefused", testForkRefused},
		{"Expiry", testExpiry},
		{"ExpiryWithoutReader", testExpiryWithoutReader},
		{"TTLBounds", testTTLBounds},
		{"MessagesInOrder", testMessagesInOrder},
		{"MessagesAllOrNone", testMessagesAllOrNone},
		{"MessagesReplace", testMessagesReplace},
		{"MessageIDTypes", testMessageIDTypes},
		{"MessageWithoutID", testMessageWithoutID},
		{"MessageMetadata", testMessageMetadata},
		{"MetadataBesideFullPage", testMetadataBesideFullPage},
		{"MessagesList", testMessagesList},
		{"MessagesPages", testMessagesPages},
		{"MessagesDelete", testMessagesDelete},
		{"MessagesFilters", testMessagesFilters},
		{"MessagesByCursor", testMessagesByCursor},
		{"MessagesOfThePast", testMessagesOfThePast},
		{"ThreadsFilters", testThreadsFilters},
		{"Select", testSelect},
		{"ListsRefuse", testListsRefuse},
		{"RowsLimit", testRowsLimit},
		{"MessagesDeleteMany", testMessagesDeleteMany},
		{"MessagesReplaceInPlace", testMessagesReplaceInPlace},
		{"MessagesTruncate", testMessagesTruncate},
		{"MessagesPop", testMessagesPop},
		{"Commit", testCommit},
		{"CommitAllOrNothing", testCommitAllOrNothing},
		{"Transact", testTransact},
		{"TransactAllOrNothing", testTransactAllOrNothing},
		{"TransactConcurrently", testTransactConcurrently},
		{"StateMany", testStateMany},
		{"ThreadRecords", testThreadRecords},
		{"ThreadRecordKeepsPlace", testThreadRecordKeepsPlace},
		{"ThreadsList", testThreadsList},
		{"ThreadsPages", testThreadsPages},
		{"ThreadsClean", testThreadsClean},
		{"Ownership", testOwnership},
		{"Release", testRelease},
		{"ReleaseRefused", testReleaseRefused},
		{"RequestIDs", testRequestIDs},
		{"RequestIDConflict", testRequestIDConflict},
		{"RequestIDAnotherBody", testRequestIDAnotherBody},
		{"Conditions", testConditions},
		{"ConditionsExclude", testConditionsExclude},
		{"RequestIDOutlivesClean", testRequestIDOutlivesClean},
		{"ThreadTTL", testThreadTTL},
		{"ThreadTTLSliding", testThreadTTLSliding},
		{"ThreadPinned", testThreadPinned},
		{"ThreadExpiryEvents", testThreadExpiryEvents},
		{"ThreadTTLSweep", testThreadTTLSweep},
		{"ThreadTTLDefault", testThreadTTLDefault},
		{"KeepMessages", testKeepMessages},
		{"RetainRefused", testRetainRefused},
		{"TransactExpired", testTransactExpired},
		{"Stats", testStats},
		{"StatsSmallBus", testStatsSmallBus},
		{"Prune", testPrune},
		{"PruneRefused", testPruneRefused},
		{"PruneMany", testPruneMany},
		{"Fields", testFields},
		{"BadValues", testBadValues},
		{"TooLarge", testTooLarge},
		{"ManyMessages", testManyMessages},
		{"ErrorHeaders", testErrorHeaders},
		{"Known", testKnown},
		{"LargeValues", testLargeValues},
		{"LargeMessages", testLargeMessages},
		{"LargeLimits", testLargeLimits},
		{"Uploads", testUploads},
		{"UploadsAtOnce", testUploadsAtOnce},
		{"UploadsBrokenOff", testUploadsBrokenOff},
		{"Downloads", testDownloads},
		{"Leases", testLeases},
		{"LeaseBounds", testLeaseBounds},
		{"LeasesFence", testLeasesFence},
		{"LeasesExpire", testLeasesExpire},
		{"LeaseOfNothing", testLeaseOfNothing},
		{"LeasesLeaveRevisions", testLeasesLeaveRevisions},
		{"LeasesExclude", testLeasesExclude},
		{"Events", testEvents},
		{"NoEvents", testNoEvents},
		{"EventsInOrder", testEventsInOrder},
		{"ChangesList", testChangesList},
		{"EventsBehindTheRing", testEventsBehindTheRing},
		{"ChangesThemselves", testChangesThemselves},
		{"Watchers", testWatchers},
		{"EventsOfOneRevision", testEventsOfOneRevision},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, start)
		})
	}
}

// starter starts a service for one test.
type starter func(t testing.TB, o setting) *harness

// setting is what tests choose of a service; the zero value will mostly do.
type setting struct {
	bus        bus.Options
	options    []Option
	sweepEvery time.Duration // 0: the test sweeps by itself
}

// harness is a service under test and a connection of a caller.
type harness struct {
	testing.TB
	*Service
	srv   *bus.Server
	nc    *nats.Conn
	clock *clock
}

// patience bounds what a test waits for; it is reached where something hangs.
const patience = 20 * time.Second

var quiet = WithLogger(slog.New(slog.DiscardHandler))

func startLocal(t testing.TB, o setting) *harness {
	t.Helper()
	srv := bustest.StartWith(t, o.bus)
	var h *harness
	t.Cleanup(func() { // when it has stopped: whoever pages through its changes must come to their end
		if h == nil {
			return // it did not start
		}
		if at, last := h.journal.Status().Applied, h.store.Revision(); at != last {
			t.Errorf("the journal is at %d, and its latest change has revision %d", at, last)
		}
	})
	h = startOn(t, srv, o)
	return h
}

// startOn starts a service on a server.
func startOn(t testing.TB, srv *bus.Server, o setting) *harness {
	t.Helper()
	if o.sweepEvery == 0 {
		o.sweepEvery = time.Hour
	}
	h := &harness{TB: t, srv: srv, nc: bustest.Connect(t, srv), clock: newClock()}
	s, err := Start(bustest.Connect(t, srv), append([]Option{quiet, withClock(h.clock.now, o.sweepEvery)}, o.options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s) })
	h.Service = s
	return h
}

func stop(t testing.TB, s *Service) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// sweep frees what has expired by now.
func (h *harness) sweep() {
	h.Helper()
	h.journal.Sweep(h.millis())
	h.settle()
}

// settle waits until the service knows of all that was begun.
func (h *harness) settle() {
	h.Helper()
	settled := make(chan error, 1)
	h.journal.Barrier(func(err error) { settled <- err })
	select {
	case err := <-settled:
		if err != nil {
			h.Fatal(err)
		}
	case <-time.After(patience):
		h.Fatal("the journal does not settle")
	}
}

// clock is a time that passes where the test says so.
type clock struct{ ms atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.ms.Store(1758400000000)
	return c
}

func (c *clock) now() time.Time          { return time.UnixMilli(c.ms.Load()) }
func (c *clock) advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// send sends a payload to an operation and returns the reply, whose error is
// that of the service.
func (h *harness) send(op ckpt.OpInfo, payload []byte) (*nats.Msg, error) {
	h.Helper()
	m, err := h.nc.Request(op.SubjectOf(h.prefix, h.replica), payload, patience)
	if err != nil {
		h.Fatalf("%s: %v", op.Name, err)
	}
	if code := m.Header.Get(ckpt.HeaderErrorCode); code != "" {
		return m, ckpt.ParseError(code, m.Header.Get(ckpt.HeaderError), m.Data)
	}
	return m, nil
}

// ask carries out an operation.
func ask[Q, A any](h *harness, op ckpt.Op[Q, A], q Q) (a A, err error) {
	h.Helper()
	b, err := ckpt.Append(nil, op.Request(&q))
	if err != nil {
		h.Fatal(err)
	}
	m, err := h.send(op.OpInfo, b)
	if err != nil {
		return a, err
	}
	if err := ckpt.Decode(m.Data, op.Reply(&a)); err != nil {
		h.Fatalf("%s: reply %x: %v", op.Name, m.Data, err)
	}
	return a, nil
}

// do carries out an operation that must succeed.
func do[Q, A any](h *harness, op ckpt.Op[Q, A], q Q) A {
	h.Helper()
	a, err := ask(h, op, q)
	if err != nil {
		h.Fatalf("%s %+v: %v", op.Name, q, err)
	}
	return a
}

// refused carries out an operation that must fail with the code.
func refused[Q, A any](h *harness, code ckpt.Code, op ckpt.Op[Q, A], q Q) *ckpt.Error {
	h.Helper()
	_, err := ask(h, op, q)
	return h.want(code, op.OpInfo, err)
}

// want checks the code of an error.
func (h *harness) want(code ckpt.Code, op ckpt.OpInfo, err error) *ckpt.Error {
	h.Helper()
	e, ok := err.(*ckpt.Error)
	if !ok || e.Code != code {
		h.Fatalf("%s: error %v, want %s", op.Name, err, code)
	}
	return e
}

func thread(id string) ckpt.ThreadRef { return ckpt.ThreadRef{ThreadID: id} }

func write1(id string) ckpt.WriteRef { return ckpt.WriteRef{ThreadRef: thread(id)} }

// pack returns the msgpack value that v is.
func pack(t testing.TB, v any) ckpt.Raw {
	t.Helper()
	b, err := wire.AppendAny(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pairs returns a msgpack map of keys and values in this order.
func pairs(t testing.TB, keysAndValues ...any) ckpt.Raw {
	t.Helper()
	b := wire.AppendMapHeader(nil, len(keysAndValues)/2)
	for _, v := range keysAndValues {
		b = append(b, pack(t, v)...)
	}
	return b
}

// message returns a message of one text.
func textMessage(t testing.TB, id any, text string) ckpt.Raw {
	t.Helper()
	return pairs(t, "message_id", id, "role", "user", "content", text)
}

func (h *harness) putMessages(thread string, messages ...ckpt.Raw) ckpt.MessagesPutReply {
	h.Helper()
	return do(h, ckpt.MessagesPut, ckpt.MessagesPutRequest{WriteRef: write1(thread), Messages: messages})
}

func (h *harness) putState(thread string, state ckpt.Raw) ckpt.StatePutReply {
	h.Helper()
	return do(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: write1(thread), State: state})
}

func (h *harness) putCache(thread string, state ckpt.Raw, ttl time.Duration) ckpt.CachePutReply {
	h.Helper()
	return do(h, ckpt.CachePut, ckpt.CachePutRequest{WriteRef: write1(thread), State: state, TTL: ttl})
}

func (h *harness) putThread(keysAndValues ...any) ckpt.ThreadsPutReply {
	h.Helper()
	return do(h, ckpt.ThreadsPut, ckpt.ThreadsPutRequest{Record: pairs(h, keysAndValues...)})
}

// info returns the record of a thread.
func (h *harness) info(id string) ckpt.ThreadInfo {
	h.Helper()
	a := do(h, ckpt.ThreadsGet, ckpt.ThreadsGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread(id)}})
	return decodeInfo(h, a.Record)
}

func decodeInfo(t testing.TB, raw ckpt.Raw) (info ckpt.ThreadInfo) {
	t.Helper()
	if err := ckpt.Decode(raw, &info); err != nil {
		t.Fatalf("record %x: %v", []byte(raw), err)
	}
	return info
}

// threads returns the IDs of the threads of a list.
func (h *harness) threads(q ckpt.ThreadsListRequest) []string {
	h.Helper()
	ids := []string{}
	for _, raw := range do(h, ckpt.ThreadsList, q).Threads {
		ids = append(ids, decodeInfo(h, raw).ThreadID)
	}
	return ids
}

func sameBytes(a, b ckpt.Raw) bool { return bytes.Equal(a, b) }
