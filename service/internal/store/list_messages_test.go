package store

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
	"pgregory.net/rapid"
)

// listed is a message of a thread whose list is paged.
type listed struct {
	id     int64
	number int // of its insertion among all
	role   ckpt.Role
	at     float64 // 0: it has no timestamp
	lang   string  // "": it has no metadata
}

func (m listed) body() ckpt.Raw {
	b := wire.AppendMapHeader(nil, 4+one(m.at != 0)+one(m.lang != ""))
	b = wire.AppendInt(wire.AppendStr(b, "message_id"), m.id)
	b = wire.AppendStr(wire.AppendStr(b, "role"), string(m.role))
	b = wire.AppendInt(wire.AppendStr(b, "number"), int64(m.number))
	b = wire.AppendStr(wire.AppendStr(b, "content"), "in "+m.lang)
	if m.at != 0 {
		b = wire.AppendFloat(wire.AppendStr(b, "timestamp"), m.at)
	}
	if m.lang != "" {
		b = wire.AppendMapHeader(wire.AppendStr(b, "metadata"), 1)
		b = wire.AppendStr(wire.AppendStr(b, "lang"), m.lang)
	}
	return b
}

// paging is a list that is paged by cursor while others write.
type paging struct {
	*rapid.T
	store    *Store
	now      int64
	revision uint64
	inserted int
	list     []listed
	q        ckpt.MessagesListRequest
	wanted   func(listed) bool
	always   map[int]bool // the numbers of what was wanted all the time
}

func (p *paging) commit(kind string, plan Plan) {
	p.Helper()
	next := func() uint64 { p.revision++; return p.revision }
	w := newWrite(kind, ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: "t"}}, plan)
	if _, err := p.store.Commit(w, p.now, next, func(Change) {}); err != nil {
		p.Fatalf("%s: %v", kind, err)
	}
}

func (p *paging) put() {
	var bodies []ckpt.Raw
	for range rapid.IntRange(1, 12).Draw(p.T, "messages") {
		m := listed{id: rapid.Int64Range(0, 80).Draw(p.T, "id"),
			role: rapid.SampledFrom([]ckpt.Role{"user", "user", "tool"}).Draw(p.T, "role"),
			at:   rapid.SampledFrom([]float64{0, 10.5, 20.5}).Draw(p.T, "at"),
			lang: rapid.SampledFrom([]string{"", "en", "de"}).Draw(p.T, "lang")}
		if at := slices.IndexFunc(p.list, func(o listed) bool { return o.id == m.id }); at >= 0 {
			m.number = p.list[at].number
			p.list[at] = m
		} else {
			p.inserted++
			m.number = p.inserted
			p.list = append(p.list, m)
		}
		bodies = append(bodies, m.body())
	}
	p.commit("messages.put", planned(PlanMessagesPut, &ckpt.MessagesPutRequest{Messages: bodies}))
}

func (p *paging) delete() {
	for range rapid.IntRange(1, 20).Draw(p.T, "deletions") {
		if len(p.list) == 0 {
			return
		}
		at := rapid.IntRange(0, len(p.list)-1).Draw(p.T, "at")
		if rapid.Bool().Draw(p.T, "oldest") {
			at = 0
		}
		p.commit("messages.delete", planned(PlanMessagesDelete, &ckpt.MessagesDeleteRequest{MessageID: ckpt.IntID(p.list[at].id)}))
		p.list = slices.Delete(p.list, at, at+1)
	}
}

func (p *paging) clean() {
	p.commit("threads.clean", planned(PlanThreadsClean, &ckpt.ThreadsCleanRequest{}))
	p.list = nil
}

// replica goes on with a store that was made from a snapshot of the thread.
func (p *paging) replica() {
	e, ok := p.store.Snapshot("t", p.now)
	if !ok {
		return
	}
	b, err := e.Append(nil)
	if err != nil {
		p.Fatal(err)
	}
	if e, err = DecodeEntry(b); err != nil {
		p.Fatal(err)
	}
	p.store = New(p.store.opts)
	p.revision++
	p.store.Apply(&e, p.now, p.revision, p.revision, func(Change) {})
}

