package service

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/wire"
	"github.com/nats-io/nats.go"
)

// largeBus is a bus of small messages, so that values need not be that large
// to be over their size.
func largeBus(opts ...Option) setting {
	return setting{bus: bus.Options{MaxPayload: 64 << 10}, options: append([]Option{WithMaxValue(8 << 20)}, opts...)}
}

// random returns a binary that has size bytes as a msgpack value.
func random(size int) ckpt.Raw {
	b := make([]byte, size-5)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return wire.AppendBin(nil, b)
}

// fillParts makes the requests in parts, and the reply, that each good request
// finds: one of two parts that have not come, one that is whole, and a reply.
func (h *harness) fillParts() {
	get := pairs(h, "thread_id", "t")
	two := []byte{0x80, 0}
	coming := &upload{bytes: two, partSize: 1, came: make([]bool, 2), missing: 2, latest: h.millis()}
	whole := &upload{bytes: get, partSize: len(get), checksum: ckpt.Checksum(get), came: []bool{true}, latest: h.millis()}
	whole.subject = ckpt.StateGet.Subject(h.prefix)
	whole.take = receive(h.Service, ckpt.StateGet, nil, func(r *call[ckpt.StateGetRequest, ckpt.StateGetReply]) {
		answer(r, h.store.StateGet)
	})
	h.uploads.mu.Lock()
	h.uploads.byID["coming"], h.uploads.byID["whole"] = coming, whole
	h.uploads.mu.Unlock()
	h.downloads.mu.Lock()
	defer h.downloads.mu.Unlock()
	h.downloads.byID["going"] = &download{bytes: two, partSize: 1, went: make([]bool, 2), missing: 2, latest: h.millis()}
}

// announce announces a request.
func (h *harness) announce(op ckpt.OpInfo, q ckpt.UploadRequest) (up ckpt.UploadReply, err error) {
	h.Helper()
	b, err := ckpt.Append(nil, &q)
	if err != nil {
		h.Fatal(err)
	}
	m, err := h.nc.RequestMsg(&nats.Msg{Subject: op.Subject(h.prefix), Header: nats.Header{ckpt.HeaderUpload: {"1"}}, Data: b}, patience)
	if err != nil {
		h.Fatal(err)
	}
	if code := m.Header.Get(ckpt.HeaderErrorCode); code != "" {
		return up, ckpt.ParseError(code, m.Header.Get(ckpt.HeaderError), m.Data)
	}
	if err := ckpt.Decode(m.Data, &up); err != nil {
		h.Fatal(err)
	}
	if up.Replica != h.replica || up.StoreID != h.StoreID() {
		h.Fatalf("an announcement is answered with %+v", up)
	}
	return up, nil
}

// partSize is that of the requests in parts of tests.
const partSize = 60_000

// begun announces a payload and returns the ID of its upload.
func (h *harness) begun(op ckpt.OpInfo, payload []byte) string {
	h.Helper()
	up, err := h.announce(op, ckpt.UploadRequest{Size: len(payload), PartSize: partSize, Checksum: ckpt.Checksum(payload)})
	if err != nil {
		h.Fatal(err)
	}
	return up.ID
}

// sendParts sends the parts of a payload.
func (h *harness) sendParts(id string, payload []byte) {
	h.Helper()
	for i := range ckpt.PartCount(len(payload), partSize) {
		do(h, ckpt.PartsPut, ckpt.PartsPutRequest{ID: id, Index: i, Data: part(payload, partSize, i)})
	}
}

// askLarge carries out an operation whose request comes in parts.
func askLarge[Q, A any](h *harness, op ckpt.Op[Q, A], q Q) (a A, err error) {
	h.Helper()
	b, err := ckpt.Append(nil, op.Request(&q))
	if err != nil {
		h.Fatal(err)
	}
	id := h.begun(op.OpInfo, b)
	h.sendParts(id, b)
	end := op
	end.OpInfo = ckpt.PartsEnd.OpInfo
	m, err := h.send(end.OpInfo, pairs(h, "id", id))
	if err != nil {
		return a, err
	}
	if err := ckpt.Decode(m.Data, op.Reply(&a)); err != nil {
		h.Fatalf("%s: reply %x: %v", op.Name, m.Data, err)
	}
	return a, nil
}

func doLarge[Q, A any](h *harness, op ckpt.Op[Q, A], q Q) A {
	h.Helper()
	a, err := askLarge(h, op, q)
	if err != nil {
		h.Fatal(err)
	}
	return a
}

