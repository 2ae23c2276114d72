package ckpt_test

import (
	"context"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/ckptbus/ckpt/internal/bus"
)

// The tests of the tests: a store that is broken on purpose must not pass.

// faulty is a caller of a store with a bug, which shows at every tenth chance.
type faulty struct {
	caller
	bug     func(f *faulty, ctx context.Context, q request) (response, error)
	chances int
	late    *request             // a write that is about to be applied again
	before  map[request]response // what was read
}

func (f *faulty) do(ctx context.Context, q request) (response, error) { return f.bug(f, ctx, q) }

// strikes reports whether the bug shows this time.
func (f *faulty) strikes() bool {
	f.chances++
	return f.chances%10 == 0
}

func sound(f *faulty, ctx context.Context, q request) (response, error) { return f.caller.do(ctx, q) }

// losesWrites acknowledges a write that goes elsewhere.
func losesWrites(f *faulty, ctx context.Context, q request) (response, error) {
	if (q.kind == putState || q.kind == putMessages) && f.strikes() {
		q.thread = "nowhere"
	}
	return f.caller.do(ctx, q)
}

// skipsMessages acknowledges a put of messages of which it applies all but one.
func skipsMessages(f *faulty, ctx context.Context, q request) (response, error) {
	if q.kind != putMessages || q.count == 1 || !f.strikes() {
		return f.caller.do(ctx, q)
	}
	part := q
	part.count--
	r, err := f.caller.do(ctx, part)
	r.messages = r.messages.with(q.value + part.count)
	return r, err
}

// appliesTwice applies a write again some writes after it was acknowledged.
func appliesTwice(f *faulty, ctx context.Context, q request) (response, error) {
	if q.kind != putState && q.kind != putMessages {
		return f.caller.do(ctx, q)
	}
	switch {
	case f.strikes():
		f.late = &q
	case f.late != nil && f.chances%10 == 5:
		if _, err := f.caller.do(ctx, *f.late); err != nil {
			return response{}, err
		}
	}
	return f.caller.do(ctx, q)
}

// readsStale answers a read as the last time.
func readsStale(f *faulty, ctx context.Context, q request) (response, error) {
	if old, again := f.before[q]; again && f.strikes() {
		return old, nil
	}
	r, err := f.caller.do(ctx, q)
	if !q.kind.writes() {
		f.before[q] = r
	}
	return r, err
}

func TestFaultsAreFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		bug  func(*faulty, context.Context, request) (response, error)
	}{
		{"none", sound},
		{"LostWrite", losesWrites},
		{"SkippedApply", skipsMessages},
		{"AppliedTwice", appliesTwice},
		{"StaleRead", readsStale},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, bus.Options{})
			var callers []caller
			for range 4 {
				callers = append(callers, &faulty{caller: &storeCaller{Client: connect[padded](s)}, bug: c.bug, before: make(map[request]response)})
			}
			history, err := workload{seed: 1, operations: 2000, threads: 4}.run(s.ctx, callers)
			if err != nil {
				t.Fatal(err)
			}
			broken := c.name != "none"
			if err := checkLinearizable(history); (err != nil) != broken {
				t.Errorf("linearizable: %v", err)
			}
			if err := checkSessions(history); (err != nil) != broken {
				t.Errorf("sessions: %v", err)
			}
		})
	}
}

// told makes a history: each operation is called at the time of its place, and
// has returned before the next is called unless it is told otherwise.
func told(operations ...porcupine.Operation) []porcupine.Operation {
	for i := range operations {
		operations[i].Call = int64(10 * i)
		operations[i].Return += int64(10*i + 1)
	}
	return operations
}

func by(caller int, q request, r response) porcupine.Operation {
	return porcupine.Operation{ClientId: caller, Input: q, Output: r}
}

// slowly has the operation return when some others behind it have returned.
func slowly(o porcupine.Operation, others int) porcupine.Operation {
	o.Return = int64(10 * others)
	return o
}

func put(thread string, value int64) request {
	return request{kind: putState, thread: thread, value: value}
}

func get(thread string) request { return request{kind: getState, thread: thread} }

func done(revision uint64) response { return response{found: true, revision: revision} }

func state(value int64, revision uint64) response {
	return response{found: true, value: value, revision: revision}
}

func listed(messages messageIDs) response { return response{found: true, messages: messages} }

