package store

import (
	"math"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/messages"
)

// threadFilter is what the threads of a list must meet.
type threadFilter struct {
	owner            string
	record           bool // it was given one
	search           *messages.Search
	metadata         []condition
	created, updated span
}

func (s *Store) threadFilter(q *ckpt.ThreadsListRequest) (f threadFilter, err error) {
	f = threadFilter{owner: q.UserID, record: q.WithRecord}
	if q.Search != "" {
		f.search = messages.NewSearch(q.Search)
	}
	if f.created, err = newSpan("created", q.CreatedFrom, q.CreatedUntil); err != nil {
		return f, err
	}
	if f.updated, err = newSpan("updated", q.UpdatedFrom, q.UpdatedUntil); err != nil {
		return f, err
	}
	f.metadata, err = s.conditions(q.Metadata)
	return f, err
}

// groups are those that a thread must be in.
func (f *threadFilter) groups() (list []group) {
	if f.owner != "" {
		list = append(list, ownerGroup(f.owner))
	}
	for i := range f.metadata {
		list = append(list, pairGroup(f.metadata[i].key, f.metadata[i].value))
	}
	return list
}

// meets reports whether a thread is one of those wanted.
func (f *threadFilter) meets(t *thread) bool {
	return (f.owner == "" || t.owner.Value() == f.owner) &&
		(!f.record || t.peek().record != nil) &&
		f.created.has(t.created.millis()) && f.updated.has(t.lastUpdate()) &&
		(f.metadata == nil || meets(t.peek().record.meta(), f.metadata)) &&
		(f.search == nil || f.search.Value(t.own(0)))
}

// span is a range of times in milliseconds since 1970: from the first and before
// the second.
type span struct{ from, until int64 }

func newSpan(name string, from, until time.Time) (span, error) {
	s := span{math.MinInt64, math.MaxInt64}
	if !from.IsZero() {
		s.from = from.UnixMilli()
	}
	if !until.IsZero() {
		s.until = until.UnixMilli()
	}
	if !from.IsZero() && !until.IsZero() && s.until <= s.from {
		return s, ckpt.Errorf(ckpt.InvalidArgument, "%s_until %d: want a time after %s_from, which is %d", name, s.until, name, s.from)
	}
	return s, nil
}

func (s span) has(at int64) bool { return s.from <= at && (at < s.until || s.until == math.MaxInt64) }

// stamps returns the span as one of the stamps of creation.
func (s span) stamps() span {
	scale := func(ms int64) int64 {
		const most = math.MaxInt64 >> stampBits
		switch {
		case ms > most:
			return math.MaxInt64
		case ms < -most:
			return math.MinInt64
		}
		return ms << stampBits
	}
	return span{scale(s.from), scale(s.until)}
}

// narrow moves a bound in front of the span, and keeps one that is within it.
func (s span) narrow(b bound) bound {
	edge := bound{key: key{at: s.from}, set: s.from != math.MinInt64, reverse: b.reverse}
	if b.reverse {
		edge.at, edge.set = s.until, s.until != math.MaxInt64
	}
	if edge.set && b.before(edge.key) {
		return edge
	}
	return b
}

// past reports whether neither the key nor any behind it lies in the span.
func (s span) past(k key, reverse bool) bool {
	if reverse {
		return k.at < s.from
	}
	return k.at >= s.until && s.until != math.MaxInt64
}
