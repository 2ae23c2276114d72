package store

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
	"pgregory.net/rapid"
)

// row is a thread in a list of threads.
type row struct {
	id, owner string
	created   int64
	order     uint64 // of its creation, among all
	updated   int64
	record    bool
	metadata  map[string]int64
	pinned    int64 // what its record says of its last update
	writes    int   // how often it was changed
}

func (r *row) lastUpdate() int64 {
	if r.pinned != 0 {
		return r.pinned
	}
	return r.updated
}

// listing is threads.lists while others write, beside a model of the threads.
type listing struct {
	*rapid.T
	store    *Store
	now      int64
	revision uint64
	threads  map[string]*row
	q        ckpt.ThreadsListRequest
	wanted   func(*row) bool
}

func newListing(t *rapid.T) *listing {
	return &listing{T: t, now: 1_000_000, store: New(Options{Limits: ckpt.LimitsFor(1 << 20)}), threads: make(map[string]*row)}
}

func (l *listing) commit(id, owner, kind string, plan Plan) {
	next := func() uint64 { l.revision++; return l.revision }
	w := newWrite(kind, ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: id, UserID: owner}}, plan)
	if _, err := l.store.Commit(w, l.now, next, func(Change) {}); err != nil {
		l.Fatalf("%s: %v", kind, err)
	}
}

// write changes a thread in some way. Each has a state from its first write on.
func (l *listing) write() {
	if rapid.IntRange(0, 2).Draw(l.T, "time") == 0 {
		l.now += rapid.Int64Range(1, 5).Draw(l.T, "ms")
	}
	id := fmt.Sprint("t", rapid.IntRange(0, 40).Draw(l.T, "thread"))
	r := l.threads[id]
	if r == nil {
		r = &row{id: id, created: l.now, order: l.revision}
		l.threads[id] = r
		l.put(r)
	}
	switch rapid.IntRange(0, 6).Draw(l.T, "what") {
	case 0:
		l.commit(id, "", "threads.clean", planned(PlanThreadsClean, &ckpt.ThreadsCleanRequest{}))
		delete(l.threads, id)
	case 1:
		if r.record {
			l.commit(id, "", "threads.clean", planned(PlanThreadsClean, &ckpt.ThreadsCleanRequest{RecordOnly: true}))
			r.record, r.metadata, r.pinned, r.updated = false, nil, 0, l.now
			r.writes++
		}
	case 2, 3:
		l.put(r)
	default:
		r.record, r.updated = true, l.now
		r.pinned = rapid.SampledFrom([]int64{0, 0, 0, 999_000, 1_000_004}).Draw(l.T, "pinned")
		r.metadata = rapid.MapOfN(rapid.SampledFrom([]string{"a", "b"}), rapid.Int64Range(0, 1), 0, 2).Draw(l.T, "metadata")
		r.writes++
		l.commit(id, r.owner, "threads.put", planned(PlanThreadsPut, &ckpt.ThreadsPutRequest{Record: r.raw()}))
	}
}

// put puts a state, on behalf of a user where the thread has none yet.
func (l *listing) put(r *row) {
	if r.owner == "" {
		r.owner = rapid.SampledFrom([]string{"", "ann", "bob"}).Draw(l.T, "user")
	}
	r.updated = l.now
	r.writes++
	l.commit(r.id, r.owner, "state.put", planned(PlanStatePut, &ckpt.StatePutRequest{State: ckpt.Raw{1}}))
}

// raw is the record as it is put, with numbers in whichever form.
func (r *row) raw() ckpt.Raw {
	b := wire.AppendMapHeader(nil, 2+one(r.pinned != 0))
	b = wire.AppendStr(wire.AppendStr(b, "thread_name"), "name of "+r.id)
	b = wire.AppendMapHeader(wire.AppendStr(b, "metadata"), len(r.metadata))
	for k, v := range r.metadata {
		if b = wire.AppendStr(b, k); r.writes%2 == 0 {
			b = wire.AppendInt(b, v)
		} else {
			b = wire.AppendFloat(b, float64(v))
		}
	}
	if r.pinned != 0 {
		b = wire.AppendInt(wire.AppendStr(b, "updated_at"), r.pinned)
	}
	return b
}

