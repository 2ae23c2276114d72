package client_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/ckptbus/ckpt/service"
)

var quiet = service.WithLogger(slog.New(slog.DiscardHandler))

// store starts a bus with a service on it.
func store(t *testing.T, o bus.Options, opts ...service.Option) *bus.Server {
	t.Helper()
	srv := bustest.StartWith(t, o)
	s, err := service.Start(bustest.Connect(t, srv), append(opts, quiet)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return srv
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	c, _ := connect[ckpt.AgentState](t, store(t, bus.Options{}))
	ctx := within(t, patience)
	if _, err := c.GetState(ctx, "t"); !errors.Is(err, ckpt.ErrNotFound) {
		t.Fatalf("before the put: %v", err)
	}
	if r := must[ckpt.ClearReply](t)(c.ClearState(ctx, "t")); r.Cleared {
		t.Error("cleared what was not there")
	}
	state := ckpt.NewAgentState()
	state.Context = []ckpt.Message{ckpt.TextMessage(ckpt.RoleUser, "hi")}
	state.AdvanceStep()
	put := must[ckpt.StatePutReply](t)(c.PutState(ctx, "t", state))
	got := must[client.Stored[ckpt.AgentState]](t)(c.GetState(ctx, "t"))
	if !reflect.DeepEqual(got.Value, state) || got.Revision != put.Revision || !got.UpdatedAt.Equal(put.UpdatedAt) || put.Revision == 0 {
		t.Errorf("got %+v after %+v", got, put)
	}
	cached := must[ckpt.CachePutReply](t)(c.PutStateCache(ctx, "t", state, client.TTL(time.Hour)))
	if cached.Revision <= put.Revision || !cached.ExpiresAt.After(cached.UpdatedAt) {
		t.Errorf("got %+v after %+v", cached, put)
	}
	if got := must[client.Stored[ckpt.AgentState]](t)(c.GetStateCache(ctx, "t")); !got.ExpiresAt.Equal(cached.ExpiresAt) {
		t.Errorf("got %+v after %+v", got, cached)
	}
	if r := must[ckpt.ClearReply](t)(c.ClearState(ctx, "t", client.KeepCache(true))); !r.Cleared {
		t.Error("not cleared")
	}
	must[client.Stored[ckpt.AgentState]](t)(c.GetStateCache(ctx, "t"))
	if r := must[ckpt.ClearReply](t)(c.ClearStateCache(ctx, "t")); !r.Cleared {
		t.Error("cache not cleared")
	}
	if _, err := c.GetStateCache(ctx, "t"); !errors.Is(err, ckpt.ErrNotFound) {
		t.Errorf("after the clear: %v", err)
	}
}

// A repeated write is applied once and answered alike.
func TestRequestIDAgainstTheService(t *testing.T) {
	t.Parallel()
	c, _ := connect[string](t, store(t, bus.Options{}))
	ctx := within(t, patience)
	messages := []ckpt.Message{ckpt.TextMessage(ckpt.RoleUser, "hi")}
	first := must[ckpt.MessagesPutReply](t)(c.PutMessages(ctx, "t", messages, client.RequestID("r")))
	second := must[ckpt.MessagesPutReply](t)(c.PutMessages(ctx, "t", messages, client.RequestID("r")))
	if !reflect.DeepEqual(first, second) {
		t.Errorf("got %+v, then %+v", first, second)
	}
	if l := must[client.Listed[ckpt.Message]](t)(c.ListMessages(ctx, "t")); l.Total != 1 {
		t.Errorf("%d messages, want 1", l.Total)
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	c, _ := connect[string](t, store(t, bus.Options{MaxPayload: 8 << 10}))
	ctx := within(t, patience)
	var ids []ckpt.MessageID
	for i := range 60 { // some 30 KiB: several pages
		m := ckpt.TextMessage(ckpt.RoleUser, fmt.Sprintf("number %02d %s", i, strings.Repeat("x", 500)))
		r := must[ckpt.MessagesPutReply](t)(c.PutMessages(ctx, "t", []ckpt.Message{m}, client.Metadata{"last": i}))
		ids = append(ids, r.MessageIDs...)
	}
	l := must[client.Listed[ckpt.Message]](t)(c.ListMessages(ctx, "t"))
	if l.Total != 60 || len(l.Items) != 60 || l.HasMore || l.NextOffset != 60 || l.Metadata["last"] != int64(59) {
		t.Errorf("got %d of %d, more %v, next %d, metadata %v", len(l.Items), l.Total, l.HasMore, l.NextOffset, l.Metadata)
	}
	n := 0
	for m, err := range c.Messages(ctx, "t") {
		if err != nil {
			t.Fatal(err)
		}
		if m.MessageID != ids[n] || !strings.HasPrefix(m.Text(), fmt.Sprintf("number %02d", n)) {
			t.Errorf("message %d is %v %.20q", n, m.MessageID, m.Text())
		}
		n++
	}
	if n != 60 {
		t.Errorf("ranged over %d", n)
	}
	if l := must[client.Listed[ckpt.Message]](t)(c.ListMessagesAsync(ctx, "t", client.Offset(3), client.Limit(40)).Wait(ctx)); len(l.Items) != 40 || !l.HasMore || l.Items[0].MessageID != ids[3] {
		t.Errorf("got %d, more %v", len(l.Items), l.HasMore)
	}
	if l := must[client.Listed[ckpt.Message]](t)(c.ListMessages(ctx, "t", client.Search("NUMBER 4"))); l.Total != 10 {
		t.Errorf("found %d, want 10", l.Total)
	}
	if m := must[client.Stored[ckpt.Message]](t)(c.GetMessage(ctx, "t", ids[7])); !strings.HasPrefix(m.Value.Text(), "number 07") {
		t.Errorf("got %.20q", m.Value.Text())
	}
	must[ckpt.MessagesDeleteReply](t)(c.DeleteMessage(ctx, "t", ids[7]))
	for _, err := range []error{
		second(c.GetMessage(ctx, "t", ids[7])),
		second(c.DeleteMessage(ctx, "t", ids[7])),
	} {
		if e := failure(t, err); e.Code != ckpt.NotFound || e.ThreadID != "t" {
			t.Errorf("got %v", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestThreads(t *testing.T) {
	t.Parallel()
	c, _ := connect[string](t, store(t, bus.Options{}))
	ctx := within(t, patience)
	must[ckpt.ThreadsPutReply](t)(c.PutThread(ctx, ckpt.ThreadInfo{ThreadID: "named", ThreadName: "a name", UserID: "u", Metadata: map[string]any{"k": "v"}}))
	must[ckpt.StatePutReply](t)(c.PutState(ctx, "bare", "state"))
	got := must[client.Stored[ckpt.ThreadInfo]](t)(c.GetThread(ctx, "named", client.User("u")))
	if v := got.Value; v.ThreadName != "a name" || v.Metadata["k"] != "v" || v.Bare || v.CreatedAt.IsZero() || got.Revision == 0 {
		t.Errorf("got %+v", got)
	}
	if got := must[client.Stored[ckpt.ThreadInfo]](t)(c.GetThread(ctx, "bare")); !got.Value.Bare || got.Value.ThreadID != "bare" {
		t.Errorf("got %+v", got)
	}
	names := func(opts ...client.ListThreadsOption) (names []string) {
		for i, err := range c.Threads(ctx, opts...) {
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, i.ThreadID)
		}
		return names
	}
	if got := names(); !slices.Equal(got, []string{"named", "bare"}) {
		t.Errorf("all: %v", got)
	}
	if got := names(client.WithRecord(true)); !slices.Equal(got, []string{"named"}) {
		t.Errorf("with a record: %v", got)
	}
	if got := names(client.User("u"), client.Search("A NAME")); !slices.Equal(got, []string{"named"}) {
		t.Errorf("of the user: %v", got)
	}
	if _, err := c.GetThread(ctx, "named", client.User("v")); !errors.Is(err, ckpt.ErrPermissionDenied) {
		t.Errorf("for another user: %v", err)
	}
	if r := must[ckpt.ThreadsCleanReply](t)(c.CleanThread(ctx, "bare")); !r.Cleaned || r.Removed.States != 1 {
		t.Errorf("got %+v", r)
	}
	if r := must[ckpt.ThreadsCleanReply](t)(c.CleanThread(ctx, "bare")); r.Cleaned {
		t.Errorf("got %+v", r)
	}
	if _, err := c.GetThread(ctx, "bare"); !errors.Is(err, ckpt.ErrNotFound) {
		t.Errorf("cleaned: %v", err)
	}
}

func TestSetupAndRelease(t *testing.T) {
	t.Parallel()
	srv := store(t, bus.Options{}, service.WithPrefix("my.store"), service.AllowRelease())
	c, _ := connect[string](t, srv, client.WithPrefix("my.store"))
	ctx := within(t, patience)
	if r := must[ckpt.SetupReply](t)(c.Setup(ctx)); r.Protocol != ckpt.Protocol || r.StoreID == "" || r.Limits.Payload != 1<<20 {
		t.Errorf("got %+v", r)
	}
	must[ckpt.StatePutReply](t)(c.PutState(ctx, "t", "state"))
	if _, err := c.Release(ctx, "ckpt"); err == nil {
		t.Error("released with the wrong confirmation")
	}
	if r := must[ckpt.ReleaseReply](t)(c.Release(ctx, "my.store")); r.Removed.States != 1 {
		t.Errorf("got %+v", r)
	}
	if l := must[client.Listed[ckpt.ThreadInfo]](t)(c.ListThreads(ctx)); l.Total != 0 {
		t.Errorf("%d threads are left", l.Total)
	}

	c, _ = connect[string](t, store(t, bus.Options{}))
	if _, err := c.Release(ctx, "ckpt"); !errors.Is(err, ckpt.ErrPermissionDenied) {
		t.Errorf("release that is not allowed: %v", err)
	}
}

// A watch sees each change that is made after it began, in order, without gaps.
func TestWatchTheService(t *testing.T) {
	t.Parallel()
	c, _ := connect[string](t, store(t, bus.Options{}, service.AllowRelease()))
	ctx := within(t, patience)
	must[ckpt.StatePutReply](t)(c.PutState(ctx, "a", "before"))
	all, one := c.Watch(ctx), c.Watch(ctx, client.Thread("b"))
	id := must[ckpt.MessagesPutReply](t)(c.PutMessages(ctx, "a", []ckpt.Message{ckpt.TextMessage(ckpt.RoleUser, "x")})).MessageIDs[0]
	must[ckpt.StatePutReply](t)(c.PutState(ctx, "b", "x", client.RequestID("r"), client.User("u")))
	must[ckpt.MessagesDeleteReply](t)(c.DeleteMessage(ctx, "a", id))
	must[ckpt.ThreadsCleanReply](t)(c.CleanThread(ctx, "b"))
	must[ckpt.StatePutReply](t)(c.PutState(ctx, "b", "new"))
	must[ckpt.ReleaseReply](t)(c.Release(ctx, "ckpt"))
	must[ckpt.StatePutReply](t)(c.PutState(ctx, "a", "after"))
	must[ckpt.StatePutReply](t)(c.PutState(ctx, "b", "after"))

	take := func(events func(func(ckpt.Event, error) bool), n int) (kinds []string) {
		for e, err := range events {
			if err != nil {
				t.Fatal(err)
			}
			if kinds = append(kinds, e.ThreadID+" "+e.Kind); len(kinds) == n {
				break
			}
		}
		return kinds
	}
	want := []string{"b state.put", "b threads.clean", "b state.put", "b release", "b state.put"}
	if got := take(one, len(want)); !slices.Equal(got, want) {
		t.Errorf("b: got %v, want %v", got, want)
	}
	want = append(want, "a messages.put", "a messages.delete", "a release", "a state.put")
	got := take(all, len(want))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("all: got %v, want %v", got, want)
	}
}
