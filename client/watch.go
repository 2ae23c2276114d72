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

func (t Thread) watch(w *watcher) { w.filter.ThreadID, w.one = string(t), true }
func (u User) watch(w *watcher)   { w.filter.UserID = string(u) }
func (k Kinds) watch(w *watcher)  { w.filter.Kinds = k }
func (f From) watch(w *watcher)   { w.from.After, w.replay = ckpt.Position(f), true }
func (s Since) watch(w *watcher)  { w.from.Since, w.replay = time.Time(s), true }

// Silence is how long a watch trusts that nothing was missed: after that time it
// asks the service whether what it has got is all. So a lost event that nothing
// shows is late by twice this time at the most, while a service answers. The default, and what 0 or
// less stands for, is [DefaultSilence].
type Silence time.Duration

// DefaultSilence is the [Silence] of a watch that was given none.
const DefaultSilence = 2 * time.Second

func (s Silence) watch(w *watcher) {
	if s > 0 {
		w.silence = time.Duration(s)
	}
}

// Progress is called, between two events, with the position up to which all changes
// were told and taken: a watch [From] there goes on without a hole. It is behind the
// latest event, by twice the [Silence] at the most while a service answers.
type Progress func(ckpt.Position)

func (p Progress) watch(w *watcher) { w.progress = append(w.progress, p) }

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
// is closed. With [From] or [Since] it first tells what has changed since then,
// and goes on from there without a hole. Whether it could not begin or had to end,
// the last that it yields is an error: that of ctx as it is, any other an
// [ckpt.Error], with the code Unavailable mostly, or InvalidArgument where an option
// is wrong.
//
// It tells each change at least once, and those of a thread in their order; an
// event that comes again has the revision that it had before. What it missed, it asks
// any replica for, and tells: at once where the next event of the thread shows it,
// where the connection was lost, or where the consumer was so slow that its
// backlog overflowed; and after some time, see [Silence], where nothing shows
// it, as when a replica ended between a change and its event.
//
// What the service does not have any more is an event of the kind [ckpt.KindGap]:
// of one thread or, where it names none, of all; that must be read anew. So are
// all threads where another store has taken the place of the one before, and
// where no service answered within the client's timeout, see [WithTimeout].
//
// The sequence is for one range loop: when that is left, the watch is over.
// One that is never ranged over holds its subscription until ctx or the client
// ends.
func (c *Client[S]) Watch(ctx context.Context, opts ...WatchOption) iter.Seq2[ckpt.Event, error] {
	w := &watcher{transport: c.transport, backlog: DefaultBacklog, silence: DefaultSilence, caller: ctx, told: make(map[change]bool)}
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
	*transport
	subject  string
	one      bool                    // only one thread
	filter   ckpt.ChangesListRequest // the thread, the user and the kinds
	replay   bool                    // it begins with what has changed
	from     ckpt.ChangesListRequest // since then
	backlog  int
	silence  time.Duration
	progress []Progress

	caller context.Context // the context that Watch was given
	ctx    context.Context // ends with the watch; its cause says why
	end    context.CancelCauseFunc

	messages chan *nats.Msg
	sub      *nats.Subscription
	status   chan nats.Status // tells of reconnects
	dropped  int              // messages that the subscription had dropped when it was looked last

	chain   chain
	told    map[change]bool // live, behind the position; whether the consumer wanted it
	highest uint64          // of these
	mark    uint64          // the highest of a while ago
	checked time.Time       // when the service was asked last
	failed  int             // how often in vain since
	over    bool            // the range was left
}

// change is one change of a thread.
type change struct {
	thread   string
	revision uint64
}

var errWatchOver = errors.New("this watch was ranged over before")

// begin subscribes, and returns when the server knows of it and, where a service
// answers, when it is known where the watch begins.
func (w *watcher) begin(client context.Context, prefix string) error {
	w.subject = ckpt.EventsSubject(prefix)
	if w.one {
		if err := ckpt.CheckID(w.filter.ThreadID); err != nil {
			return ckpt.Errorf(ckpt.InvalidArgument, "thread %.64q: %v", w.filter.ThreadID, err)
		}
		w.subject = ckpt.EventSubject(prefix, w.filter.ThreadID)
	}
	for _, kind := range w.filter.Kinds {
		if !ckpt.IsEventKind(kind) {
			return ckpt.Errorf(ckpt.InvalidArgument, "no event has the kind %.64q", kind)
		}
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
		return err
	}
	if w.checked = time.Now(); !w.replay {
		w.orient()
	}
	return nil
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
	e.Subject, e.ThreadID = w.subject, w.filter.ThreadID
	return e
}
