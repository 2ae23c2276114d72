package service

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/wire"
)

// goodRequest returns a request of the operation that finds what it asks for
// after fill.
func goodRequest(t testing.TB, op ckpt.OpInfo) map[string]any {
	t.Helper()
	q := map[string]map[string]any{
		"setup":             {"protocol": ckpt.Protocol, "client": "test"},
		"info":              {},
		"release":           {"confirm": ckpt.DefaultPrefix},
		"state.put":         {"thread_id": "t", "state": "new"},
		"state.get":         {"thread_id": "t"},
		"state.clear":       {"thread_id": "t"},
		"cache.put":         {"thread_id": "t", "state": "new", "ttl_ms": 1000},
		"cache.get":         {"thread_id": "t"},
		"cache.clear":       {"thread_id": "t"},
		"messages.put":      {"thread_id": "t", "messages": []any{map[string]any{"role": "user"}}},
		"messages.get":      {"thread_id": "t", "message_id": "m"},
		"messages.list":     {"thread_id": "t", "limit": 1},
		"messages.delete":   {"thread_id": "t", "message_id": "m"},
		"messages.replace":  {"thread_id": "t", "message": map[string]any{"message_id": "m", "role": "user"}},
		"messages.truncate": {"thread_id": "t", "message_id": "m"},
		"messages.pop":      {"thread_id": "t", "count": 1},
		"state.many":        {"thread_ids": []any{"t", "u"}},
		"threads.commit":    {"thread_id": "t", "state": "new", "delete": []any{"m"}},
		"threads.transact":  {"commits": []any{map[string]any{"thread_id": "t", "state": "new"}, map[string]any{"thread_id": "u"}}},
		"threads.put":       {"thread": map[string]any{"thread_id": "t", "thread_name": "new"}},
		"threads.get":       {"thread_id": "t"},
		"threads.list":      {"limit": 1},
		"threads.clean":     {"thread_id": "t"},
		"stats":             {"top": 5},
		"threads.prune":     {"user_id": "ann", "limit": 5},
		"threads.retain":    {"thread_id": "t", "ttl_ms": 1000, "sliding": true},
		"changes.list":      {"kinds": []any{"state.put"}, "limit": 1},
		"threads.fork":      {"thread_id": "t", "to": "new"},
		"leases.acquire":    {"thread_id": "t", "owner": "w", "ttl_ms": 60_000},
		"leases.renew":      {"thread_id": "t", "token": 1, "ttl_ms": 60_000},
		"leases.release":    {"thread_id": "t", "token": 1},
		"leases.get":        {"thread_id": "t"},
		"watchers.put":      {"name": "w", "position": []any{"S1", 1}},
		"watchers.get":      {"name": "w"},
		"watchers.delete":   {"name": "w"},
		"state.history":     {"thread_id": "t", "limit": 1},
		"state.restore":     {"thread_id": "t", "revision": 1},
		"parts.put":         {"id": "coming", "index": 0, "data": []byte("x")},
		"parts.end":         {"id": "whole"},
		"parts.get":         {"id": "going", "index": 0},
	}[op.Name]
	if q == nil {
		t.Fatalf("no good request of %s", op.Name)
	}
	return q
}

// present makes a request for an earlier revision one for the present revision of
// the thread that was written last, and one under a lease one under the present lease.
func (h *harness) present(request map[string]any) map[string]any {
	if _, ok := request["revision"]; ok {
		request["revision"] = h.store.Revision()
	}
	if to, ok := request["to"].(string); ok { // which is there once it was asked for
		do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: write1(to)})
	}
	if _, ok := request["token"]; ok {
		request["token"] = h.lease("t").Token
	}
	return request
}

