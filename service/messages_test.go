package service

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/google/uuid"
)

// list returns one page of a thread's messages.
func (h *harness) list(id string, p ckpt.Page) ckpt.MessagesListReply {
	h.Helper()
	return do(h, ckpt.MessagesList, ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread(id)}, Page: p})
}

// wantMessages checks all messages of a thread, byte for byte.
func (h *harness) wantMessages(id string, want ...ckpt.Raw) {
	h.Helper()
	a := h.list(id, ckpt.Page{})
	if !slices.EqualFunc(a.Messages, want, sameBytes) || a.Total != len(want) || a.HasMore || a.NextOffset != len(want) {
		h.Errorf("thread %s: total %d, more %v, next %d\ngot  %q\nwant %q", id, a.Total, a.HasMore, a.NextOffset, a.Messages, want)
	}
}

func testMessagesInOrder(t *testing.T, start starter) {
	h := start(t, setting{})
	h.wantMessages("t")
	var want []ckpt.Raw
	last := uint64(0)
	for i := range 40 { // beyond what a list holds without an index
		batch := []ckpt.Raw{textMessage(t, fmt.Sprintf("a%d", i), "x"), textMessage(t, i, "y")}
		a := h.putMessages("t", batch...)
		if a.Count != 2 || a.Revision <= last || !slices.Equal(a.MessageIDs, []ckpt.MessageID{ckpt.StringID(fmt.Sprintf("a%d", i)), ckpt.IntID(int64(i))}) {
			t.Fatalf("put %d: %+v after revision %d", i, a, last)
		}
		last = a.Revision
		want = append(want, batch...)
	}
	h.wantMessages("t", want...)
	// A message as large as fits one message of the bus, and one that keeps its buffer.
	for _, size := range []int{h.store.Limits().Page, 20 << 10} {
		m := messageOfSize(t, "large", size)
		h.putMessages("large", m)
		if a := do(h, ckpt.MessagesGet, ckpt.MessagesGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("large")}, MessageID: ckpt.StringID("large")}); !bytes.Equal(a.Message, m) {
			t.Errorf("a message of %d bytes came back with %d", size, len(a.Message))
		}
		h.wantMessages("large", m)
	}
}

// messageOfSize returns a message of that many bytes, 100 or more.
func messageOfSize(t testing.TB, id any, size int) ckpt.Raw {
	t.Helper()
	for header := range 5 { // of the text, which depends on its length
		n := size - len(textMessage(t, id, "")) - header
		if m := textMessage(t, id, strings.Repeat("x", n)); len(m) == size {
			return m
		}
	}
	t.Fatalf("no message has %d bytes", size)
	return nil
}

func testMessagesAllOrNone(t *testing.T, start starter) {
	h := start(t, setting{})
	good := textMessage(t, "good", "x")
	h.putMessages("t", good)
	for name, bad := range map[string]ckpt.Raw{
		"no map":         pack(t, "text"),
		"nil":            pack(t, nil),
		"integer key":    pairs(t, 7, "x"),
		"empty ID":       textMessage(t, "", "x"),
		"ID is a float":  textMessage(t, 1.5, "x"),
		"long ID":        textMessage(t, strings.Repeat("i", ckpt.MaxIDBytes+1), "x"),
		"control in ID":  textMessage(t, "a\nb", "x"),
		"ID twice":       pairs(t, "message_id", "a", "message_id", "b"),
		"empty role":     pairs(t, "role", ""),
		"role no string": pairs(t, "role", 7),
		"long role":      pairs(t, "role", strings.Repeat("r", 65)),
	} {
		_, err := h.send(ckpt.MessagesPut.OpInfo, pairs(t, "thread_id", "t", "metadata", map[string]any{"a": 1},
			"messages", []any{textMessage(t, "first", "x"), textMessage(t, "good", "replaced"), bad}))
		if e := h.want(ckpt.InvalidArgument, ckpt.MessagesPut.OpInfo, err); !strings.Contains(e.Message, "messages[2]") {
			t.Errorf("%s: %v does not name the message", name, e)
		}
	}
	h.wantMessages("t", good)
	if a := h.list("t", ckpt.Page{}); a.Metadata != nil || a.Revision != 1 {
		t.Errorf("metadata %x, revision %d after refused puts", []byte(a.Metadata), a.Revision)
	}
	// A put of no message stores the metadata, if there is some.
	if r := h.putMessages("t"); r.Count != 0 || r.Revision != 1 {
		t.Errorf("put of nothing: %+v", r)
	}
	do(h, ckpt.MessagesPut, ckpt.MessagesPutRequest{WriteRef: write1("t"), Metadata: pairs(t, "a", 1)})
	if a := h.list("t", ckpt.Page{}); !bytes.Equal(a.Metadata, pairs(t, "a", 1)) || a.Total != 1 {
		t.Errorf("metadata %x beside %d messages", []byte(a.Metadata), a.Total)
	}
}