func TestLinearizableChecker(t *testing.T) {
	t.Parallel()
	clearA, listA := request{kind: clearState, thread: "a"}, request{kind: listMessages, thread: "a"}
	putA := request{kind: putMessages, thread: "a", value: 7, count: 2}
	deleteA := request{kind: deleteMessage, thread: "a", value: 7}
	cleanA := request{kind: cleanThread, thread: "a"}
	unknown := porcupine.Operation{ClientId: 0, Input: put("a", 1), Output: response{unknown: true}, Return: never / 2}
	for name, c := range map[string]struct {
		linearizable bool
		history      []porcupine.Operation
	}{
		"in order":                    {true, told(by(0, put("a", 1), done(1)), by(1, get("a"), state(1, 1)))},
		"a read of two at once":       {true, told(slowly(by(0, put("a", 1), done(1)), 2), by(1, get("a"), response{}), by(1, get("a"), state(1, 1)))},
		"a lost write":                {false, told(by(0, put("a", 1), done(1)), by(1, get("a"), response{}))},
		"a stale read":                {false, told(by(0, put("a", 1), done(1)), by(0, put("a", 2), done(2)), by(1, get("a"), state(1, 1)))},
		"back in time":                {false, told(slowly(by(0, put("a", 1), done(1)), 2), by(1, get("a"), state(1, 1)), by(2, get("a"), response{}))},
		"another thread":              {false, told(by(0, put("b", 1), done(1)), by(1, get("a"), state(1, 1)))},
		"applied twice":               {false, told(by(0, put("a", 1), done(1)), by(0, put("a", 2), done(2)), by(1, get("a"), state(2, 2)), by(1, get("a"), state(1, 3)))},
		"unknown and never applied":   {true, told(unknown, by(1, get("a"), response{}))},
		"unknown and applied later":   {true, told(unknown, by(1, get("a"), response{}), by(1, get("a"), state(1, 1)))},
		"unknown and taken back":      {false, told(unknown, by(1, get("a"), state(1, 1)), by(1, get("a"), response{}))},
		"cleared":                     {true, told(by(0, put("a", 1), done(1)), by(0, clearA, done(2)), by(0, clearA, response{}))},
		"cleared twice":               {false, told(by(0, put("a", 1), done(1)), by(0, clearA, done(2)), by(0, clearA, done(3)))},
		"messages":                    {true, told(by(0, putA, listed("[7][8]")), by(1, deleteA, done(2)), by(1, listA, listed("[8]")))},
		"messages in another order":   {false, told(by(0, putA, listed("[7][8]")), by(1, listA, listed("[8][7]")))},
		"half of the messages":        {false, told(by(0, putA, listed("[7][8]")), by(1, listA, listed("[7]")))},
		"deleted and still there":     {false, told(by(0, putA, listed("[7][8]")), by(1, deleteA, done(2)), by(1, listA, listed("[7][8]")))},
		"deleted twice":               {false, told(by(0, putA, listed("[7][8]")), by(1, deleteA, done(2)), by(1, deleteA, done(3)))},
		"cleaned":                     {true, told(by(0, putA, listed("[7][8]")), by(1, cleanA, done(2)), by(1, deleteA, response{}), by(1, listA, listed("")))},
		"cleaned with something left": {false, told(by(0, putA, listed("[7][8]")), by(1, cleanA, done(2)), by(1, listA, listed("[8]")))},
	} {
		if err := checkLinearizable(c.history); (err == nil) != c.linearizable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSessionChecker(t *testing.T) {
	t.Parallel()
	one, two := by(0, put("a", 1), done(1)), by(0, put("a", 2), done(2))
	for name, c := range map[string]struct {
		kept    bool
		history []porcupine.Operation
	}{
		"its own write":              {true, told(one, two, by(0, get("a"), state(2, 2)))},
		"behind another's":           {true, told(one, two, by(1, get("a"), state(1, 1)), by(1, get("a"), state(2, 2)))},
		"not its own write":          {false, told(one, two, by(0, get("a"), state(1, 1)))},
		"nothing of its own write":   {false, told(one, by(0, get("a"), response{}))},
		"back in time":               {false, told(one, two, by(1, get("a"), state(2, 2)), by(1, get("a"), state(1, 1)))},
		"back behind another thread": {false, told(one, two, by(0, put("b", 3), done(3)), by(1, get("b"), state(3, 3)), by(1, get("a"), state(1, 1)))},
		"of another revision":        {false, told(one, two, by(1, get("a"), state(1, 2)))},
		"of no revision":             {false, told(one, by(1, get("a"), state(1, 7)))},
		"before it is written":       {false, told(by(1, get("a"), state(1, 1)), one)},
		"a revision twice":           {false, told(one, by(0, put("a", 2), done(1)))},
		"a write behind what it saw": {false, told(by(0, put("b", 3), done(3)), one)},
	} {
		if err := checkSessions(c.history); (err == nil) != c.kept {
			t.Errorf("%s: %v", name, err)
		}
	}
}