// wrong has for each field of a request values of a type that it cannot have.
// A field that takes any value has none.
var wrong = map[string][]any{
	"client":       {1, []any{}},
	"confirm":      {1, nil},
	"clear_state":  {1, "true"},
	"clear_cache":  {1, "true"},
	"cache":        {},
	"cache_ttl_ms": {"1", -1, 1.5, uint64(1 << 63)},
	"commits": {1, nil, []any{}, []any{1}, []any{map[string]any{}}, []any{map[string]any{"thread_id": "t", "x": 1}},
		[]any{map[string]any{"thread_id": "t"}, map[string]any{"thread_id": "t"}}},
	"count":             {"1", 0, -1, 1.5, nil},
	"delete":            {1, "m", []any{1.5}, []any{""}},
	"message":           {1, "m", nil, []any{}, map[string]any{"role": "user"}, map[string]any{"message_id": 1.5}},
	"message_ids":       {1, "m", []any{1.5}, []any{""}},
	"thread_ids":        {1, "t", nil, []any{1.5}, []any{""}},
	"data":              {1, "x", []byte("too long"), []byte{}, []any{}, nil},
	"id":                {1.5, "", true, nil, strings.Repeat("i", 257)},
	"index":             {"0", -1, 1.5, 2, nil},
	"keep_cache":        {1, "true"},
	"name":              {1.5, "", true, nil, "a\r\nb", []byte("t"), strings.Repeat("i", 257)},
	"position":          {1, "S1", nil, []any{}, []any{"S1"}, []any{"S1", -1}, []any{1, 1}},
	"changes":           {1, "true"},
	"kinds":             {"state.put", 1, []any{1}, []any{"state.got"}, []any{"state.get"}},
	"since":             {"1", 1.5, []any{}},
	"until":             {"1", []any{}, math.NaN(), math.Inf(-1)}, // of changes.list an integer
	"skip":              {"1", -1, 1.5},
	"seen":              {"1", -1, 1.5, 1},
	"lease":             {"1", 0, -1, 1.5},
	"owner":             {1.5, "", true, nil, "a\x00b", strings.Repeat("i", 257)},
	"token":             {"1", 0, -1, 1.5, nil},
	"limit":             {"1", -1, 1.5, uint64(1 << 63)},
	"message_id":        {1.5, "", true, nil, []byte("m"), strings.Repeat("i", 257)},
	"messages":          {"x", map[string]any{}, nil, []any{1}, []any{[]any{}}},
	"metadata":          {1, "x", []any{}},
	"offset":            {"1", -1, 1.5, uint64(1 << 63)},
	"protocol":          {"1", nil, 2},
	"record_only":       {1, "true"},
	"request_id":        {1.5, "", true, "a\x00b", strings.Repeat("i", 257)},
	"expected_revision": {"1", -1, 1.5, []any{1}},
	"search":            {1, []any{"x"}},
	"cursor":            {1, "no cursor", "!", []any{}},
	"reverse":           {1, "true"},
	"count_only":        {1, "true"},
	"select":            {1, "role", []any{1}, []any{"no_field"}},
	"role":              {1, "a\nb", strings.Repeat("r", 65)},
	"order":             {1, "name", []any{}},
	"created_from":      {"1", 1.5, []any{}},
	"created_until":     {"1", 1.5, []any{}},
	"updated_from":      {"1", 1.5, []any{}},
	"updated_until":     {"1", 1.5, []any{}},
	"from":              {"1", []any{}, math.NaN(), math.Inf(1)},
	"state":             {},
	"at_revision":       {"1", -1, 1.5},
	"before":            {"1", -1, 1.5},
	"keep":              {"1", -1, 1.5, 1001},
	"revision":          {"1", -1, 1.5, nil},
	"states":            {1, "true"},
	"to":                {1.5, "", true, nil, []byte("t"), strings.Repeat("i", 257)},
	"with_messages":     {1, "true"},
	"after":             {1, "S1", []any{}, []any{"S1"}, []any{"S1", -1}, []any{1, 1}, []any{"S1", 1, 1}},
	"linearizable":      {1, "true"},
	"thread":            {1, "t", nil, []any{}, map[string]any{}, map[string]any{"thread_id": []any{}}},
	"thread_id":         {1.5, "", true, nil, "a\r\nb", []byte("t"), strings.Repeat("i", 257)},
	"ttl_ms":            {"1", -1, 1.5, uint64(1 << 63)},
	"user_id":           {1.5, "", true, "a\x7f", strings.Repeat("i", 257)},
	"with_record":       {1, "true"},
	"older_than_ms":     {"1", -1, 1.5, uint64(1 << 63)},
	"updated_before":    {"1", 1.5, uint64(1 << 63)},
	"dry_run":           {1, "true"},
	"top":               {"1", -1, 1.5, ckpt.MaxTop + 1, uint64(1 << 63)},
	"sizes":             {1, "true"},
	"sliding":           {1, "true"},
	"pinned":            {1, "true"},
	"keep_messages":     {"1", -1, 1.5, ckpt.MaxKeepMessages + 1, uint64(1 << 63)},
}

