package client

import (
	"context"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nats.go"
)

// WatchOption is an option of [Client.Watch].
type WatchOption interface{ watch(*watcher) }

// Thread keeps the events of one thread; without it a watch sees those of all.
type Thread string

func (t Thread) watch(w *watcher) { w.thread, w.one = string(t), true }

// Backlog is how many events may wait for a consumer that is slower than they
// come. What does not fit is lost and reported as a gap. The default is
// [DefaultBacklog]; less than 1 counts as 1.
type Backlog int

// DefaultBacklog is the [Backlog] of a watch that was given none: some 2 MiB
// when it is full.
const DefaultBacklog = 8192

func (b Backlog) watch(w *watcher) { w.backlog = max(int(b), 1) }

// Watch ranges over the changes of threads as they happen. It has subscribed
// when it returns, so that no write that is begun afterwards is missed, and
// goes on until ctx ends, the range is left, or the client or its connection
// is closed. Whether it could not begin or had to end, the last that it yields
// is an error: that of ctx as it is, any other an [ckpt.Error] with the code
// Unavailable, or InvalidArgument where [Thread] is no ID.
//
// Where events were missed, it yields an event of the kind [ckpt.KindGap] and
// goes on: what was missed must be read anew. A gap names a thread where the
// revisions of that thread show it, or where its event cannot be read. It
// names none, and stands for all threads, after the connection was lost, where
// the consumer was so slow that its backlog overflowed, and where another
// store has taken the place of the one before.
//
// To see gaps a watch remembers the latest revision of at least the 32,768
// threads that changed last, and of twice as many at most; of a thread beyond
// these, a lost event shows only by one of the other signs.
//
// The sequence is for one range loop: when that is left, the watch is over.
// One that is never ranged over holds its subscription until ctx or the client
// ends.
func (c *Client[S]) Watch(ctx context.Context, opts ...WatchOption) iter.Seq2[ckpt.Event, error] {
	w := &watcher{nc: c.nc, backlog: DefaultBacklog, timeout: c.timeout, caller: ctx}
	for _, o := range opts {
		o.watch(w)
	}
	if err := w.begin(c.ctx, c.prefix); err != nil {
		return func(yield func(ckpt.Event, error) bool) { yield(ckpt.Event{}, w.ended(err)) }
	}
	return w.events
}

// watcher is one watch.
type watcher struct {
	nc      *nats.Conn
	subject string
	one     bool // only the thread
	thread  string
	backlog int
	timeout time.Duration // of a round trip to the server

	caller context.Context // the context that Watch was given
	ctx    context.Context // ends with the watch; its cause says why
	end    context.CancelCauseFunc

	messages chan *nats.Msg
	sub      *nats.Subscription
	status   chan nats.Status // tells of reconnects

	chain   chain
	dropped int // messages that the subscription had dropped when a gap told so
}

var errWatchOver = errors.New("this watch was ranged over before")

// begin subscribes, and returns when the server knows of it.
func (w *watcher) begin(client context.Context, prefix string) error {
	w.subject = ckpt.EventsSubject(prefix)
	if w.one {
		if err := ckpt.CheckID(w.thread); err != nil {
			return ckpt.Errorf(ckpt.InvalidArgument, "thread %.64q: %v", w.thread, err)
		}
		w.subject = ckpt.EventSubject(prefix, w.thread)
	}
	w.ctx, w.end = context.WithCancelCause(w.caller)
	if err := context.Cause(w.ctx); err != nil {
		return err
	}
	// A client that is closed already ends the watch at once.
	stopFollowing := context.AfterFunc(client, func() { w.end(context.Cause(client)) })
	w.status = w.nc.StatusChanged(nats.CONNECTED)
	w.messages = make(chan *nats.Msg, w.backlog)
	var err error
	if w.sub, err = w.nc.ChanSubscribe(w.subject, w.messages); err == nil {
		w.sub.SetClosedHandler(func(string) { w.end(nats.ErrConnectionClosed) })
		if !w.sub.IsValid() { // closed before there was a handler
			w.end(nats.ErrConnectionClosed)
		}
		err = w.settled()
	}
	context.AfterFunc(w.ctx, func() {
		stopFollowing()
		w.nc.RemoveStatusListener(w.status)
		_ = w.sub.Unsubscribe() // fails where the connection is closed
	})
	if err != nil {
		w.end(err)
	}
	return err
}

