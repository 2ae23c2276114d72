package ckpt_test

import (
	"cmp"
	"fmt"
	"slices"
	"sort"

	"github.com/anishathalye/porcupine"
)

// timeline is a thread's writes that changed it, in the order of their revisions.
type timeline struct {
	writes   []porcupine.Operation
	contents []content // before the first write, and after each
}

func revision(o porcupine.Operation) uint64 { return o.Output.(response).revision }

func changed(o porcupine.Operation) bool {
	return o.Input.(request).kind.writes() && o.Output.(response).found
}

// newTimeline returns an error where the writes are not answered as they are in
// the order of their revisions.
func newTimeline(history []porcupine.Operation) (*timeline, error) {
	l := &timeline{contents: []content{{}}}
	for _, o := range history {
		if changed(o) {
			l.writes = append(l.writes, o)
		}
	}
	slices.SortFunc(l.writes, func(a, b porcupine.Operation) int { return cmp.Compare(revision(a), revision(b)) })
	for i, o := range l.writes {
		fits, after := l.contents[i].step(o.Input.(request), o.Output.(response))
		if !fits || i > 0 && revision(l.writes[i-1]) == revision(o) {
			return nil, fmt.Errorf("%v -> %v does not follow %+v", o.Input, o.Output, l.contents[i])
		}
		l.contents = append(l.contents, after)
	}
	return l, nil
}

// count returns how many of the writes are of the revision or one before it.
func (l *timeline) count(at uint64) int {
	return sort.Search(len(l.writes), func(i int) bool { return revision(l.writes[i]) > at })
}

// check returns an error where the operation, which changed nothing, is not
// answered as the thread was at the revision that it names, or where whoever
// had seen an earlier revision must have known of a later one.
func (l *timeline) check(o porcupine.Operation, seen uint64) error {
	at, floor := l.count(revision(o)), l.count(seen)
	if revision(o) == 0 { // the thread holds nothing: when, is not told
		for at = floor; at < len(l.writes) && l.contents[at] != (content{}); at++ {
		}
	}
	fits, _ := l.contents[at].step(o.Input.(request), o.Output.(response))
	switch {
	case !fits, revision(o) != 0 && (at == 0 || revision(l.writes[at-1]) != revision(o)):
		return fmt.Errorf("%v -> %v: the thread held %+v", o.Input, o.Output, l.contents[at])
	case at < floor:
		return fmt.Errorf("%v -> %v: %d had been seen, and so %v", o.Input, o.Output, seen, l.writes[floor-1].Input)
	case at > 0 && l.writes[at-1].Call > o.Return:
		return fmt.Errorf("%v -> %v: that was written later", o.Input, o.Output)
	}
	return nil
}

// checkSessions returns an error where the history is not what callers are
// promised who read without asking for linearizable answers:
//
//   - the writes of a thread have an order, that of their revisions, in which each
//     is answered as a store on its own would;
//   - each read shows its thread as it was after one of the writes, the one whose
//     revision it names;
//   - nobody reads of a thread what was before the highest revision that they had
//     been answered, of whichever thread: so they read what they wrote, and never
//     back in time.
//
// An answer that there is nothing names no position, and so it may be forgotten.
// The writes of the history have known outcomes.
func checkSessions(history []porcupine.Operation) error {
	timelines := make(map[string]*timeline)
	for thread, part := range byThread(history) {
		var err error
		if timelines[thread], err = newTimeline(part); err != nil {
			return err
		}
	}
	sorted := slices.SortedFunc(slices.Values(history), func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	seen := make(map[int]uint64) // by caller, the highest revision
	for _, o := range sorted {
		q, r := o.Input.(request), o.Output.(response)
		if changed(o) {
			if r.revision <= seen[o.ClientId] {
				return fmt.Errorf("caller %d: %v -> %v: %d had been seen", o.ClientId, q, r, seen[o.ClientId])
			}
		} else if err := timelines[q.thread].check(o, seen[o.ClientId]); err != nil {
			return fmt.Errorf("caller %d: %w", o.ClientId, err)
		}
		seen[o.ClientId] = max(seen[o.ClientId], r.revision, r.known)
	}
	return nil
}