// Every field of every operation is checked, and the error names it.
func testFields(t *testing.T, start starter) {
	h := start(t, setting{options: []Option{AllowRelease()}})
	h.fill("ann")
	before := h.dump()
	for _, op := range ckpt.Operations() {
		refuse := func(what, field string, payload []byte) {
			t.Helper()
			_, err := h.send(op, payload)
			if e := h.want(ckpt.InvalidArgument, op, err); !strings.Contains(e.Message, field) {
				t.Errorf("%s: %s: %v does not name %s", op.Name, what, e, field)
			}
		}
		good := goodRequest(t, op)
		with := func(field string, v any) []byte {
			q := maps.Clone(good)
			q[field] = v
			return pack(t, q)
		}
		fields := ckpt.FieldsOf(op.NewRequest())
		for _, f := range fields {
			values, ok := wrong[f.Name]
			if !ok {
				t.Errorf("%s: field %s is not tested", op.Name, f.Name)
			}
			for _, v := range values {
				if v == nil && !f.Required { // which counts as absent
					continue
				}
				refuse(fmt.Sprintf("%.40v", v), f.Name, with(f.Name, v))
			}
			v, ok := good[f.Name]
			if !ok {
				continue
			}
			if f.Required {
				q := maps.Clone(good)
				delete(q, f.Name)
				refuse("missing", f.Name, pack(t, q))
			}
			twice := wire.AppendMapHeader(nil, 2)
			for range 2 {
				twice = append(append(twice, pack(t, f.Name)...), pack(t, v)...)
			}
			refuse("twice", f.Name, twice)
		}
		if op.Name != ckpt.Setup.Name && op.Name != ckpt.Info.Name { // which take the fields of later versions
			refuse("unknown", "if_revision", with("if_revision", 1))
		}
		whole := pack(t, good)
		for what, payload := range map[string][]byte{
			"empty": {}, "nil": {0xc0}, "array": {0x90}, "string": pack(t, "thread_id"), "reserved byte": {0xc1},
			"trailing": append(pack(t, good), 0), "truncated": whole[:len(whole)-1], "integer key": pairs(t, 1, 2),
		} {
			refuse(what, "", payload)
		}
	}
	if after := h.dump(); !equalDumps(before, after) {
		t.Errorf("a refused request changed something:\n%q\n%q", before, after)
	}
	// And the good ones are good.
	for _, op := range ckpt.Operations() {
		h.fill("ann")
		if _, err := h.send(op, pack(t, h.present(goodRequest(t, op)))); err != nil {
			t.Errorf("%s: %v", op.Name, err)
		}
	}
}

// Payloads that break decoders are refused wherever a value may stand.
func testBadValues(t *testing.T, start starter) {
	h := start(t, setting{})
	for name, bad := range map[string][]byte{
		"array32 maximum":   {0xdd, 0xff, 0xff, 0xff, 0xff},
		"map32 maximum":     {0xdf, 0xff, 0xff, 0xff, 0xff},
		"bin32 maximum":     {0xc6, 0xff, 0xff, 0xff, 0xff},
		"str32 maximum":     {0xdb, 0xff, 0xff, 0xff, 0xff},
		"ext32 maximum":     {0xc9, 0xff, 0xff, 0xff, 0xff, 1},
		"nested":            append(bytes.Repeat([]byte{0x91}, 500_000), 0xc0),
		"nested maps":       append(bytes.Repeat([]byte{0x81, 0xa1, 'a'}, 200_000), 0xc0),
		"one level too far": append(bytes.Repeat([]byte{0x91}, ckpt.MaxDepth), 0x90),
		"array as a key":    {0x81, 0x90, 0x01},
		"map as a key":      {0x81, 0x80, 0x01},
		"invalid UTF-8":     {0xa2, 0xff, 0xfe},
		"half a timestamp":  {0xd5, 0xff, 1, 2},
		"reserved byte":     {0xc1},
	} {
		for _, at := range []struct {
			op          ckpt.OpInfo
			front, back []byte
		}{
			{ckpt.StatePut.OpInfo, []byte("\x82\xa9thread_id\xa1t\xa5state"), nil},
			{ckpt.CachePut.OpInfo, []byte("\x82\xa9thread_id\xa1t\xa5state"), nil},
			{ckpt.MessagesPut.OpInfo, []byte("\x82\xa9thread_id\xa1t\xa8messages\x91\x81\xa7content"), nil},
			{ckpt.MessagesPut.OpInfo, []byte("\x83\xa9thread_id\xa1t\xa8metadata\x81\xa1a"), []byte("\xa8messages\x90")},
			{ckpt.ThreadsPut.OpInfo, []byte("\x81\xa6thread\x82\xa9thread_id\xa1t\xa8metadata\x81\xa1a"), nil},
			{ckpt.StateGet.OpInfo, []byte("\x81\xa9thread_id"), nil},
			{ckpt.MessagesGet.OpInfo, []byte("\x82\xa9thread_id\xa1t\xaamessage_id"), nil},
			{ckpt.MessagesList.OpInfo, []byte("\x82\xa9thread_id\xa1t\xa6search"), nil},
			{ckpt.Setup.OpInfo, []byte("\x82\xa8protocol\x01\xa6client"), nil},
			{ckpt.Setup.OpInfo, []byte("\x82\xa8protocol\x01\xa6future"), nil},
			{ckpt.Info.OpInfo, []byte("\x81\xa6future"), nil},
		} {
			_, err := h.send(at.op, slices.Concat(at.front, bad, at.back))
			e := h.want(ckpt.InvalidArgument, at.op, err)
			if len(e.Message) > 1<<10 {
				t.Errorf("%s to %s: a text of %d bytes", name, at.op.Name, len(e.Message))
			}
		}
	}
	if ids := h.threads(ckpt.ThreadsListRequest{}); len(ids) != 0 {
		t.Errorf("threads %q after refused requests", ids)
	}
}

