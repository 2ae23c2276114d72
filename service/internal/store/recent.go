package store

import (
	"bytes"
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

// answer returns what a request with this ID was answered with, nil where it
// is new, and Conflict where it was another request.
func (t *thread) answer(w *Write, now int64) (*answered, error) {
	if w.RequestID == "" {
		return nil, nil
	}
	recent := t.peek().recent
	for i := range recent {
		a := &recent[i]
		if a.requestID != w.RequestID || now-a.at > recentWindow.Milliseconds() {
			continue
		}
		used := ""
		switch {
		case a.kind != w.Kind:
			used = a.kind
		case a.digest != w.Digest && a.digest != 0 && w.Digest != 0:
			used = "another " + a.kind
		}
		if used != "" {
			return nil, &ckpt.Error{Code: ckpt.Conflict, Revision: t.told(),
				Message: "request_id " + a.requestID + " was used for " + used + " already: take a new ID for each request"}
		}
		return a, nil
	}
	return nil, nil
}

// remember keeps an entry's answer, in the place of the oldest, and lets go of
// those that are too old.
func (t *thread) remember(e *Entry, now int64, revision uint64) {
	if e.RequestID == "" || len(e.Answer) == 0 { // of a group, the first thread's entry has the answer
		return
	}
	d := t.detail()
	old := 0
	for old < len(d.recent) && (len(d.recent)-old == recentWrites || now-d.recent[old].at > recentWindow.Milliseconds()) {
		old++
	}
	d.recent = append(d.recent[:0], d.recent[old:]...)
	d.recent = append(d.recent, answered{e.RequestID, e.Kind, e.Digest, now, revision, bytes.Clone(e.Answer)})
}

// remembers reports whether the thread has an answer for a retry at a time.
func (t *thread) remembers(now int64) bool {
	recent := t.peek().recent
	n := len(recent)
	return n > 0 && now-recent[n-1].at <= recentWindow.Milliseconds()
}
