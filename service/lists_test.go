package service

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
)

// listedMessage returns a message of a role and a time, with a language as metadata; what
// is empty it lacks.
func listedMessage(t testing.TB, id int, role string, at float64, lang string) ckpt.Raw {
	t.Helper()
	fields := []any{"message_id", id, "content", fmt.Sprintf("number %d in %s", id, lang)}
	if role != "" {
		fields = append(fields, "role", role)
	}
	if at != 0 {
		fields = append(fields, "timestamp", at)
	}
	if lang != "" {
		fields = append(fields, "metadata", map[string]any{"lang": lang, "words": 4.0})
	}
	return pairs(t, fields...)
}

// numbers returns the integer IDs of messages.
func numbers(list []ckpt.Raw) []int64 {
	ids := []int64{}
	for _, body := range list {
		id, _ := body.Get("message_id").Int()
		ids = append(ids, id)
	}
	return ids
}

// Each filter keeps what it says, alone and with others, in either direction, and
// the count is that of the rows.
func testMessagesFilters(t *testing.T, start starter) {
	h := start(t, setting{})
	h.putMessages("t",
		listedMessage(t, 0, "user", 100, "en"), listedMessage(t, 1, "assistant", 100.5, "en"),
		listedMessage(t, 2, "user", 0, "de"), listedMessage(t, 3, "tool", 200, ""),
		listedMessage(t, 4, "", 300, "de"), pairs(t, "message_id", 5, "timestamp", "soon", "metadata", []any{}))
	lang := func(v any) ckpt.Raw { return pairs(t, "lang", v) }
	for name, c := range map[string]struct {
		q    ckpt.MessagesListRequest
		want []int64
	}{
		"all":               {ckpt.MessagesListRequest{}, []int64{0, 1, 2, 3, 4, 5}},
		"role":              {ckpt.MessagesListRequest{Role: "user"}, []int64{0, 2}},
		"foreign role":      {ckpt.MessagesListRequest{Role: "critic"}, []int64{}},
		"from":              {ckpt.MessagesListRequest{From: 100.5}, []int64{1, 3, 4}},
		"until":             {ckpt.MessagesListRequest{Until: 200}, []int64{0, 1}},
		"between":           {ckpt.MessagesListRequest{From: 100.25, Until: 300}, []int64{1, 3}},
		"metadata":          {ckpt.MessagesListRequest{Metadata: lang("de")}, []int64{2, 4}},
		"metadata twice":    {ckpt.MessagesListRequest{Metadata: pairs(t, "lang", "de", "words", 4)}, []int64{2, 4}},
		"metadata not both": {ckpt.MessagesListRequest{Metadata: pairs(t, "lang", "de", "words", 5)}, []int64{}},
		"metadata none":     {ckpt.MessagesListRequest{Metadata: ckpt.Raw{0x80}}, []int64{0, 1, 2, 3, 4, 5}},
		"metadata nil":      {ckpt.MessagesListRequest{Metadata: lang(nil)}, []int64{}},
		"search":            {ckpt.MessagesListRequest{Page: ckpt.Page{Search: "IN DE"}}, []int64{2, 4}},
		"all of them":       {ckpt.MessagesListRequest{Page: ckpt.Page{Search: "number"}, Role: "user", From: 1, Until: 150, Metadata: lang("en")}, []int64{0}},
	} {
		for _, reverse := range []bool{false, true} {
			q := c.q
			q.ThreadID, q.Reverse = "t", reverse
			want := slices.Clone(c.want)
			if reverse {
				slices.Reverse(want)
			}
			if a := do(h, ckpt.MessagesList, q); !slices.Equal(numbers(a.Messages), want) || a.Total != len(want) || a.HasMore {
				t.Errorf("%s, reverse %v: %v of %d, want %v", name, reverse, numbers(a.Messages), a.Total, want)
			}
			q.Offset, q.Limit = 1, 1
			if a := do(h, ckpt.MessagesList, q); len(want) > 1 && (!slices.Equal(numbers(a.Messages), want[1:2]) || a.Total != len(want) || a.HasMore != (len(want) > 2)) {
				t.Errorf("%s, reverse %v, second row: %v, %+v", name, reverse, numbers(a.Messages), a.PageReply)
			}
			q.Offset, q.Cursor = 0, ckpt.FirstCursor
			seen := []int64{}
			for more := true; more; {
				a := do(h, ckpt.MessagesList, q)
				seen = append(seen, numbers(a.Messages)...)
				more, q.Cursor = a.HasMore, a.NextCursor
			}
			if !slices.Equal(seen, want) {
				t.Errorf("%s, reverse %v, by cursor: %v, want %v", name, reverse, seen, want)
			}
		}
		q := c.q
		q.ThreadID, q.CountOnly = "t", true
		if a := do(h, ckpt.MessagesList, q); a.Total != len(c.want) || len(a.Messages) != 0 || a.HasMore {
			t.Errorf("%s: count %+v of %d rows", name, a.PageReply, len(a.Messages))
		}
	}
}

