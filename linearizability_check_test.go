package ckpt_test

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// checkTimeout bounds a check. One takes well under a second.
const checkTimeout = 2 * time.Minute

// checkLinearizable returns an error where there is no order of the operations
// in which each follows all that had returned when it was called, and is
// answered as a store on its own would.
func checkLinearizable(history []porcupine.Operation) error {
	switch result := porcupine.CheckOperationsTimeout(model, history, checkTimeout); result {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return fmt.Errorf("the checker gave up after %v", checkTimeout)
	}
	for thread, part := range byThread(history) {
		if !porcupine.CheckOperations(model, part) {
			return fmt.Errorf("thread %s is not linearizable: nothing explains the last of\n%s", thread, unexplained(part))
		}
	}
	panic("the whole is not linearizable, and each thread is")
}

// unexplained describes the first answer that makes a thread's history one that
// is not linearizable, and what was before it.
func unexplained(history []porcupine.Operation) string {
	slices.SortFunc(history, func(a, b porcupine.Operation) int { return cmp.Compare(a.Return, b.Return) })
	n := sort.Search(len(history), func(n int) bool { return !porcupine.CheckOperations(model, until(history, n)) })
	list := until(history, n)
	slices.SortFunc(list, func(a, b porcupine.Operation) int {
		return cmp.Or(cmp.Compare(a.Return, b.Return), cmp.Compare(a.Call, b.Call))
	})
	var text strings.Builder
	last := history[max(0, n-1)].Return
	for _, o := range list[max(0, len(list)-explained):] {
		from, to := time.Duration(o.Call-last), fmt.Sprint(time.Duration(o.Return-last))
		if o.Return == never {
			to = "?"
		}
		fmt.Fprintf(&text, "%12v %12v  caller %d: %v -> %v\n", from, to, o.ClientId, o.Input, o.Output)
	}
	return text.String()
}

// explained is how many operations are shown of a history.
const explained = 40

// until returns what was known of a history when the n-th operation had returned.
func until(history []porcupine.Operation, n int) (known []porcupine.Operation) {
	if n == 0 {
		return nil
	}
	now := history[n-1].Return
	for i, o := range history {
		if i >= n {
			if o.Call > now || !o.Input.(request).kind.writes() {
				continue
			}
			o.Output, o.Return = response{unknown: true}, never
		}
		known = append(known, o)
	}
	return known
}