// fetch carries out an operation whose reply goes in parts.
func fetch[Q, A any](h *harness, op ckpt.Op[Q, A], q Q) (a A) {
	h.Helper()
	e := refused(h, ckpt.TooLarge, op, q)
	if e.Parts == nil || e.Limit != h.Service.nc.MaxPayload() || e.Parts.Replica != h.replica {
		h.Fatalf("%s: %+v does not tell how to read the reply", op.Name, e)
	}
	var b []byte
	for i := range ckpt.PartCount(int(e.Size), e.Parts.PartSize) {
		b = append(b, do(h, ckpt.PartsGet, ckpt.PartsGetRequest{ID: e.Parts.ID, Index: i}).Data...)
	}
	if int64(len(b)) != e.Size || ckpt.Checksum(b) != e.Parts.Checksum {
		h.Fatalf("%s: %d bytes with the checksum %d, want %d with %d", op.Name, len(b), ckpt.Checksum(b), e.Size, e.Parts.Checksum)
	}
	if err := ckpt.Decode(b, op.Reply(&a)); err != nil {
		h.Fatal(err)
	}
	h.nothingInParts()
	return a
}

// inPartsNow returns how many requests and replies take memory.
func (h *harness) inPartsNow() (requests, replies int) {
	h.uploads.mu.Lock()
	defer h.uploads.mu.Unlock()
	h.downloads.mu.Lock()
	defer h.downloads.mu.Unlock()
	return len(h.uploads.byID), len(h.downloads.byID)
}

// nothingInParts waits until no request takes memory any more, which is at
// once behind its answer, and checks that no reply does.
func (h *harness) nothingInParts() {
	h.Helper()
	h.uploadsLeft(0)
	if _, replies := h.inPartsNow(); replies > 0 {
		h.Errorf("%d replies in parts are left", replies)
	}
}

// uploadsLeft waits until n requests take memory.
func (h *harness) uploadsLeft(n int) {
	h.Helper()
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		if requests, _ := h.inPartsNow(); requests == n {
			return
		} else if time.Now().After(deadline) {
			h.Fatalf("%d requests in parts are left, want %d", requests, n)
		}
	}
}

func reading(id string) ckpt.ReadRef { return ckpt.ReadRef{ThreadRef: thread(id)} }

// A state and a cached state of the largest size come back byte for byte, as
// writes like all others.
func testLargeValues(t *testing.T, start starter) {
	h := start(t, largeBus())
	state := random(h.store.Limits().Value)
	q := ckpt.StatePutRequest{WriteRef: write1("t"), State: state}
	q.RequestID = "r"
	put := doLarge(h, ckpt.StatePut, q)
	if again := doLarge(h, ckpt.StatePut, q); again.Revision != put.Revision || put.Revision == 0 {
		t.Errorf("the same request was answered with %d and %d", put.Revision, again.Revision)
	}
	got := fetch(h, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: reading("t")})
	if !sameBytes(got.State, state) || got.Revision != put.Revision {
		t.Errorf("%d bytes at %d, want %d at %d", len(got.State), got.Revision, len(state), put.Revision)
	}
	cache := random(500_000)
	doLarge(h, ckpt.CachePut, ckpt.CachePutRequest{WriteRef: write1("t"), State: cache})
	if got := fetch(h, ckpt.CacheGet, ckpt.CacheGetRequest{ReadRef: reading("t")}); !sameBytes(got.State, cache) {
		t.Errorf("a cached state of %d bytes", len(got.State))
	}
	// What the operation refuses, it refuses in parts too.
	q.RequestID, q.Expected = "", ckpt.AtRevision(1<<40)
	_, err := askLarge(h, ckpt.StatePut, q)
	h.want(ckpt.Conflict, ckpt.StatePut.OpInfo, err)
	h.putState("t", ckpt.Raw{1})
	if a := do(h, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: reading("t")}); !sameBytes(a.State, ckpt.Raw{1}) {
		t.Errorf("state %x", a.State)
	}
	h.nothingInParts()
}

