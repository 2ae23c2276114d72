package client

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nats.go"
)

// yieldEvent hands one event or the end to the consumer, and reports whether it
// wants more.
type yieldEvent = func(ckpt.Event, error) bool

// events yields what happens until the watch ends.
func (w *watcher) events(yield yieldEvent) {
	defer w.end(errWatchOver)
	if w.replay && w.ctx.Err() == nil {
		if err := w.catchUp(w.ctx, w.from, yield); w.over {
			return
		} else if err != nil && w.ctx.Err() == nil {
			w.end(err)
		}
	}
	w.progressed()
	tick := time.NewTicker(w.silence / 2)
	defer tick.Stop()
	for w.caller.Err() == nil && !w.over {
		select {
		case m := <-w.messages:
			w.receive(m, yield)
		case _, listening := <-w.status:
			if listening {
				w.reconnected(yield)
			}
		case <-tick.C:
			w.tick(yield)
		case <-w.ctx.Done():
			if w.caller.Err() == nil {
				w.rest(yield)
			}
			if !w.over {
				yield(ckpt.Event{}, w.ended(context.Cause(w.ctx)))
			}
			return
		}
	}
	if !w.over {
		yield(ckpt.Event{}, w.ended(w.caller.Err()))
	}
}

// rest yields the events that came before the watch ended.
func (w *watcher) rest(yield yieldEvent) {
	for !w.over {
		select {
		case m := <-w.messages:
			w.receive(m, yield)
		default:
			return
		}
	}
}

// yield hands an event to the consumer, unless it has left.
func (w *watcher) yield(e ckpt.Event, yield yieldEvent) {
	if !w.over && !yield(e, nil) {
		w.over = true
	}
}

// gap tells that events were missed: of a thread, or of all. Where there is no
// position, the chains begin anew behind it.
func (w *watcher) gap(thread string, yield yieldEvent) {
	switch {
	case w.chain.known:
	case thread == "":
		w.chain.reset()
	default:
		w.chain.forget(thread)
	}
	if thread == "" {
		thread = w.filter.ThreadID
	}
	w.yield(gap(thread), yield)
}

const (
	maxTold = 4096         // events that are told before the service is asked whether they are all
	tooMany = 16 * maxTold // that are told where it does not answer, before the position is given up
)

// receive takes one event as it comes, and before it what it shows to be missing.
func (w *watcher) receive(m *nats.Msg, yield yieldEvent) {
	if n, err := w.sub.Dropped(); err == nil && n != w.dropped {
		w.dropped = n
		if !w.check(0, yield) {
			w.gap("", yield)
		}
	}
	var e ckpt.Event
	if ckpt.Decode(m.Data, &e) != nil {
		w.unreadable(m.Subject, yield)
		return
	}
	v, last := w.chain.next(&e)
	if v == restarts {
		w.restarts(e.StoreID, yield)
		v, last = w.chain.next(&e)
	}
	if v == missed {
		if w.chain.known && w.heal(&e, yield) {
			v, last = w.chain.next(&e)
		}
		if v == missed {
			g := gap(e.ThreadID)
			g.Previous, g.Revision, g.StoreID, g.UserID = last, e.Previous, e.StoreID, e.UserID
			w.yield(g, yield)
		}
	}
	if v == stale || w.over {
		return
	}
	w.tell(&e, yield)
	if len(w.told) >= maxTold && (w.failed == 0 || time.Since(w.checked) > w.pause()) {
		w.check(w.half(), yield)
	}
	if len(w.told) >= tooMany { // a gap tells so when the service answers again
		w.chain.known = false
		clear(w.told)
	}
}

// tell yields a live event, if it is one of those that the consumer wants.
func (w *watcher) tell(e *ckpt.Event, yield yieldEvent) {
	w.chain.remember(e)
	wants := (w.filter.UserID == "" || e.UserID == w.filter.UserID) &&
		(len(w.filter.Kinds) == 0 || slices.Contains(w.filter.Kinds, e.Kind))
	if w.chain.known && e.Revision > w.chain.upTo {
		w.told[change{e.ThreadID, e.Revision}] = wants
		w.highest = max(w.highest, e.Revision)
	}
	if wants {
		w.yield(*e, yield)
	}
}

// unreadable tells of an event that cannot be read, of the thread that its subject
// names.
func (w *watcher) unreadable(subject string, yield yieldEvent) {
	if w.check(0, yield) {
		return // the list has told it, or that it cannot be read there either
	}
	thread, err := ckpt.DecodeToken(subject[strings.LastIndexByte(subject, '.')+1:])
	if err != nil {
		thread = ""
	}
	w.gap(thread, yield)
}

// reconnected asks for what came meanwhile, when the server knows of the
// subscription again.
func (w *watcher) reconnected(yield yieldEvent) {
	if err := w.settled(); errors.Is(err, nats.ErrPermissionViolation) {
		w.end(err)
	}
	if w.ctx.Err() != nil {
		return // the range ends with the cause
	}
	if !w.chain.known {
		w.orient()
		w.gap("", yield)
		return
	}
	w.check(0, yield) // and again with the next tick where nobody answers
}

// restarts begins anew in the store that has taken the place of the one before.
func (w *watcher) restarts(storeID string, yield yieldEvent) {
	w.chain = chain{storeID: storeID, known: w.chain.known}
	clear(w.told)
	w.highest, w.mark = 0, 0
	w.gap("", yield)
}