func testMessagesReplace(t *testing.T, start starter) {
	h := start(t, setting{})
	a, b, c := textMessage(t, "a", "1"), textMessage(t, "b", "1"), textMessage(t, "c", "1")
	h.putMessages("t", a, b, c)
	longer := textMessage(t, "b", strings.Repeat("2", 1000))
	h.putMessages("t", longer)
	h.wantMessages("t", a, longer, c)
	d, again := textMessage(t, "d", "1"), textMessage(t, "a", "3")
	if r := h.putMessages("t", d, again); r.Count != 2 {
		t.Errorf("%+v", r)
	}
	h.wantMessages("t", again, longer, c, d)
	// Within one request, the later of two with one ID stays, in the place of the first.
	h.putMessages("t", textMessage(t, "e", "1"), textMessage(t, "f", "1"), textMessage(t, "e", "2"))
	h.wantMessages("t", again, longer, c, d, textMessage(t, "e", "2"), textMessage(t, "f", "1"))
}

// The messages 7 and "7" are two, the threads 7 and "7" one.
func testMessageIDTypes(t *testing.T, start starter) {
	h := start(t, setting{})
	number, text := textMessage(t, 7, "number"), textMessage(t, "7", "text")
	wide := ckpt.Raw("\x82\xaamessage_id\xd3\x00\x00\x00\x00\x00\x00\x00\x07\xa4role\xa4user")
	send := func(op ckpt.OpInfo, keysAndValues ...any) {
		t.Helper()
		if _, err := h.send(op, pairs(t, keysAndValues...)); err != nil {
			t.Fatal(err)
		}
	}
	send(ckpt.MessagesPut.OpInfo, "thread_id", 7, "messages", []any{number})
	send(ckpt.MessagesPut.OpInfo, "thread_id", "7", "messages", []any{text})
	h.wantMessages("7", number, text)
	for _, c := range []struct {
		id   ckpt.MessageID
		want ckpt.Raw
	}{{ckpt.IntID(7), number}, {ckpt.StringID("7"), text}} {
		if a := do(h, ckpt.MessagesGet, ckpt.MessagesGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("7")}, MessageID: c.id}); !bytes.Equal(a.Message, c.want) {
			t.Errorf("%v: got %q, want %q", c.id, a.Message, c.want)
		}
	}
	// An integer is the same ID in whatever width.
	h.putMessages("7", wide)
	h.wantMessages("7", wide, text)
	send(ckpt.MessagesDelete.OpInfo, "thread_id", 7, "message_id", 7)
	h.wantMessages("7", text)
	if info := h.info("7"); info.ThreadID != "7" {
		t.Errorf("thread ID %q", info.ThreadID)
	}
}

// A message without an ID is given one, which its stored bytes carry.
func testMessageWithoutID(t *testing.T, start starter) {
	h := start(t, setting{})
	bare, null := pairs(t, "role", "user", "content", "x"), pairs(t, "role", "user", "message_id", nil, "content", "x")
	a := h.putMessages("t", bare, null, ckpt.Raw{0x80})
	list := h.list("t", ckpt.Page{})
	if a.Count != 3 || len(a.MessageIDs) != 3 || len(list.Messages) != 3 {
		t.Fatalf("put %+v, list %+v", a, list)
	}
	for i, id := range a.MessageIDs {
		u, err := uuid.Parse(id.String())
		if err != nil || u.Version() != 7 || id.IsInt() {
			t.Errorf("ID %v: %v, want a UUIDv7", id, err)
		}
		got := list.Messages[i]
		if err := ckpt.Check(got); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		want := pairs(t, "message_id", id.String(), "role", "user", "content", "x")
		if i == 2 {
			want = pairs(t, "message_id", id.String())
		}
		if !bytes.Equal(got, want) {
			t.Errorf("message %d: got %q, want %q", i, got, want)
		}
		one := do(h, ckpt.MessagesGet, ckpt.MessagesGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}, MessageID: id})
		if !bytes.Equal(one.Message, want) {
			t.Errorf("message %d by its ID: got %q, want %q", i, one.Message, want)
		}
	}
	if a.MessageIDs[0] == a.MessageIDs[1] {
		t.Error("two messages share an ID")
	}
}