// choose chooses a list.
func (l *listing) choose() {
	q := &l.q
	q.Reverse = rapid.Bool().Draw(l.T, "reverse")
	q.Order = rapid.SampledFrom([]ckpt.ThreadOrder{"", ckpt.OrderCreated, ckpt.OrderUpdated, ckpt.OrderUpdated}).Draw(l.T, "order")
	q.UserID = rapid.SampledFrom([]string{"", "", "ann"}).Draw(l.T, "of user")
	q.WithRecord = rapid.IntRange(0, 5).Draw(l.T, "with record") == 0
	pairs := rapid.MapOfN(rapid.SampledFrom([]string{"a", "b"}), rapid.Int64Range(0, 1), 0, 2).Draw(l.T, "pairs")
	if len(pairs) > 0 {
		var err error
		if q.Metadata, err = wire.AppendAny(nil, pairs); err != nil {
			l.Fatal(err)
		}
	}
	at := func(name string) time.Time {
		ms := rapid.SampledFrom([]int64{0, 0, 0, 1_000_003, 1_000_009}).Draw(l.T, name)
		if ms == 0 {
			return time.Time{}
		}
		return time.UnixMilli(ms)
	}
	in := func(ms int64, from, until time.Time) bool {
		return (from.IsZero() || ms >= from.UnixMilli()) && (until.IsZero() || ms < until.UnixMilli())
	}
	q.CreatedFrom, q.UpdatedUntil = at("created from"), at("updated until")
	if q.CreatedUntil = at("created until"); !q.CreatedUntil.After(q.CreatedFrom) {
		q.CreatedUntil = time.Time{}
	}
	if q.UpdatedFrom = at("updated from"); !q.UpdatedUntil.After(q.UpdatedFrom) {
		q.UpdatedFrom = time.Time{}
	}
	if rapid.IntRange(0, 4).Draw(l.T, "search") == 0 {
		q.Search = "NAME of t1"
	}
	l.wanted = func(r *row) bool {
		for k, v := range pairs {
			if got, ok := r.metadata[k]; !ok || got != v {
				return false
			}
		}
		return (q.UserID == "" || r.owner == q.UserID) && (!q.WithRecord || r.record) &&
			in(r.created, q.CreatedFrom, q.CreatedUntil) && in(r.lastUpdate(), q.UpdatedFrom, q.UpdatedUntil) &&
			(q.Search == "" || r.record && strings.HasPrefix(r.id, "t1"))
	}
}

// expect returns the IDs of the whole list.
func (l *listing) expect() (ids []string) {
	var list []*row
	for _, r := range l.threads {
		if l.wanted(r) {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b *row) int {
		if l.q.Order == ckpt.OrderUpdated {
			return cmp.Or(cmp.Compare(a.lastUpdate(), b.lastUpdate()), strings.Compare(a.id, b.id))
		}
		return cmp.Or(cmp.Compare(a.created, b.created), cmp.Compare(a.order, b.order))
	})
	if l.q.Reverse {
		slices.Reverse(list)
	}
	for _, r := range list {
		ids = append(ids, r.id)
	}
	return ids
}

func (l *listing) list(q *ckpt.ThreadsListRequest) (ids []string, a ckpt.ThreadsListReply) {
	a, err := queried(l.store.ThreadsList, q, l.now)
	if err != nil {
		l.Fatal(err)
	}
	for _, raw := range a.Threads {
		id, _ := raw.Get("thread_id").Str()
		ids = append(ids, id)
	}
	return ids, a
}