// Pages by cursor have each message that stays once, while others are deleted,
// replaced and appended.
func testMessagesByCursor(t *testing.T, start starter) {
	h := start(t, setting{})
	for _, reverse := range []bool{false, true} {
		id := fmt.Sprint("reverse ", reverse)
		for i := range 60 {
			h.putMessages(id, textMessage(t, i, "x"))
		}
		gone := make(map[int64]bool)
		remove := func(n int64) {
			do(h, ckpt.MessagesDelete, ckpt.MessagesDeleteRequest{WriteRef: write1(id), MessageID: ckpt.IntID(n)})
			gone[n] = true
		}
		q := ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread(id)}, Page: ckpt.Page{Cursor: ckpt.FirstCursor, Reverse: reverse, Limit: 10}}
		var seen []int64
		for page := int64(0); ; page++ {
			a := do(h, ckpt.MessagesList, q)
			seen = append(seen, numbers(a.Messages)...)
			if !a.HasMore {
				break
			}
			if a.Total != 0 || a.NextOffset != 0 || len(a.Messages) != 10 {
				t.Errorf("page of %d rows: %+v", len(a.Messages), a.PageReply)
			}
			last := seen[len(seen)-1]
			remove(last) // the one that the cursor stands at
			if page == 0 {
				remove(seen[0])
				remove(29)
				remove(30)
			}
			h.putMessages(id, textMessage(t, seen[1], "again"), textMessage(t, 100+page, "new"))
			q.Cursor = a.NextCursor
		}
		var kept []int64
		for n := range int64(60) {
			if !gone[n] {
				kept = append(kept, n)
			}
		}
		var stayed []int64
		for _, n := range seen {
			if n < 60 && !gone[n] {
				stayed = append(stayed, n)
			}
		}
		if reverse {
			slices.Reverse(kept)
		}
		if !slices.Equal(stayed, kept) {
			t.Errorf("reverse %v: saw %v, want %v", reverse, stayed, kept)
		}
		sorted := slices.Clone(seen)
		slices.Sort(sorted)
		if len(slices.Compact(sorted)) != len(seen) {
			t.Errorf("reverse %v: a message came twice: %v", reverse, seen)
		}
	}
}

