package store

import (
	"bytes"
	"hash/maphash"
	"slices"
	"time"

	"github.com/ckptbus/ckpt"
)

// A retry comes within a request's timeout, seconds after the first try, and
// one worker rarely has more than a few writes to a thread under way. So a
// thread remembers the answers to its latest writes, and only for a while.
const (
	recentWrites = 8
	recentWindow = 2 * time.Minute
)

// answered is a write that was applied and what it was answered.
type answered struct {
	requestID string
	kind      string
	digest    uint64 // as in [Entry]
	at        int64
	revision  uint64
	answer    []byte
}

// result is the result of a write that was applied before; none of nil.
func (a *answered) result() Result {
	if a == nil {
		return Result{}
	}
	return Result{a.answer, a.revision}
}

// answers are the answers to the latest writes of a thread: a circle once it is
// full. Nil has none.
type answers struct {
	hashes [recentWrites]uint32 // of the request IDs, so that a look at them is a look at one place
	list   []answered
	first  uint8 // of the list, the oldest
	bytes  int32 // of all IDs and answers
}

// newAnswers returns the answers of a list from the oldest on; nil of none.
func newAnswers(list []answered) *answers {
	if len(list) == 0 {
		return nil
	}
	r := new(answers)
	for _, a := range list[max(0, len(list)-recentWrites):] {
		r.add(a)
	}
	return r
}

func hashOf(requestID string) uint32 { return uint32(maphash.String(seed, requestID)) }

// add takes one in, in the place of the oldest where it is full.
func (r *answers) add(a answered) {
	i := len(r.list)
	if i < recentWrites {
		r.list = append(r.list, a)
	} else {
		i = int(r.first)
		r.first = (r.first + 1) % recentWrites
		r.bytes -= r.list[i].size()
		r.list[i] = a
	}
	r.hashes[i] = hashOf(a.requestID)
	r.bytes += a.size()
}

func (a *answered) size() int32 { return int32(len(a.requestID) + len(a.answer)) }

// with returns the one with the request ID that was given since a time, nil if
// there is none.
func (r *answers) with(requestID string, since int64) *answered {
	if r == nil {
		return nil
	}
	hash := hashOf(requestID)
	for i := range r.list {
		if r.hashes[i] == hash && r.list[i].requestID == requestID && r.list[i].at >= since {
			return &r.list[i]
		}
	}
	return nil
}

// latest returns the latest one, nil where there is none.
func (r *answers) latest() *answered {
	if r == nil {
		return nil
	}
	return &r.list[(int(r.first)+len(r.list)-1)%len(r.list)]
}

// oldestFirst returns a copy of all.
func (r *answers) oldestFirst() []answered {
	if r == nil {
		return nil
	}
	return append(slices.Clone(r.list[r.first:]), r.list[:r.first]...)
}

// weight is how many bytes the IDs and the answers have.
func (r *answers) weight() int {
	if r == nil {
		return 0
	}
	return int(r.bytes)
}

// answer returns what a request with this ID was answered with, nil where it
// is new, and Conflict where it was another request.
func (t *thread) answer(w *Write, now int64) (*answered, error) {
	if w.RequestID == "" {
		return nil, nil
	}
	a := t.peek().recent.with(w.RequestID, now-recentWindow.Milliseconds())
	if a == nil {
		return nil, nil
	}
	used := ""
	switch {
	case a.kind != w.Kind:
		used = a.kind
	case a.digest != w.Digest && a.digest != 0 && w.Digest != 0:
		used = "another " + a.kind
	default:
		return a, nil
	}
	return nil, &ckpt.Error{Code: ckpt.Conflict, Revision: t.told(),
		Message: "request_id " + a.requestID + " was used for " + used + " already: take a new ID for each request"}
}

// remember keeps an entry's answer, and forgets all others where the latest of them
// is too old: the sweep does so at another time on each replica, and what they hold
// must be the same.
func (t *thread) remember(e *Entry, now int64, revision uint64) {
	if e.RequestID == "" || len(e.Answer) == 0 { // of a group, the first thread's entry has the answer
		return
	}
	d := t.detail()
	if !t.remembers(now) {
		d.recent = new(answers)
	}
	d.recent.add(answered{e.RequestID, e.Kind, e.Digest, now, revision, bytes.Clone(e.Answer)})
}

// remembers reports whether the thread has an answer for a retry at a time.
func (t *thread) remembers(now int64) bool {
	latest := t.peek().recent.latest()
	return latest != nil && now-latest.at <= recentWindow.Milliseconds()
}