func testMessageMetadata(t *testing.T, start starter) {
	h := start(t, setting{})
	n := 0
	for _, c := range []struct{ put, want ckpt.Raw }{
		{nil, nil},
		{pairs(t, "a", 1), pairs(t, "a", 1)},
		{nil, pairs(t, "a", 1)},
		{ckpt.Raw{0x80}, pairs(t, "a", 1)},
		{ckpt.Raw{0xc0}, pairs(t, "a", 1)},
		{pairs(t, "b", []any{}), pairs(t, "b", []any{})},
		{ckpt.Raw{0xdf, 0, 0, 0, 0}, pairs(t, "b", []any{})},
	} {
		n++
		do(h, ckpt.MessagesPut, ckpt.MessagesPutRequest{WriteRef: write1("t"), Metadata: c.put, Messages: []ckpt.Raw{textMessage(t, n, "x")}})
		if a := h.list("t", ckpt.Page{Limit: 1}); !bytes.Equal(a.Metadata, c.want) {
			t.Errorf("after %x: %x, want %x", []byte(c.put), []byte(a.Metadata), []byte(c.want))
		}
	}
	e := refused(h, ckpt.InvalidArgument, ckpt.MessagesPut, ckpt.MessagesPutRequest{WriteRef: write1("t"), Metadata: ckpt.Raw{7}, Messages: []ckpt.Raw{textMessage(t, 1, "y")}})
	if !strings.Contains(e.Message, "metadata") {
		t.Error(e)
	}
	limit := h.store.Limits().Metadata
	e = refused(h, ckpt.TooLarge, ckpt.MessagesPut, ckpt.MessagesPutRequest{WriteRef: write1("t"), Messages: []ckpt.Raw{textMessage(t, 1, "y")},
		Metadata: pairs(t, "a", strings.Repeat("x", limit))})
	if e.Limit != int64(limit) || e.Size <= e.Limit {
		t.Errorf("sizes %d and %d, want the limit %d", e.Size, e.Limit, limit)
	}
	if a := h.list("t", ckpt.Page{}); a.Total != n || !bytes.Equal(a.Metadata, pairs(t, "b", []any{})) || !bytes.Equal(a.Messages[0], textMessage(t, 1, "x")) {
		t.Error("a refused put changed something")
	}
}

// Metadata that does not fit beside the messages of a page comes with a request
// behind the end.
func testMetadataBesideFullPage(t *testing.T, start starter) {
	h := start(t, setting{bus: bus.Options{MaxPayload: 8 << 10}})
	limits := h.store.Limits()
	metadata := pairs(t, "a", strings.Repeat("x", limits.Metadata-10))
	large := messageOfSize(t, "a", limits.Page)
	do(h, ckpt.MessagesPut, ckpt.MessagesPutRequest{WriteRef: write1("t"), Metadata: metadata})
	h.putMessages("t", large)
	if a := h.list("t", ckpt.Page{}); a.Metadata != nil || !slices.EqualFunc(a.Messages, []ckpt.Raw{large}, sameBytes) {
		t.Errorf("%d bytes of metadata beside %d messages", len(a.Metadata), len(a.Messages))
	}
	if a := h.list("t", ckpt.Page{Offset: 1}); !bytes.Equal(a.Metadata, metadata) || len(a.Messages) != 0 {
		t.Errorf("behind the end: %d bytes of metadata, want %d", len(a.Metadata), len(metadata))
	}
}