func (p *paging) write() {
	p.now++
	switch rapid.IntRange(0, 12).Draw(p.T, "write") {
	case 0, 1, 2, 3:
		p.put()
	case 4, 5, 6:
		p.delete()
	case 7, 8:
		p.replica()
	case 9:
		if rapid.IntRange(0, 3).Draw(p.T, "clean") == 0 {
			p.clean()
		}
	}
	p.keep()
}

// keep keeps of the messages that were wanted all the time those that still are.
func (p *paging) keep() {
	now := make(map[int]bool)
	for _, m := range p.list {
		if p.wanted(m) {
			now[m.number] = true
		}
	}
	if p.always == nil {
		p.always = now
	}
	for n := range p.always {
		if !now[n] {
			delete(p.always, n)
		}
	}
}

// choose chooses what the list is filtered by.
func (p *paging) choose() {
	p.q.ThreadID = "t"
	p.q.Reverse = rapid.Bool().Draw(p.T, "reverse")
	p.q.Limit = rapid.IntRange(0, 9).Draw(p.T, "limit")
	switch rapid.IntRange(0, 5).Draw(p.T, "filter") {
	case 0:
		p.q.Role = "user"
		p.wanted = func(m listed) bool { return m.role == "user" }
	case 1:
		p.q.From = 20.5
		p.wanted = func(m listed) bool { return m.at >= 20.5 }
	case 2:
		p.q.Metadata = ckpt.Raw("\x81\xa4lang\xa2en")
		p.wanted = func(m listed) bool { return m.lang == "en" }
	case 3:
		p.q.Search, p.q.Until = "DE", 11
		p.wanted = func(m listed) bool { return m.lang == "de" && m.at != 0 && m.at < 11 }
	default:
		p.wanted = func(listed) bool { return true }
	}
}

// Whatever is written between the pages, to whichever replica they are asked: a
// message that is there and meets the filters from the first to the last comes
// exactly once, and the pages are in the order of insertion.
func TestMessagesByCursor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := &paging{T: t, now: 1_000_000, store: New(Options{Limits: ckpt.LimitsFor(1 << 20)})}
		p.choose()
		for range rapid.IntRange(0, 6).Draw(t, "puts") {
			p.put()
		}
		p.keep()
		p.q.Cursor = ckpt.FirstCursor
		var seen []int
		for page := 0; ; page++ {
			a, err := queried(p.store.MessagesList, &p.q, p.now)
			if err != nil {
				t.Fatal(err)
			}
			if a.Total != 0 || a.NextOffset != 0 || a.NextCursor == "" || a.HasMore && len(a.Messages) == 0 ||
				p.q.Limit > 0 && len(a.Messages) > p.q.Limit {
				t.Fatalf("page %d of %d messages: %+v", page, len(a.Messages), a.PageReply)
			}
			for _, body := range a.Messages {
				n, _ := body.Get("number").Int()
				at := slices.IndexFunc(p.list, func(m listed) bool { return m.number == int(n) })
				if at < 0 || !p.wanted(p.list[at]) {
					t.Fatalf("page %d has message %d, which is not wanted", page, n)
				}
				seen = append(seen, int(n))
			}
			left := p.left(seen)
			if a.HasMore != left {
				t.Fatalf("page %d, after %v: more %v, want %v", page, seen, a.HasMore, left)
			}
			if !a.HasMore {
				break
			}
			p.q.Cursor = a.NextCursor
			for range rapid.IntRange(0, 4).Draw(t, "writes") {
				p.write()
			}
		}
		ordered := slices.Clone(seen)
		slices.Sort(ordered)
		if p.q.Reverse {
			slices.Reverse(ordered)
		}
		if !slices.Equal(seen, ordered) || len(slices.Compact(ordered)) != len(seen) {
			t.Fatalf("the order is %v", seen)
		}
		for n := range p.always {
			if !slices.Contains(seen, n) {
				t.Fatalf("message %d was missed in %v", n, seen)
			}
		}
	})
}