// Threads are listed by creation and by update, filtered by user, metadata and
// times, whatever filters meet.
func testThreadsFilters(t *testing.T, start starter) {
	h := start(t, setting{})
	at := make(map[string]time.Time)
	put := func(id, user, team string, level any) {
		h.clock.advance(time.Second)
		at[id] = h.clock.now()
		h.putThread("thread_id", id, "user_id", user, "metadata", map[string]any{"team": team, "level": level})
	}
	put("a", "ann", "blue", 1)
	put("b", "bob", "blue", 2)
	put("c", "ann", "red", 1.0)
	put("d", "ann", "blue", 3)
	h.putState("bare", ckpt.Raw{1})
	h.clock.advance(time.Second)
	do(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: "bare", UserID: "ann"}}, State: ckpt.Raw{2}})
	h.clock.advance(time.Second)
	at["a again"] = h.clock.now()
	h.putState("a", ckpt.Raw{1})
	h.clock.advance(time.Second)
	put("b", "bob", "red", 1) // which moves it to another group
	for name, c := range map[string]struct {
		q    ckpt.ThreadsListRequest
		want string
	}{
		"all":               {ckpt.ThreadsListRequest{}, "a b c d bare"},
		"updated":           {ckpt.ThreadsListRequest{Order: ckpt.OrderUpdated}, "c d bare a b"},
		"user":              {ckpt.ThreadsListRequest{UserID: "ann"}, "a c d bare"},
		"user, updated":     {ckpt.ThreadsListRequest{UserID: "ann", Order: ckpt.OrderUpdated}, "c d bare a"},
		"no such user":      {ckpt.ThreadsListRequest{UserID: "eve"}, ""},
		"metadata":          {ckpt.ThreadsListRequest{Metadata: pairs(t, "level", 1)}, "a b c"},
		"metadata, updated": {ckpt.ThreadsListRequest{Metadata: pairs(t, "level", 1.0), Order: ckpt.OrderUpdated}, "c a b"},
		"two pairs":         {ckpt.ThreadsListRequest{Metadata: pairs(t, "level", 1, "team", "red")}, "b c"},
		"user and pair":     {ckpt.ThreadsListRequest{UserID: "ann", Metadata: pairs(t, "team", "blue")}, "a d"},
		"all three":         {ckpt.ThreadsListRequest{UserID: "ann", Metadata: pairs(t, "team", "blue", "level", 3), Order: ckpt.OrderUpdated}, "d"},
		"created":           {ckpt.ThreadsListRequest{CreatedFrom: at["c"], CreatedUntil: at["d"]}, "c"},
		"updated from":      {ckpt.ThreadsListRequest{UpdatedFrom: at["a again"]}, "a b"},
		"updated until":     {ckpt.ThreadsListRequest{UpdatedUntil: at["a again"], Order: ckpt.OrderUpdated}, "c d bare"},
		"record, user":      {ckpt.ThreadsListRequest{WithRecord: true, UserID: "ann"}, "a c d"},
		"search":            {ckpt.ThreadsListRequest{Page: ckpt.Page{Search: "BLUE"}, UserID: "ann"}, "a d"},
	} {
		for _, reverse := range []bool{false, true} {
			q := c.q
			q.Reverse = reverse
			want := strings.Fields(c.want)
			if reverse {
				slices.Reverse(want)
			}
			if got := h.threads(q); !slices.Equal(got, want) {
				t.Errorf("%s, reverse %v: %v, want %v", name, reverse, got, want)
			}
			q.Cursor, q.Limit = ckpt.FirstCursor, 2
			seen := []string{}
			for more := true; more; {
				a := do(h, ckpt.ThreadsList, q)
				for _, raw := range a.Threads {
					seen = append(seen, decodeInfo(t, raw).ThreadID)
				}
				more, q.Cursor = a.HasMore, a.NextCursor
			}
			if !slices.Equal(seen, want) {
				t.Errorf("%s, reverse %v, by cursor: %v, want %v", name, reverse, seen, want)
			}
		}
		q := c.q
		q.CountOnly = true
		if a := do(h, ckpt.ThreadsList, q); a.Total != len(strings.Fields(c.want)) || len(a.Threads) != 0 {
			t.Errorf("%s: count %+v", name, a.PageReply)
		}
	}
	do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: write1("c")})
	if got := h.threads(ckpt.ThreadsListRequest{Metadata: pairs(t, "level", 1), Order: ckpt.OrderUpdated}); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("after one was cleaned: %v", got)
	}
}

// A page has the fields that were asked for, and the ID.
func testSelect(t *testing.T, start starter) {
	h := start(t, setting{})
	h.putMessages("t", listedMessage(t, 1, "user", 100, "en"), pairs(t, "role", "tool", "message_id", 2, "content", "x", "later", 1))
	a := do(h, ckpt.MessagesList, ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")},
		Page: ckpt.Page{Select: []string{"role", "timestamp", "role"}}})
	want := []ckpt.Raw{pairs(t, "message_id", 1, "role", "user", "timestamp", 100.0), pairs(t, "role", "tool", "message_id", 2)}
	if !slices.EqualFunc(a.Messages, want, sameBytes) {
		t.Errorf("got  %x\nwant %x", a.Messages, want)
	}
	h.putThread("thread_id", "t", "thread_name", "n", "metadata", map[string]any{"a": 1})
	h.clock.advance(1)
	b := do(h, ckpt.ThreadsList, ckpt.ThreadsListRequest{Page: ckpt.Page{Select: []string{"thread_name"}}})
	if want := []ckpt.Raw{pairs(t, "thread_id", "t", "thread_name", "n")}; !slices.EqualFunc(b.Threads, want, sameBytes) {
		t.Errorf("got  %x\nwant %x", b.Threads, want)
	}
}