// Lists of whatever filters and order are those of a slice that is filtered and
// sorted, by offset, by cursor, and counted, after whatever was written.
func TestThreadsLists(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := newListing(t)
		for range rapid.IntRange(1, 4).Draw(t, "rounds") {
			for range rapid.IntRange(0, 40).Draw(t, "writes") {
				l.write()
			}
			l.q = ckpt.ThreadsListRequest{}
			l.choose()
			want := l.expect()
			q := l.q
			q.CountOnly = true
			if _, a := l.list(&q); a.PageReply != (ckpt.PageReply{Total: len(want)}) {
				t.Fatalf("count %+v, want %d", a.PageReply, len(want))
			}
			q = l.q
			q.Offset, q.Limit = rapid.IntRange(0, len(want)+1).Draw(t, "offset"), rapid.IntRange(0, 5).Draw(t, "limit")
			end := len(want)
			if q.Limit > 0 {
				end = min(end, q.Offset+q.Limit)
			}
			page := want[min(q.Offset, end):end]
			if got, a := l.list(&q); !slices.Equal(got, page) || a.Total != len(want) || a.HasMore != (end < len(want)) || a.NextCursor != "" {
				t.Fatalf("%+v: got %v, %+v, want %v of %v", q, got, a.PageReply, page, want)
			}
			q = l.q
			q.Cursor, q.Limit = ckpt.FirstCursor, rapid.IntRange(0, 7).Draw(t, "rows")
			var seen []string
			for more := true; more; {
				got, a := l.list(&q)
				if len(got) == 0 && a.HasMore || a.Total != 0 {
					t.Fatalf("%+v: a page of %v, %+v", q, got, a.PageReply)
				}
				seen = append(seen, got...)
				more, q.Cursor = a.HasMore, a.NextCursor
			}
			if !slices.Equal(seen, want) {
				t.Fatalf("%+v: got %v, want %v", q, seen, want)
			}
		}
		l.checkIndexes()
	})
}

// Whatever is written between the pages: in the order of creation, a thread that
// is wanted from the first page to the last comes exactly once, and in that of
// updates, one that nobody has changed meanwhile.
func TestThreadsByCursor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := newListing(t)
		for range rapid.IntRange(0, 60).Draw(t, "writes") {
			l.write()
		}
		l.choose()
		byUpdate := l.q.Order == ckpt.OrderUpdated
		always := make(map[string]int) // of what was wanted all the time, how often it had been changed
		for _, id := range l.expect() {
			always[id] = l.threads[id].writes
		}
		created := make(map[string]uint64)
		for id := range always {
			created[id] = l.threads[id].order
		}
		l.q.Cursor, l.q.Limit = ckpt.FirstCursor, rapid.IntRange(1, 5).Draw(t, "limit")
		times := make(map[string]int)
		for page := 0; ; page++ {
			got, a := l.list(&l.q)
			for _, id := range got {
				if r := l.threads[id]; r == nil || !l.wanted(r) {
					t.Fatalf("page %d has %s, which is not wanted", page, id)
				}
				times[id]++
			}
			if !a.HasMore {
				break
			}
			l.q.Cursor = a.NextCursor
			for range rapid.IntRange(0, 5).Draw(t, "between") {
				l.write()
			}
			for id, writes := range always {
				r := l.threads[id]
				if r == nil || r.order != created[id] || !l.wanted(r) || byUpdate && r.writes != writes {
					delete(always, id)
				}
			}
		}
		for id := range always {
			if times[id] != 1 {
				t.Fatalf("%+v: %s came %d times", l.q, id, times[id])
			}
		}
		l.checkIndexes()
	})
}

// checkIndexes compares the indexes with the threads.
func (l *listing) checkIndexes() {
	want, orders := 0, 0
	for i := range l.store.shards {
		for t := range l.store.shards[i].threads.all {
			if t.gone() {
				continue
			}
			groups := t.member().groups()
			want += len(groups)
			orders += 1 + len(groups)
			for _, g := range groups {
				if _, ok := l.store.directory.groups.tree.Get(grouped{g, t}); !ok {
					l.Fatalf("%s is missing in a group", t.id)
				}
			}
		}
	}
	got := 0
	if tree := l.store.directory.groups.tree; tree != nil {
		got = tree.Len()
	}
	if got != want {
		l.Fatalf("the groups have %d threads, want %d", got, want)
	}
	u := &l.store.updates
	if u.tree == nil {
		return
	}
	u.refresh(l.store)
	if u.tree.Len() != orders || len(u.in) != len(l.threads) {
		l.Fatalf("the order of updates has %d entries of %d threads, want %d of %d", u.tree.Len(), len(u.in), orders, len(l.threads))
	}
}
