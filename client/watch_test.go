package client_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// announcer publishes events as a service does.
type announcer struct {
	*testing.T
	nc *nats.Conn
}

func (a announcer) publish(subject string, payload []byte) {
	a.Helper()
	if err := a.nc.Publish(subject, payload); err != nil {
		a.Fatal(err)
	}
	if err := a.nc.Flush(); err != nil {
		a.Fatal(err)
	}
}

func (a announcer) event(e ckpt.Event) {
	if e.StoreID == "" {
		e.StoreID = "s"
	}
	if e.Kind == "" {
		e.Kind = "state.put"
	}
	e.At = time.UnixMilli(5)
	a.publish(ckpt.EventSubject(ckpt.DefaultPrefix, e.ThreadID), encode(a, &e))
}

// line is an event in short: thread previous>revision, or gap.
func line(e ckpt.Event) string {
	s := fmt.Sprintf("%s %d>%d", e.ThreadID, e.Previous, e.Revision)
	if e.Kind == ckpt.KindGap {
		s = "gap " + s
	}
	return s
}

// watch returns a function that takes the next event of a watch.
func watch(t *testing.T, events iter.Seq2[ckpt.Event, error]) func() string {
	next, stop := iter.Pull2(events)
	t.Cleanup(stop)
	return func() string {
		e, err, ok := next()
		switch {
		case !ok:
			return "over"
		case err != nil:
			return err.Error()
		}
		return line(e)
	}
}

func want(t *testing.T, next func() string, lines ...string) {
	t.Helper()
	for i, l := range lines {
		if got := next(); got != l {
			t.Fatalf("event %d: got %q, want %q", i, got, l)
		}
	}
}

func TestWatchChains(t *testing.T) {
	t.Parallel()
	type e = ckpt.Event
	for name, test := range map[string]struct {
		events []e
		want   []string
	}{
		"in order, two threads": {
			[]e{{ThreadID: "a", Revision: 4, Previous: 2}, {ThreadID: "b", Revision: 5}, {ThreadID: "a", Revision: 6, Previous: 4}},
			[]string{"a 2>4", "b 0>5", "a 4>6"}},
		"one missed": {
			[]e{{ThreadID: "a", Revision: 1}, {ThreadID: "b", Revision: 2}, {ThreadID: "a", Revision: 5, Previous: 3}},
			[]string{"a 0>1", "b 0>2", "gap a 1>3", "a 3>5"}},
		"swapped": {
			[]e{{ThreadID: "a", Revision: 1}, {ThreadID: "a", Revision: 3, Previous: 2}, {ThreadID: "a", Revision: 2, Previous: 1}, {ThreadID: "a", Revision: 4, Previous: 3}},
			[]string{"a 0>1", "gap a 1>2", "a 2>3", "a 3>4"}},
		"cleaned and new": {
			[]e{{ThreadID: "a", Revision: 1, Kind: "threads.clean"}, {ThreadID: "a", Revision: 2}},
			[]string{"a 0>1", "a 0>2"}},
		"record cleaned, thread stays": {
			[]e{{ThreadID: "a", Revision: 1, Kind: "threads.clean"}, {ThreadID: "a", Revision: 2, Previous: 1}},
			[]string{"a 0>1", "a 1>2"}},
		"new without a clean": {
			[]e{{ThreadID: "a", Revision: 1}, {ThreadID: "a", Revision: 2}},
			[]string{"a 0>1", "gap a 1>0", "a 0>2"}},
		"another store": {
			[]e{{ThreadID: "a", Revision: 9}, {ThreadID: "a", Revision: 2, Previous: 1, StoreID: "z"}, {ThreadID: "a", Revision: 3, Previous: 2, StoreID: "z"}},
			[]string{"a 0>9", "gap  0>0", "a 1>2", "a 2>3"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := bustest.Start(t)
			c, _ := connect[string](t, srv)
			a := announcer{t, bustest.Connect(t, srv)}
			next := watch(t, c.Watch(within(t, patience)))
			for _, e := range test.events {
				a.event(e)
			}
			want(t, next, test.want...)
		})
	}
}

func TestWatchOneThread(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[string](t, srv)
	a := announcer{t, bustest.Connect(t, srv)}
	const odd = "a.b *>/ü"
	next := watch(t, c.Watch(within(t, patience), client.Thread(odd)))
	a.event(ckpt.Event{ThreadID: "other", Revision: 1})
	a.event(ckpt.Event{ThreadID: odd, Revision: 2})
	want(t, next, odd+" 0>2")

	for _, bad := range []string{"", "a\nb", strings.Repeat("x", 257)} {
		for _, err := range c.Watch(t.Context(), client.Thread(bad)) {
			if !errors.Is(err, ckpt.ErrInvalidArgument) {
				t.Errorf("thread %.20q: got %v", bad, err)
			}
		}
	}
}