// What a list cannot be asked for is refused, and the error says what was wrong.
func testListsRefuse(t *testing.T, start starter) {
	h := start(t, setting{})
	h.putMessages("t", textMessage(t, 1, "x"), textMessage(t, 2, "x"))
	h.putThread("thread_id", "t")
	h.putThread("thread_id", "u")
	messages := do(h, ckpt.MessagesList, ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}, Page: ckpt.Page{Cursor: ckpt.FirstCursor, Limit: 1}}).NextCursor
	threads := do(h, ckpt.ThreadsList, ckpt.ThreadsListRequest{Page: ckpt.Page{Cursor: ckpt.FirstCursor, Limit: 1}}).NextCursor
	if messages == "" || threads == "" {
		t.Fatalf("cursors %q and %q", messages, threads)
	}
	for name, p := range map[string]struct {
		page ckpt.Page
		says string
	}{
		"offset beside cursor":      {ckpt.Page{Offset: 1, Cursor: ckpt.FirstCursor}, "offset"},
		"no cursor":                 {ckpt.Page{Cursor: "next"}, "cursor"},
		"cursor cut off":            {ckpt.Page{Cursor: messages[:5]}, "cursor"},
		"cursor of another order":   {ckpt.Page{Reverse: true, Cursor: threads}, "another list"},
		"cursor of another search":  {ckpt.Page{Search: "x", Cursor: messages}, "another list"},
		"count with a limit":        {ckpt.Page{CountOnly: true, Limit: 1}, "count_only"},
		"count with an offset":      {ckpt.Page{CountOnly: true, Offset: 1}, "count_only"},
		"count with a cursor":       {ckpt.Page{CountOnly: true, Cursor: ckpt.FirstCursor}, "count_only"},
		"count with selected field": {ckpt.Page{CountOnly: true, Select: []string{"metadata"}}, "count_only"},
		"no such field":             {ckpt.Page{Select: []string{"metadata", "color"}}, "color"},
	} {
		e := refused(h, ckpt.InvalidArgument, ckpt.MessagesList, ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}, Page: p.page})
		f := refused(h, ckpt.InvalidArgument, ckpt.ThreadsList, ckpt.ThreadsListRequest{Page: p.page})
		if !strings.Contains(e.Message, p.says) || !strings.Contains(f.Message, p.says) {
			t.Errorf("%s: %q, %q", name, e.Message, f.Message)
		}
	}
	of := func(id string) ckpt.MessagesListRequest {
		return ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread(id)}, Page: ckpt.Page{Cursor: messages}}
	}
	refused(h, ckpt.InvalidArgument, ckpt.MessagesList, of("u"))
	refused(h, ckpt.InvalidArgument, ckpt.ThreadsList, ckpt.ThreadsListRequest{Page: ckpt.Page{Cursor: messages}})
	q := of("t")
	q.Cursor = threads
	refused(h, ckpt.InvalidArgument, ckpt.MessagesList, q)
	q = of("t")
	q.Role = "user"
	refused(h, ckpt.InvalidArgument, ckpt.MessagesList, q)
	q = of("t")
	q.Limit = 5 // which is the page's and not the list's
	if a := do(h, ckpt.MessagesList, q); !slices.Equal(numbers(a.Messages), []int64{2}) {
		t.Errorf("messages %v behind the first", numbers(a.Messages))
	}
	for says, q := range map[string]ckpt.MessagesListRequest{
		"until": {From: 2, Until: 2},
		"key":   {Metadata: pairs(t, 1, 2)},
	} {
		q.ThreadRef = thread("t")
		if e := refused(h, ckpt.InvalidArgument, ckpt.MessagesList, q); !strings.Contains(e.Message, says) {
			t.Errorf("%q does not name %s", e.Message, says)
		}
	}
	for says, q := range map[string]ckpt.ThreadsListRequest{
		"order":         {Order: "name"},
		"created_until": {CreatedFrom: time.UnixMilli(2), CreatedUntil: time.UnixMilli(2)},
		"updated_until": {UpdatedFrom: time.UnixMilli(2), UpdatedUntil: time.UnixMilli(1)},
		"key":           {Metadata: pairs(t, 1, 2)},
		"another list":  {Page: ckpt.Page{Cursor: threads}, Order: ckpt.OrderUpdated},
	} {
		if e := refused(h, ckpt.InvalidArgument, ckpt.ThreadsList, q); !strings.Contains(e.Message, says) {
			t.Errorf("%q does not name %s", e.Message, says)
		}
	}
	many := make(map[string]any)
	for i := range h.store.Limits().Filters + 1 {
		many[fmt.Sprint(i)] = i
	}
	q = ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}, Metadata: pack(t, many)}
	refused(h, ckpt.TooLarge, ckpt.ThreadsList, ckpt.ThreadsListRequest{Metadata: q.Metadata})
	if e := refused(h, ckpt.TooLarge, ckpt.MessagesList, q); !strings.Contains(e.Message, "limits.filters") {
		t.Errorf("%q does not name the limit", e.Message)
	}
}