// A message that no page has room for has one to itself.
func testLargeMessages(t *testing.T, start starter) {
	h := start(t, largeBus())
	large := textMessage(t, 2, strings.Repeat("needle ", 100_000))
	h.putMessages("t", textMessage(t, 1, "small"))
	q := ckpt.MessagesPutRequest{WriteRef: write1("t"), Messages: []ckpt.Raw{large, textMessage(t, 3, "needle")}, Metadata: pairs(t, "k", "v")}
	if a := doLarge(h, ckpt.MessagesPut, q); a.Count != 2 {
		t.Errorf("%d messages were put", a.Count)
	}
	if a := fetch(h, ckpt.MessagesGet, ckpt.MessagesGetRequest{ReadRef: reading("t"), MessageID: ckpt.IntID(2)}); !sameBytes(a.Message, large) {
		t.Errorf("a message of %d bytes", len(a.Message))
	}
	page := func(offset int) ckpt.MessagesListRequest {
		return ckpt.MessagesListRequest{ReadRef: reading("t"), Page: ckpt.Page{Offset: offset}}
	}
	if a := do(h, ckpt.MessagesList, page(0)); len(a.Messages) != 1 || !a.HasMore || a.NextOffset != 1 || a.Metadata == nil {
		t.Errorf("the page before the large message: %d messages, %+v", len(a.Messages), a.PageReply)
	}
	if a := fetch(h, ckpt.MessagesList, page(1)); len(a.Messages) != 1 || !sameBytes(a.Messages[0], large) || !a.HasMore || a.NextOffset != 2 || a.Metadata != nil {
		t.Errorf("the page of the large message: %d messages, %+v", len(a.Messages), a.PageReply)
	}
	if a := do(h, ckpt.MessagesList, page(2)); len(a.Messages) != 1 || a.HasMore || a.Total != 3 {
		t.Errorf("the page behind the large message: %d messages, %+v", len(a.Messages), a.PageReply)
	}
	search := page(0)
	search.Search = "needle"
	if a := fetch(h, ckpt.MessagesList, search); len(a.Messages) != 1 || !sameBytes(a.Messages[0], large) || !a.HasMore || a.Total != 2 {
		t.Errorf("the page of the search: %d messages, %+v", len(a.Messages), a.PageReply)
	}
}

// What is over a limit is refused, as early as it is known.
func testLargeLimits(t *testing.T, start starter) {
	h := start(t, largeBus())
	limits := h.store.Limits()
	if limits.Value != 8<<20 || limits.Uploads != ckpt.DefaultUploads || limits.Payload != 64<<10 {
		t.Errorf("%+v", limits)
	}
	over := limits.Value + 1
	_, err := askLarge(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: write1("t"), State: random(over)})
	if e := h.want(ckpt.TooLarge, ckpt.StatePut.OpInfo, err); e.Size != int64(over) || e.Limit != int64(limits.Value) {
		t.Errorf("%v: sizes %d and %d", e, e.Size, e.Limit)
	}
	for _, c := range []struct {
		what       string
		size, part int
		code       ckpt.Code
	}{
		{"nothing", 0, 1, ckpt.InvalidArgument},
		{"less than nothing", -1, 1, ckpt.InvalidArgument},
		{"too much", limits.Request() + 1, partSize, ckpt.TooLarge},
		{"far too much", 1 << 62, partSize, ckpt.TooLarge},
		{"no parts", 1 << 20, 0, ckpt.InvalidArgument},
		{"negative parts", 1 << 20, -1, ckpt.InvalidArgument},
		{"too many parts", maxParts + 1, 1, ckpt.InvalidArgument},
	} {
		_, err := h.announce(ckpt.StatePut.OpInfo, ckpt.UploadRequest{Size: c.size, PartSize: c.part})
		if e := h.want(c.code, ckpt.StatePut.OpInfo, err); c.code == ckpt.TooLarge && e.Limit != int64(limits.Request()) {
			t.Errorf("%s: %v: limit %d", c.what, e, e.Limit)
		}
	}
	if ids := h.threads(ckpt.ThreadsListRequest{}); len(ids) != 0 {
		t.Errorf("threads %q after refused requests", ids)
	}
	h.nothingInParts()
}