// What does not fit is refused with both sizes, before anything is stored.
func testTooLarge(t *testing.T, start starter) {
	h := start(t, setting{bus: bus.Options{MaxPayload: 8 << 10}, options: []Option{WithMaxValue(7 << 10)}}) // what fits one message
	limit := h.store.Limits().Value
	fits, over := wire.AppendBin(nil, make([]byte, limit-3)), wire.AppendBin(nil, make([]byte, limit-2))
	sizes := func(e *ckpt.Error, size int) {
		t.Helper()
		if e.Size != int64(size) || e.Limit != int64(limit) || !strings.Contains(e.Message, fmt.Sprint(size)) || !strings.Contains(e.Message, fmt.Sprint(limit)) {
			t.Errorf("%v: sizes %d and %d, want %d and %d", e, e.Size, e.Limit, size, limit)
		}
	}
	id := strings.Repeat("t", ckpt.MaxIDBytes) // the longest names leave no less room
	ref := ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: id, UserID: id}, Terms: ckpt.Terms{RequestID: id}}
	sizes(refused(h, ckpt.TooLarge, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: write1("t"), State: over}), limit+1)
	sizes(refused(h, ckpt.TooLarge, ckpt.CachePut, ckpt.CachePutRequest{WriteRef: write1("t"), State: over}), limit+1)
	m := messageOfSize(t, "m", limit+1)
	sizes(refused(h, ckpt.TooLarge, ckpt.MessagesPut, ckpt.MessagesPutRequest{WriteRef: write1("t"), Messages: []ckpt.Raw{m}}), limit+1)
	// The ID that a message is given counts.
	m = pairs(t, "content", strings.Repeat("x", limit-20))
	refused(h, ckpt.TooLarge, ckpt.MessagesPut, ckpt.MessagesPutRequest{WriteRef: write1("t"), Messages: []ckpt.Raw{m}})
	record := pairs(t, "thread_id", "t", "thread_name", strings.Repeat("x", limit))
	sizes(refused(h, ckpt.TooLarge, ckpt.ThreadsPut, ckpt.ThreadsPutRequest{Record: record}), len(record))
	if ids := h.threads(ckpt.ThreadsListRequest{}); len(ids) != 0 {
		t.Errorf("threads %q after refused requests", ids)
	}
	// What is taken can be read back.
	do(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: ref, State: fits})
	ref.RequestID = ""
	do(h, ckpt.CachePut, ckpt.CachePutRequest{WriteRef: ref, State: fits, TTL: ckpt.MaxTTL})
	do(h, ckpt.MessagesPut, ckpt.MessagesPutRequest{WriteRef: ref, Messages: []ckpt.Raw{messageOfSize(t, "m", limit)}})
	if a := do(h, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ref.ThreadRef}}); !bytes.Equal(a.State, fits) {
		t.Error("the state is another")
	}
	if a := do(h, ckpt.CacheGet, ckpt.CacheGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ref.ThreadRef}}); !bytes.Equal(a.State, fits) {
		t.Error("the cached state is another")
	}
	do(h, ckpt.MessagesGet, ckpt.MessagesGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ref.ThreadRef}, MessageID: ckpt.StringID("m")})
	if a := do(h, ckpt.MessagesList, ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: ref.ThreadRef}}); len(a.Messages) != 1 {
		t.Errorf("%d messages", len(a.Messages))
	}
}