// left reports whether rows follow behind those that were seen.
func (p *paging) left(seen []int) bool {
	return slices.ContainsFunc(p.list, func(m listed) bool {
		if len(seen) == 0 || !p.wanted(m) {
			return p.wanted(m)
		}
		if last := seen[len(seen)-1]; p.q.Reverse {
			return m.number < last
		} else {
			return m.number > last
		}
	})
}

// By offset a list of whatever order and filter is that of a slice.
func TestMessagesByOffset(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := &paging{T: t, now: 1_000_000, store: New(Options{Limits: ckpt.LimitsFor(1 << 20)})}
		p.choose()
		for range rapid.IntRange(0, 12).Draw(t, "writes") {
			p.write()
		}
		var want []int
		for _, m := range p.list {
			if p.wanted(m) {
				want = append(want, m.number)
			}
		}
		count, err := queried(p.store.MessagesList, p.count(), p.now)
		if err != nil || count.PageReply != (ckpt.PageReply{Total: len(want)}) || len(count.Messages) != 0 {
			t.Fatalf("count %+v, %v, want %d", count.PageReply, err, len(want))
		}
		if p.q.Reverse {
			slices.Reverse(want)
		}
		p.q.Offset = rapid.IntRange(0, len(want)+2).Draw(t, "offset")
		a, err := queried(p.store.MessagesList, &p.q, p.now)
		if err != nil {
			t.Fatal(err)
		}
		end := len(want)
		if p.q.Limit > 0 {
			end = min(p.q.Offset+p.q.Limit, end)
		}
		var got []int
		for _, body := range a.Messages {
			n, _ := body.Get("number").Int()
			got = append(got, int(n))
		}
		page := want[min(p.q.Offset, end):end]
		if !slices.Equal(got, page) || a.Total != len(want) || a.HasMore != (end < len(want)) || a.NextOffset != min(p.q.Offset, len(want))+len(page) || a.NextCursor != "" {
			t.Fatalf("got %v, %+v, want %v of %v", got, a.PageReply, page, want)
		}
	})
}

// count is the request that counts what the list has.
func (p *paging) count() *ckpt.MessagesListRequest {
	q := p.q
	q.Limit, q.Offset, q.Cursor, q.CountOnly = 0, 0, "", true
	return &q
}

// A list that was read to its end goes on where messages are added to it.
func TestCursorAtTheEnd(t *testing.T) {
	t.Parallel()
	p := &paging{now: 1, store: New(Options{Limits: ckpt.LimitsFor(1 << 20)})}
	q := &ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{ThreadID: "t"}}, Page: ckpt.Page{Cursor: ckpt.FirstCursor}}
	var seen []string
	for round := range 4 {
		for page := range 2 { // the second finds nothing new
			a, err := queried(p.store.MessagesList, q, p.now)
			if err != nil || a.HasMore || page == 1 && len(a.Messages) > 0 {
				t.Fatalf("round %d: %d messages, %+v, %v", round, len(a.Messages), a.PageReply, err)
			}
			for _, body := range a.Messages {
				n, _ := body.Get("message_id").Int()
				seen = append(seen, fmt.Sprint(n))
			}
			q.Cursor = a.NextCursor
		}
		next := func() uint64 { p.revision++; return p.revision }
		put := new(ckpt.MessagesPutRequest)
		for i := range 2 {
			put.Messages = append(put.Messages, listed{id: int64(2*round + i), role: "user"}.body())
		}
		w := newWrite("messages.put", ckpt.WriteRef{ThreadRef: q.ThreadRef}, planned(PlanMessagesPut, put))
		if _, err := p.store.Commit(w, 1, next, func(Change) {}); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"0", "1", "2", "3", "4", "5"}; !slices.Equal(seen, want) {
		t.Errorf("got %v, want %v", seen, want)
	}
}