// A reply has as many rows as the service's limit says, and the next ones the rest.
func testRowsLimit(t *testing.T, start starter) {
	h := start(t, setting{})
	limit := h.store.Limits().Rows
	n := limit + 5
	for i := 0; i < n; i += 5000 {
		var list []ckpt.Raw
		for j := i; j < min(i+5000, n); j++ {
			list = append(list, pairs(t, "message_id", j))
		}
		h.putMessages("t", list...)
	}
	for _, p := range []ckpt.Page{{}, {Cursor: ckpt.FirstCursor}, {Limit: limit + 1}} {
		a := h.list("t", p)
		if len(a.Messages) != limit || !a.HasMore {
			t.Errorf("%+v: %d rows, more %v", p, len(a.Messages), a.HasMore)
		}
		if p.Cursor != "" {
			p.Cursor = a.NextCursor
		} else {
			p.Offset = a.NextOffset
		}
		if a := h.list("t", p); p.Limit == 0 && (len(a.Messages) != 5 || a.HasMore) {
			t.Errorf("%+v: %d rows, more %v", p, len(a.Messages), a.HasMore)
		}
	}
}

// Pages by cursor of a thread as it was are of the same moment, whatever is changed
// meanwhile, in either direction and with filters.
func testMessagesOfThePast(t *testing.T, start starter) {
	h := start(t, setting{})
	keep := 10
	for i := range 20 {
		h.putMessages("t", listedMessage(t, i, "user", 0, ""))
	}
	at := do(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: write1("t"), State: ckpt.Raw{1}, Keep: &keep}).Revision
	var all []int64
	for i := range int64(20) {
		all = append(all, i)
	}
	for _, c := range []struct {
		reverse bool
		role    ckpt.Role
		want    []int64
	}{{false, "", all}, {true, "", all}, {true, "user", all}, {false, "tool", nil}} {
		q := ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}, AtRevision: at, Role: c.role,
			Page: ckpt.Page{Cursor: ckpt.FirstCursor, Limit: 6, Reverse: c.reverse}}
		var seen []int64
		for more, page := true, 0; more; page++ {
			a := do(h, ckpt.MessagesList, q)
			seen = append(seen, numbers(a.Messages)...)
			more, q.Cursor = a.HasMore, a.NextCursor
			h.putMessages("t", listedMessage(t, 5, "tool", 0, ""), listedMessage(t, 100+page, "tool", 0, ""))
			_, _ = ask(h, ckpt.MessagesDelete, ckpt.MessagesDeleteRequest{WriteRef: write1("t"), MessageID: ckpt.IntID(int64(page))})
		}
		want := slices.Clone(c.want)
		if c.reverse {
			slices.Reverse(want)
		}
		if !slices.Equal(seen, want) {
			t.Errorf("reverse %v, role %q: %v, want %v", c.reverse, c.role, seen, want)
		}
		q.AtRevision = 0
		refused(h, ckpt.InvalidArgument, ckpt.MessagesList, q)
	}
	q := ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}, AtRevision: at, Page: ckpt.Page{CountOnly: true}}
	if a := do(h, ckpt.MessagesList, q); a.Total != 20 {
		t.Errorf("counted %d of the past, want 20", a.Total)
	}
}
