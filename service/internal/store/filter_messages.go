package store

import (
	"math"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/messages"
)

// messageFilter is what the messages of a list must meet. The zero value is met by
// all.
type messageFilter struct {
	search      *messages.Search
	role        string
	from, until float64
	metadata    []condition
}

// open reports whether all messages meet the filter.
func (f *messageFilter) open() bool {
	return f.search == nil && f.role == "" && f.from == 0 && f.until == 0 && f.metadata == nil
}

func (s *Store) messageFilter(q *ckpt.MessagesListRequest) (f messageFilter, err error) {
	if !q.Reads() {
		return f, nil
	}
	f = messageFilter{role: string(q.Role), from: q.From, until: q.Until}
	if q.Search != "" {
		f.search = messages.NewSearch(q.Search)
	}
	if q.Role != "" {
		if err := checkRole(f.role); err != nil {
			return f, ckpt.Errorf(ckpt.InvalidArgument, "role %v", err)
		}
	}
	for _, bound := range []struct {
		name string
		at   float64
	}{{"from", f.from}, {"until", f.until}} {
		if math.IsNaN(bound.at) || math.IsInf(bound.at, 0) {
			return f, ckpt.Errorf(ckpt.InvalidArgument, "%s %v: want seconds since 1970, or 0 for no bound", bound.name, bound.at)
		}
	}
	if f.from != 0 && f.until != 0 && f.until <= f.from {
		return f, ckpt.Errorf(ckpt.InvalidArgument, "until %v: want a time after from, which is %v", f.until, f.from)
	}
	f.metadata, err = s.conditions(q.Metadata)
	return f, err
}

// meets reports whether a stored message is one of those wanted. Where it has a
// field twice, the first counts.
func (f *messageFilter) meets(body ckpt.Raw) bool {
	if f.role != "" {
		if text, _ := body.Get("role").Text(); string(text) != f.role {
			return false
		}
	}
	if (f.from != 0 || f.until != 0) && !f.inTime(body.Get("timestamp")) {
		return false
	}
	if f.metadata != nil && !meets(body.Get("metadata"), f.metadata) {
		return false
	}
	return f.search == nil || f.search.Message(body)
}

func (f *messageFilter) inTime(timestamp ckpt.Raw) bool {
	if timestamp == nil {
		return false
	}
	at, err := timestamp.Float()
	return err == nil && (f.from == 0 || at >= f.from) && (f.until == 0 || at < f.until)
}