func TestWatchUnreadableEvents(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[string](t, srv)
	a := announcer{t, bustest.Connect(t, srv)}
	next := watch(t, c.Watch(within(t, patience)))
	a.event(ckpt.Event{ThreadID: "a", Revision: 1})
	a.publish("ckpt.events.a", []byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	a.event(ckpt.Event{ThreadID: "a", Revision: 3, Previous: 2})
	a.publish("ckpt.events.=zz", nil)
	want(t, next, "a 0>1", "gap a 0>0", "a 2>3", "gap  0>0")
}

// The consumer takes nothing until more came than its backlog holds.
func TestWatchSlowConsumer(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	nc := bustest.Connect(t, srv, nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	c, err := client.New[string](nc)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	a := announcer{t, bustest.Connect(t, srv)}
	next := watch(t, c.Watch(within(t, patience), client.Backlog(2)))
	for i := range uint64(5) {
		a.event(ckpt.Event{ThreadID: fmt.Sprint(i), Revision: i + 1})
	}
	if err := nc.Flush(); err != nil { // all five have come
		t.Fatal(err)
	}
	want(t, next, "gap  0>0", "0 0>1", "1 0>2")
	a.event(ckpt.Event{ThreadID: "0", Revision: 6, Previous: 1})
	want(t, next, "0 1>6")
}

func TestWatchReconnect(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	nc := bustest.Connect(t, srv, nats.ReconnectWait(time.Millisecond))
	c, err := client.New[string](nc)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	a := announcer{t, bustest.Connect(t, srv)}
	next := watch(t, c.Watch(within(t, patience)))
	a.event(ckpt.Event{ThreadID: "a", Revision: 1})
	want(t, next, "a 0>1")
	if err := nc.ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	want(t, next, "gap  0>0")
	a.event(ckpt.Event{ThreadID: "a", Revision: 9, Previous: 8}) // told by the gap before
	want(t, next, "a 8>9")
}

func TestWatchEnds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		end  func(cancel func(), c *client.Client[string], nc *nats.Conn)
		want error
		code error
	}{
		"context":    {func(cancel func(), _ *client.Client[string], _ *nats.Conn) { cancel() }, context.Canceled, nil},
		"client":     {func(_ func(), c *client.Client[string], _ *nats.Conn) { c.Close() }, client.ErrClosed, ckpt.ErrUnavailable},
		"connection": {func(_ func(), _ *client.Client[string], nc *nats.Conn) { nc.Close() }, nats.ErrConnectionClosed, ckpt.ErrUnavailable},
		"drain":      {func(_ func(), _ *client.Client[string], nc *nats.Conn) { _ = nc.Drain() }, nats.ErrConnectionClosed, ckpt.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := bustest.Start(t)
			c, nc := connect[string](t, srv)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			a := announcer{t, bustest.Connect(t, srv)}
			events := c.Watch(ctx)
			a.event(ckpt.Event{ThreadID: "a", Revision: 1})
			n := 0
			var last error
			for _, err := range events {
				if n++; n == 1 {
					test.end(cancel, c, nc)
				}
				last = err
			}
			if n != 2 || !errors.Is(last, test.want) || test.code != nil && !errors.Is(last, test.code) {
				t.Errorf("the %d. and last was %v, want %v", n, last, test.want)
			}
			for _, err := range events { // never silent
				last = err
			}
			if last == nil {
				t.Error("ranged over again without an error")
			}
			for _, err := range c.Watch(ctx) {
				if !errors.Is(err, test.want) && !errors.Is(err, nats.ErrConnectionDraining) {
					t.Errorf("watched again: %v, want %v", err, test.want)
				}
			}
		})
	}
}

// What came before the end is not lost to it.
func TestWatchYieldsWhatCameBeforeTheEnd(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*client.Client[string], *nats.Conn){
		"client":     func(c *client.Client[string], _ *nats.Conn) { c.Close() },
		"connection": func(_ *client.Client[string], nc *nats.Conn) { nc.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := bustest.Start(t)
			c, nc := connect[string](t, srv)
			a := announcer{t, bustest.Connect(t, srv)}
			events := c.Watch(t.Context())
			for i := range uint64(3) {
				a.event(ckpt.Event{ThreadID: "a", Revision: i + 1, Previous: i})
			}
			if err := nc.Flush(); err != nil { // they have come
				t.Fatal(err)
			}
			end(c, nc)
			next := watch(t, events)
			want(t, next, "a 0>1", "a 1>2", "a 2>3")
			if got := next(); !strings.Contains(got, "UNAVAILABLE") {
				t.Errorf("got %q, want the end", got)
			}
		})
	}
}

func TestWatchLeft(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, nc := connect[string](t, srv)
	a := announcer{t, bustest.Connect(t, srv)}
	subscriptions := nc.NumSubscriptions()
	events := c.Watch(t.Context())
	a.event(ckpt.Event{ThreadID: "a", Revision: 1})
	for range events {
		break
	}
	ctx := within(t, patience)
	for nc.NumSubscriptions() != subscriptions { // goes by itself, in a goroutine
		if err := nc.FlushWithContext(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWatchWithoutPermission(t *testing.T) {
	t.Parallel()
	ns, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true,
		Users: []*server.User{{Username: "u", Password: "p", Permissions: &server.Permissions{
			Subscribe: &server.SubjectPermission{Deny: []string{"ckpt.events.>"}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	defer ns.WaitForShutdown()
	defer ns.Shutdown()
	if !ns.ReadyForConnections(patience) {
		t.Fatal("the server does not start")
	}
	nc, err := nats.Connect(ns.ClientURL(), nats.UserInfo("u", "p"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	c, err := client.New[string](nc)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, opts := range [][]client.WatchOption{nil, {client.Thread("t")}} {
		for _, err := range c.Watch(within(t, patience), opts...) {
			if !errors.Is(err, nats.ErrPermissionViolation) {
				t.Errorf("got %v, want a permission violation", err)
			}
		}
	}
}
