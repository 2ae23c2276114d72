package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
)

// watch starts a watch that has begun when it returns.
func watch(t *testing.T, args ...string) *command {
	t.Helper()
	c := start(t, append([]string{"watch"}, args...)...)
	c.stderr.line(t, "Watching")
	return c
}

func TestWatch(t *testing.T) {
	t.Parallel()
	_, url := serve(t)
	all := watch(t, "--nats", url)
	one := watch(t, "t 2", "--nats", url)
	lines := watch(t, "--nats", url, "--json")

	c := dial(t, url)
	if _, err := c.PutState(t.Context(), "t1", ckpt.Raw{0x07}); err != nil {
		t.Fatal(err)
	}
	m := ckpt.TextMessage(ckpt.RoleUser, "hello")
	m.MessageID = ckpt.IntID(7)
	if _, err := c.PutMessages(t.Context(), "t 2", []ckpt.Message{m}, client.User("ann")); err != nil {
		t.Fatal(err)
	}

	for _, want := range []string{"  t1  state.put  revision ", "  t 2  messages.put  revision "} {
		all.stdout.line(t, want)
	}
	if got := one.stdout.line(t, ""); !strings.Contains(got, "  t 2  messages.put  revision ") || !strings.HasSuffix(got, "  user ann  messages 7") {
		t.Errorf("the first event of the one thread is %q", got)
	}
	var first, second ckpt.Event
	for _, e := range []*ckpt.Event{&first, &second} {
		if err := json.Unmarshal([]byte(lines.stdout.line(t, "")), e); err != nil {
			t.Fatal(err)
		}
	}
	if first.ThreadID != "t1" || first.Kind != "state.put" || first.Revision == 0 || first.At.IsZero() || first.StoreID == "" {
		t.Errorf("the first event is %+v", first)
	}
	if second.UserID != "ann" || !slices.Equal(second.MessageIDs, []ckpt.MessageID{ckpt.IntID(7)}) {
		t.Errorf("the second event is %+v", second)
	}
	for _, w := range []*command{all, one, lines} {
		if got := w.stop(); got.code != exitOK || strings.Contains(got.stderr, "ckpt:") {
			t.Errorf("%+v", got)
		}
	}
}

// A watch begins where it is told, and a named one where it was.
func TestWatchBegins(t *testing.T) {
	t.Parallel()
	_, url := serve(t)
	c := dial(t, url)
	put := func(thread, user string) uint64 {
		t.Helper()
		a, err := c.PutState(t.Context(), thread, ckpt.Raw{0x07}, client.User(user))
		if err != nil {
			t.Fatal(err)
		}
		return a.Revision
	}
	first := put("t1", "ann")
	put("t2", "bob")
	store := c.Position().StoreID
	since := watch(t, "--nats", url, "--since", "1h", "--user-id", "bob", "--kind", "state.put")
	since.stdout.line(t, "  t2  state.put  revision ")
	from := watch(t, "--nats", url, "--from", fmt.Sprint(store, ":", first), "--json", "--changes")
	var e ckpt.Event
	if err := json.Unmarshal([]byte(from.stdout.line(t, "")), &struct {
		*ckpt.Event
		Change any `json:"change"`
	}{Event: &e}); err != nil || e.ThreadID != "t2" {
		t.Errorf("%+v, %v", e, err)
	}
	named := watch(t, "--nats", url, "--name", "indexer")
	put("t3", "")
	named.stdout.line(t, "  t3  state.put  revision ")
	named.stop()
	put("t4", "")
	named = watch(t, "--nats", url, "--name", "indexer")
	if got := named.stdout.line(t, ""); strings.Contains(got, "t3") { // which may come again
		named.stdout.line(t, "  t4  state.put  revision ")
	} else if !strings.Contains(got, "  t4  state.put  revision ") {
		t.Errorf("the first event is %q", got)
	}
	for _, w := range []*command{since, from, named} {
		if got := w.stop(); got.code != exitOK {
			t.Errorf("%+v", got)
		}
	}
	for _, args := range [][]string{{"--since", "yesterday"}, {"--since", "-1h"}, {"--from", "x"}, {"--from", ":3"}, {"--from", "s:3", "--since", "1h"}, {"--changes"}} {
		if got := start(t, append([]string{"watch", "--nats", url}, args...)...).wait(); got.code != exitUsage {
			t.Errorf("%q: %+v", args, got)
		}
	}
}

// An event that was lost on the way shows as a gap.
func TestWatchGap(t *testing.T) {
	t.Parallel()
	server := bustest.Start(t)
	w := watch(t, "--nats", server.URL())
	nc := bustest.Connect(t, server)
	for _, e := range []ckpt.Event{{Revision: 3}, {Previous: 5, Revision: 6}} {
		e.ThreadID, e.Kind, e.StoreID, e.At = "t", "state.put", "s", time.Now()
		b, err := ckpt.Append(nil, &e)
		if err != nil {
			t.Fatal(err)
		}
		if err := nc.Publish(ckpt.EventSubject(ckpt.DefaultPrefix, "t"), b); err != nil {
			t.Fatal(err)
		}
	}
	w.stdout.line(t, "revision 3")
	w.stdout.line(t, "GAP: events of t between revisions 3 and ")
	w.stdout.line(t, "revision 6")
}

func TestWatchLosesNATS(t *testing.T) {
	t.Parallel()
	server, err := bus.Start(bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := watch(t, "--nats", server.URL(), "--reconnects", "0")
	server.Stop()
	if got := w.wait(); got.code != exitFailed || !strings.Contains(got.stderr, "ckpt: UNAVAILABLE") || !strings.Contains(got.stderr, "connection closed") {
		t.Errorf("%+v", got)
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	at := time.Date(2025, 4, 1, 12, 30, 5, 7e6, time.Local)
	ids := []ckpt.MessageID{ckpt.IntID(1), ckpt.StringID("b")}
	for want, e := range map[string]ckpt.Event{
		"12:30:05.007  t  state.put  revision 3":                                               {ThreadID: "t", Kind: "state.put", Revision: 3},
		"12:30:05.007  t  messages.put  revision 4  user ann  messages 1 b":                    {ThreadID: "t", Kind: "messages.put", Revision: 4, UserID: "ann", MessageIDs: ids},
		"12:30:05.007  GAP: events of t between revisions 4 and 9 were missed; read it anew":   {ThreadID: "t", Kind: ckpt.KindGap, Previous: 4, Revision: 9},
		"12:30:05.007  GAP: events of any thread may have been missed; read anew what matters": {Kind: ckpt.KindGap},
	} {
		e.At = at
		if got := line(e); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if got := joinIDs(make([]ckpt.MessageID, 11)); !strings.HasSuffix(got, "and 3 more") {
		t.Errorf("got %q", got)
	}
}