// settled returns when the server has handled the subscription. One that the
// server refuses would otherwise stay silent for ever.
func (w *watcher) settled() error {
	ctx, cancel := context.WithTimeout(w.ctx, w.timeout)
	defer cancel()
	if err := w.nc.FlushWithContext(ctx); err != nil {
		if cause := context.Cause(w.ctx); cause != nil {
			return cause
		}
		return err
	}
	if err := w.nc.LastError(); errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(err.Error(), `Subscription to "`+w.subject+`"`) {
		return err
	}
	return nil
}

// events yields what happens until the watch ends.
func (w *watcher) events(yield func(ckpt.Event, error) bool) {
	defer w.end(errWatchOver)
	for w.caller.Err() == nil {
		select {
		case m := <-w.messages:
			if !w.receive(m, yield) {
				return
			}
		case _, listening := <-w.status:
			if listening && !w.reconnected(yield) {
				return
			}
		case <-w.ctx.Done():
			if w.caller.Err() == nil && !w.rest(yield) {
				return
			}
			yield(ckpt.Event{}, w.ended(context.Cause(w.ctx)))
			return
		}
	}
	yield(ckpt.Event{}, w.ended(w.caller.Err()))
}

// rest yields the events that came before the watch ended.
func (w *watcher) rest(yield func(ckpt.Event, error) bool) bool {
	for {
		select {
		case m := <-w.messages:
			if !w.receive(m, yield) {
				return false
			}
		default:
			return true
		}
	}
}

// receive yields one event, and before it a gap where it shows one.
func (w *watcher) receive(m *nats.Msg, yield func(ckpt.Event, error) bool) bool {
	if n, err := w.sub.Dropped(); err == nil && n != w.dropped {
		w.dropped = n
		w.chain.reset()
		if !yield(gap(""), nil) {
			return false
		}
	}
	var e ckpt.Event
	if ckpt.Decode(m.Data, &e) != nil {
		return w.unreadable(m.Subject, yield)
	}
	switch v, last := w.chain.next(&e); v {
	case stale:
		return true
	case restarts:
		if !yield(gap(""), nil) {
			return false
		}
	case missed:
		g := gap(e.ThreadID)
		g.Previous, g.Revision, g.StoreID, g.UserID = last, e.Previous, e.StoreID, e.UserID
		if !yield(g, nil) {
			return false
		}
	}
	return yield(e, nil)
}

// unreadable yields a gap for an event that cannot be read: of the thread that
// its subject names.
func (w *watcher) unreadable(subject string, yield func(ckpt.Event, error) bool) bool {
	thread, err := ckpt.DecodeToken(subject[strings.LastIndexByte(subject, '.')+1:])
	if err != nil {
		w.chain.reset()
		return yield(gap(""), nil)
	}
	w.chain.forget(thread)
	return yield(gap(thread), nil)
}

// reconnected yields a gap when the server knows of the subscription again, so
// that whoever reads anew after it misses nothing.
func (w *watcher) reconnected(yield func(ckpt.Event, error) bool) bool {
	if err := w.settled(); errors.Is(err, nats.ErrPermissionViolation) {
		w.end(err)
	}
	if w.ctx.Err() != nil {
		return true // the range ends with the cause
	}
	w.chain.reset()
	return yield(gap(""), nil)
}

// gap returns the event that tells of missed ones, at the time when it was
// noticed.
func gap(thread string) ckpt.Event {
	return ckpt.Event{Kind: ckpt.KindGap, ThreadID: thread, At: time.Now().UTC().Truncate(time.Millisecond)}
}

// ended is the error that a watch ends with.
func (w *watcher) ended(cause error) error {
	if err := w.caller.Err(); err != nil {
		return err
	}
	var e *ckpt.Error
	if !errors.As(cause, &e) {
		e = closedError(cause)
	}
	e.Subject, e.ThreadID = w.subject, w.thread
	return e
}