// Parts come in any order and more than once; what does not add up to what was
// announced is refused and changes nothing.
func testUploads(t *testing.T, start starter) {
	h := start(t, largeBus())
	op := ckpt.StatePut.OpInfo
	payload := func(state ckpt.Raw) []byte {
		b, err := ckpt.Append(nil, &ckpt.StatePutRequest{WriteRef: write1("t"), State: state})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := payload(random(3*partSize - 1000))
	end := func(id string) error {
		_, err := ask(h, ckpt.PartsEnd, ckpt.PartsEndRequest{ID: id})
		return err
	}
	put := func(id string, index int, data []byte) error {
		_, err := ask(h, ckpt.PartsPut, ckpt.PartsPutRequest{ID: id, Index: index, Data: data})
		return err
	}
	bad := func(err error) {
		t.Helper()
		h.want(ckpt.InvalidArgument, op, err)
	}
	id := h.begun(op, b)
	bad(end(id)) // before all parts are there
	for _, i := range []int{2, 0, 2} {
		if err := put(id, i, part(b, partSize, i)); err != nil {
			t.Fatal(err)
		}
	}
	bad(end(id))
	bad(put(id, 1, part(b, partSize, 1)[1:]))
	bad(put(id, 2, part(b, partSize, 1)))
	bad(put(id, 3, []byte{1}))
	bad(put(id, -1, []byte{1}))
	// Of two parts in one place the first counts.
	if err := put(id, 0, bytes.Repeat([]byte{1}, partSize)); err != nil {
		t.Fatal(err)
	}
	if err := put(id, 1, part(b, partSize, 1)); err != nil {
		t.Fatal(err)
	}
	if err := end(id); err != nil {
		t.Fatal(err)
	}
	h.want(ckpt.Unavailable, op, end(id)) // it is over
	h.want(ckpt.Unavailable, op, put(id, 0, part(b, partSize, 0)))
	h.want(ckpt.Unavailable, op, put("nobody", 0, []byte{1}))
	before := h.store.Revision()

	id = h.begun(op, b)
	wrong := bytes.Clone(b)
	wrong[len(b)/2]++
	h.sendParts(id, wrong)
	bad(end(id))
	h.want(ckpt.Unavailable, op, end(id)) // it has left nothing
	// A payload that is none is refused as if it had come whole.
	junk := bytes.Repeat([]byte{0xc1}, 2*partSize)
	id = h.begun(op, junk)
	h.sendParts(id, junk)
	bad(end(id))
	if after := h.store.Revision(); after != before {
		t.Errorf("revision %d after refused requests, want %d", after, before)
	}
	h.nothingInParts()
}

// More requests than may come in parts at once are refused, and so are replies.
func testUploadsAtOnce(t *testing.T, start starter) {
	h := start(t, largeBus(WithMaxUploads(2)))
	b, err := ckpt.Append(nil, &ckpt.StatePutRequest{WriteRef: write1("t"), State: random(2 * partSize)})
	if err != nil {
		t.Fatal(err)
	}
	first := h.begun(ckpt.StatePut.OpInfo, b)
	second := h.begun(ckpt.StatePut.OpInfo, b)
	announcement := ckpt.UploadRequest{Size: len(b), PartSize: partSize, Checksum: ckpt.Checksum(b)}
	_, err = h.announce(ckpt.StatePut.OpInfo, announcement)
	h.want(ckpt.Overloaded, ckpt.StatePut.OpInfo, err)
	h.sendParts(first, b)
	do(h, ckpt.PartsEnd, ckpt.PartsEndRequest{ID: first})
	h.uploadsLeft(1)
	third := h.begun(ckpt.StatePut.OpInfo, b) // in the place of the first
	for _, id := range []string{second, third} {
		h.sendParts(id, b)
		do(h, ckpt.PartsEnd, ckpt.PartsEndRequest{ID: id})
	}
	get := ckpt.StateGetRequest{ReadRef: reading("t")}
	for range 2 {
		if e := refused(h, ckpt.TooLarge, ckpt.StateGet, get); e.Parts == nil {
			t.Error(e)
		}
	}
	refused(h, ckpt.Overloaded, ckpt.StateGet, get)
	h.clock.advance(partsPatience + 1e6)
	if e := refused(h, ckpt.TooLarge, ckpt.StateGet, get); e.Parts == nil { // nobody has fetched the others
		t.Error(e)
	}
}

// A request that is broken off leaves nothing behind.
func testUploadsBrokenOff(t *testing.T, start starter) {
	h := start(t, largeBus(WithMaxUploads(2)))
	b, err := ckpt.Append(nil, &ckpt.StatePutRequest{WriteRef: write1("t"), State: random(3 * partSize)})
	if err != nil {
		t.Fatal(err)
	}
	broken, slow := h.begun(ckpt.StatePut.OpInfo, b), h.begun(ckpt.StatePut.OpInfo, b)
	for i := range 4 { // slow, but each part within the time
		h.clock.advance(partsPatience)
		h.uploads.sweep(h.millis())
		do(h, ckpt.PartsPut, ckpt.PartsPutRequest{ID: slow, Index: i, Data: part(b, partSize, i)})
	}
	refused(h, ckpt.Unavailable, ckpt.PartsPut, ckpt.PartsPutRequest{ID: broken, Data: part(b, partSize, 0)})
	do(h, ckpt.PartsEnd, ckpt.PartsEndRequest{ID: slow})
	h.nothingInParts()
	// A new one need not wait for the sweep.
	for range 2 {
		h.begun(ckpt.StatePut.OpInfo, b)
	}
	h.clock.advance(partsPatience + 1e6)
	h.begun(ckpt.StatePut.OpInfo, b)
	h.clock.advance(partsPatience + 1e6)
	h.uploads.sweep(h.millis())
	h.nothingInParts()
}

// A reply in parts is kept until all its parts were fetched, or for some time.
func testDownloads(t *testing.T, start starter) {
	h := start(t, largeBus())
	state := random(200_000)
	doLarge(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: write1("t"), State: state})
	get := func() *ckpt.Parts {
		return refused(h, ckpt.TooLarge, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: reading("t")}).Parts
	}
	parts := get()
	// Another one overwrites the state meanwhile.
	h.putState("t", ckpt.Raw{1})
	want := func(i int) {
		t.Helper()
		q := ckpt.PartsGetRequest{ID: parts.ID, Index: i}
		if a := do(h, ckpt.PartsGet, q); i < 3 && len(a.Data) != parts.PartSize {
			t.Errorf("part %d has %d bytes, want %d", i, len(a.Data), parts.PartSize)
		}
	}
	for _, i := range []int{3, 1, 1, 0} {
		want(i)
	}
	for _, i := range []int{4, -1, 1 << 40} {
		refused(h, ckpt.InvalidArgument, ckpt.PartsGet, ckpt.PartsGetRequest{ID: parts.ID, Index: i})
	}
	want(2)
	refused(h, ckpt.Unavailable, ckpt.PartsGet, ckpt.PartsGetRequest{ID: parts.ID, Index: 2})
	h.nothingInParts()

	doLarge(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: write1("t"), State: state})
	parts = get()
	for i := range 3 {
		h.clock.advance(partsPatience)
		h.downloads.sweep(h.millis())
		want(i)
	}
	h.clock.advance(partsPatience + 1e6)
	h.downloads.sweep(h.millis())
	refused(h, ckpt.Unavailable, ckpt.PartsGet, ckpt.PartsGetRequest{ID: parts.ID, Index: 3})
	h.nothingInParts()
}