// Many small messages in one request cannot make a reply that does not fit,
// nor fill the memory.
func testManyMessages(t *testing.T, start starter) {
	h := start(t, setting{bus: bus.Options{MaxPayload: 64 << 10}})
	limits := h.store.Limits()
	small := func(n int) []ckpt.Raw { return slices.Repeat([]ckpt.Raw{{0x80}}, n) }
	for _, n := range []int{limits.Batch + 1, 60_000} {
		refused(h, ckpt.TooLarge, ckpt.MessagesPut, ckpt.MessagesPutRequest{WriteRef: write1("t"), Messages: small(n)})
	}
	refused(h, ckpt.TooLarge, ckpt.MessagesPut, ckpt.MessagesPutRequest{WriteRef: write1("t"), Messages: small(2000)})
	if ids := h.threads(ckpt.ThreadsListRequest{}); len(ids) != 0 {
		t.Errorf("threads %q after refused requests", ids)
	}
	if a := h.putMessages("t", small(1000)...); a.Count != 1000 || len(a.MessageIDs) != 1000 {
		t.Errorf("%d messages with %d IDs", a.Count, len(a.MessageIDs))
	}
}

// An error is told by two headers, as micro services do, and a body.
func testErrorHeaders(t *testing.T, start starter) {
	h := start(t, setting{})
	put := h.putState("t", ckpt.Raw{1})
	for _, c := range []struct {
		op      ckpt.OpInfo
		request ckpt.Raw
		code    string
	}{
		{ckpt.MessagesGet.OpInfo, pairs(t, "thread_id", "t", "message_id", "a\"b\u2028ü"), "404"},
		{ckpt.StateGet.OpInfo, pairs(t, "thread_id", "t", "x\r\nNats-Service-Error-Code: 200\r\n", 1), "400"},
		{ckpt.Release.OpInfo, pairs(t, "confirm", "x"), "403"}, // not allowed
		{ckpt.Setup.OpInfo, pairs(t, "protocol", 99), "400"},
	} {
		m, err := h.nc.Request(c.op.Subject(h.prefix), c.request, patience)
		if err != nil {
			t.Fatal(err)
		}
		text := m.Header.Values("Nats-Service-Error")
		if code := m.Header.Values("Nats-Service-Error-Code"); !slices.Equal(code, []string{c.code}) || len(text) != 1 || text[0] == "" || len(m.Header) != 2 {
			t.Errorf("%s: headers %q", c.op.Name, m.Header)
		}
		var e ckpt.Error
		if err := ckpt.Decode(m.Data, &e); err != nil {
			t.Errorf("%s: body %x: %v", c.op.Name, m.Data, err)
		}
		if c.code == "404" && (e.Revision != put.Revision || !strings.Contains(text[0], "ü")) {
			t.Errorf("revision %d, text %q", e.Revision, text)
		}
	}
	m, err := h.nc.Request(ckpt.StateGet.Subject(h.prefix), pairs(t, "thread_id", "t"), patience)
	if err != nil || len(m.Header) != 0 {
		t.Errorf("a success: headers %q, %v", m.Header, err)
	}
}

func testSetup(t *testing.T, start starter) {
	h := start(t, setting{bus: bus.Options{MaxPayload: 32 << 10}})
	a := do(h, ckpt.Setup, ckpt.SetupRequest{Protocol: ckpt.Protocol, Client: "test"})
	if a.Service != "ckpt" || a.Version != ckpt.Version || a.Protocol != 1 || a.StoreID != h.StoreID() || a.StoreID == "" ||
		a.Journal != h.journal.Name() || a.Revision != 0 || a.Limits != ckpt.LimitsFor(32<<10) {
		t.Errorf("%+v", a)
	}
	rev := h.putState("t", ckpt.Raw{1}).Revision
	if a := do(h, ckpt.Setup, ckpt.SetupRequest{Protocol: ckpt.Protocol}); a.Revision != rev {
		t.Errorf("revision %d, want %d", a.Revision, rev)
	}
	for _, protocol := range []int{0, 2, -1} {
		refused(h, ckpt.InvalidArgument, ckpt.Setup, ckpt.SetupRequest{Protocol: protocol})
	}
	// A client of a later protocol, whose handshake has more fields, hears so.
	_, err := h.send(ckpt.Setup.OpInfo, pairs(t, "features", []any{"x"}, "protocol", 2))
	if e := h.want(ckpt.InvalidArgument, ckpt.Setup.OpInfo, err); !strings.Contains(e.Message, "protocol") {
		t.Error(e)
	}
}