func testMessagesList(t *testing.T, start starter) {
	h := start(t, setting{})
	var all []ckpt.Raw
	for i := range 10 {
		text := fmt.Sprintf("Order %d", i)
		if i%3 == 0 {
			text = fmt.Sprintf("REFUND %d", i)
		}
		all = append(all, pairs(t, "message_id", i, "role", "refund", "content", []any{map[string]any{"type": "x", "deep": []any{text}}}))
	}
	h.putMessages("t", all...)
	refunds := []ckpt.Raw{all[0], all[3], all[6], all[9]}
	for _, c := range []struct {
		page  ckpt.Page
		want  []ckpt.Raw
		total int
		more  bool
		next  int
	}{
		{ckpt.Page{}, all, 10, false, 10},
		{ckpt.Page{Limit: 3}, all[:3], 10, true, 3},
		{ckpt.Page{Offset: 3, Limit: 3}, all[3:6], 10, true, 6},
		{ckpt.Page{Offset: 7, Limit: 3}, all[7:], 10, false, 10},
		{ckpt.Page{Offset: 7, Limit: 4}, all[7:], 10, false, 10},
		{ckpt.Page{Offset: 10}, nil, 10, false, 10},
		{ckpt.Page{Offset: 1 << 40, Limit: 1 << 40}, nil, 10, false, 10},
		{ckpt.Page{Search: "refund"}, refunds, 4, false, 4},
		{ckpt.Page{Search: "REFund", Limit: 2}, refunds[:2], 4, true, 2},
		{ckpt.Page{Search: "refund", Offset: 2, Limit: 2}, refunds[2:], 4, false, 4},
		{ckpt.Page{Search: "refund", Offset: 9}, nil, 4, false, 4},
		{ckpt.Page{Search: "order 4"}, all[4:5], 1, false, 1},
		{ckpt.Page{Search: "deep"}, nil, 0, false, 0}, // a key
		{ckpt.Page{Search: "nothing"}, nil, 0, false, 0},
	} {
		a := h.list("t", c.page)
		if !slices.EqualFunc(a.Messages, c.want, sameBytes) || a.Total != c.total || a.HasMore != c.more || a.NextOffset != c.next || a.Revision != 1 {
			t.Errorf("%+v: got %d messages, %+v", c.page, len(a.Messages), a.PageReply)
		}
	}
	for _, p := range []ckpt.Page{{Offset: -1}, {Limit: -1}, {Search: "x", Offset: -1}} {
		refused(h, ckpt.InvalidArgument, ckpt.MessagesList, ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}, Page: p})
		refused(h, ckpt.InvalidArgument, ckpt.ThreadsList, ckpt.ThreadsListRequest{Page: p})
	}
}

// Pages end where the bus does, and continuing gives every message once.
func testMessagesPages(t *testing.T, start starter) {
	h := start(t, setting{bus: bus.Options{MaxPayload: 4 << 10}})
	var want []ckpt.Raw
	for i := range 50 {
		size := 100 + i*37%900
		if i%10 == 9 {
			size = h.store.Limits().Page // a page of its own
		}
		want = append(want, messageOfSize(t, i, size))
		h.putMessages("t", want[i])
	}
	for _, search := range []string{"", "xx"} {
		var got []ckpt.Raw
		pages := 0
		for p := (ckpt.Page{Search: search}); ; pages++ {
			a := h.list("t", p)
			if a.Total != len(want) || a.NextOffset != p.Offset+len(a.Messages) || a.HasMore && len(a.Messages) == 0 {
				t.Fatalf("%+v: %d messages, %+v", p, len(a.Messages), a.PageReply)
			}
			got = append(got, a.Messages...)
			if !a.HasMore {
				break
			}
			p.Offset = a.NextOffset
		}
		if !slices.EqualFunc(got, want, sameBytes) || pages < 8 {
			t.Errorf("search %q: %d messages of %d on %d pages", search, len(got), len(want), pages)
		}
	}
}

func testMessagesDelete(t *testing.T, start starter) {
	h := start(t, setting{})
	del := func(id ckpt.MessageID) ckpt.MessagesDeleteRequest {
		return ckpt.MessagesDeleteRequest{WriteRef: write1("t"), MessageID: id}
	}
	refused(h, ckpt.NotFound, ckpt.MessagesDelete, del(ckpt.IntID(1)))
	refused(h, ckpt.NotFound, ckpt.MessagesGet, ckpt.MessagesGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}, MessageID: ckpt.IntID(1)})
	a, b, c := textMessage(t, "a", "1"), textMessage(t, "b", "1"), textMessage(t, "c", "1")
	put := h.putMessages("t", a, b, c)
	if e := refused(h, ckpt.NotFound, ckpt.MessagesDelete, del(ckpt.StringID("z"))); e.Revision != put.Revision {
		t.Errorf("the error carries revision %d, want %d", e.Revision, put.Revision)
	}
	if r := do(h, ckpt.MessagesDelete, del(ckpt.StringID("b"))); r.Revision <= put.Revision {
		t.Errorf("revision %d after %d", r.Revision, put.Revision)
	}
	h.wantMessages("t", a, c)
	refused(h, ckpt.NotFound, ckpt.MessagesDelete, del(ckpt.StringID("b")))
	refused(h, ckpt.NotFound, ckpt.MessagesGet, ckpt.MessagesGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}, MessageID: ckpt.StringID("b")})
	h.putMessages("t", b) // is new now
	h.wantMessages("t", a, c, b)
	for _, id := range []string{"a", "b", "c"} {
		do(h, ckpt.MessagesDelete, del(ckpt.StringID(id)))
	}
	if ids := h.threads(ckpt.ThreadsListRequest{}); len(ids) != 0 {
		t.Errorf("threads %q hold nothing and are listed", ids)
	}
}