// The sweep of a running service lets go of what was broken off.
func TestSweepOfParts(t *testing.T) {
	t.Parallel()
	s := largeBus()
	s.sweepEvery = 1e6
	h := startLocal(t, s)
	b, err := ckpt.Append(nil, &ckpt.StatePutRequest{WriteRef: write1("t"), State: random(2 * partSize)})
	if err != nil {
		t.Fatal(err)
	}
	h.begun(ckpt.StatePut.OpInfo, b)
	doLarge(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: write1("t"), State: random(2 * partSize)})
	refused(h, ckpt.TooLarge, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: reading("t")})
	h.clock.advance(partsPatience + 1e6)
	h.uploadsLeft(0)
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		if _, replies := h.inPartsNow(); replies == 0 {
			return
		} else if time.Now().After(deadline) {
			t.Fatalf("%d replies in parts are left", replies)
		}
	}
}

// A limit that the bus cannot carry, or none, is told at the start.
func TestMaxValueRefused(t *testing.T) {
	t.Parallel()
	for _, o := range []Option{WithMaxValue(-1), WithMaxValue(ckpt.MaxValue(1<<20) + 1), WithMaxUploads(-1)} {
		o2 := newOptions([]Option{o})
		if _, err := o2.limits(1 << 20); err == nil || err.(*ckpt.Error).Code != ckpt.InvalidArgument {
			t.Errorf("%+v: %v", o2, err)
		}
	}
	o := newOptions([]Option{WithMaxValue(ckpt.MaxValue(1 << 20)), WithMaxUploads(1)})
	if l, err := o.limits(1 << 20); err != nil || l.Value != ckpt.MaxValue(1<<20) || l.Uploads != 1 {
		t.Errorf("%+v, %v", l, err)
	}
}
