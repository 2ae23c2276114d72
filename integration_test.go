package ckpt_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
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
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what a test waits for; it is reached where something hangs.
const patience = 30 * time.Second

// system is a bus with a service on it.
type system struct {
	testing.TB
	srv     *bus.Server
	service *service.Service
	ctx     context.Context
}

func start(t testing.TB, o bus.Options, opts ...service.Option) *system {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	s := &system{TB: t, srv: bustest.StartWith(t, o), ctx: ctx}
	s.service = s.serve(opts...)
	return s
}

// serve starts a service, which stops when the test ends.
func (s *system) serve(opts ...service.Option) *service.Service {
	s.Helper()
	quiet := service.WithLogger(slog.New(slog.DiscardHandler))
	svc, err := service.Start(bustest.Connect(s, s.srv), append([]service.Option{quiet}, opts...)...)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { s.stop(svc) })
	return svc
}

func (s *system) stop(svc *service.Service) {
	s.Helper()
	if err := svc.Stop(s.ctx); err != nil {
		s.Errorf("stop: %v", err)
	}
}

func connect[S any](s *system, opts ...client.Option) *client.Client[S] {
	s.Helper()
	c, err := client.New[S](bustest.Connect(s, s.srv), opts...)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(c.Close)
	return c
}

// ok returns the result of a call that must succeed.
func ok[T any](s *system) func(T, error) T {
	return func(v T, err error) T {
		s.Helper()
		if err != nil {
			s.Fatal(err)
		}
		return v
	}
}

// want checks that a call failed with the error.
func (s *system) want(target error) func(_ any, err error) {
	return func(_ any, err error) {
		s.Helper()
		if !errors.Is(err, target) {
			s.Errorf("got %v, want %v", err, target)
		}
	}
}

// plan is a state type of a user's own.
type plan struct {
	Goal  string            `msgpack:"goal"`
	Steps []step            `msgpack:"steps"`
	Notes map[string]string `msgpack:"notes,omitempty"`
	Big   uint64            `msgpack:"big"`
	Blob  []byte            `msgpack:"blob"`
}

type step struct {
	Tool string         `msgpack:"tool"`
	Args map[string]any `msgpack:"args"`
}

var aPlan = plan{Goal: "book a flight", Steps: []step{{"search", map[string]any{"to": "LIS"}}}, Notes: map[string]string{"ü": "漢"},
	Big: 1<<64 - 1, Blob: []byte{0, 0xff}}

// Every operation of the table, through the client.
func TestEveryOperation(t *testing.T) {
	t.Parallel()
	s := start(t, bus.Options{}, service.AllowRelease())
	c, ctx := connect[plan](s), s.ctx
	setup := ok[ckpt.SetupReply](s)(c.Setup(ctx))
	if setup.StoreID != s.service.StoreID() || setup.Journal != "local" || setup.Limits != ckpt.LimitsFor(1<<20) {
		t.Errorf("setup: %+v", setup)
	}

	_, err := c.GetState(ctx, "t")
	s.want(ckpt.ErrNotFound)(nil, err)
	put := ok[ckpt.StatePutReply](s)(c.PutState(ctx, "t", aPlan, client.User("ann")))
	if got := ok[client.Stored[plan]](s)(c.GetState(ctx, "t")); !reflect.DeepEqual(got.Value, aPlan) || got.Revision != put.Revision {
		t.Errorf("state: %+v", got)
	}
	cached := ok[ckpt.CachePutReply](s)(c.PutStateCache(ctx, "t", aPlan, client.TTL(time.Hour)))
	if got := ok[client.Stored[plan]](s)(c.GetStateCache(ctx, "t")); !reflect.DeepEqual(got.Value, aPlan) || !got.ExpiresAt.Equal(cached.ExpiresAt) {
		t.Errorf("cached state: %+v", got)
	}

	question := ckpt.TextMessage(ckpt.RoleUser, "Where is my REFUND?")
	question.MessageID = ckpt.IntID(7)
	call := ckpt.ToolCalls(&ckpt.ToolCallBlock{ID: "c1", Name: "find", Args: map[string]any{"n": int64(1)}})
	result := ckpt.ToolResult("c1", "paid")
	result.MessageID = ckpt.StringID("7")
	ids := ok[ckpt.MessagesPutReply](s)(c.PutMessages(ctx, "t", []ckpt.Message{question, call, result}, client.Metadata{"lang": "en"})).MessageIDs
	call.MessageID = ids[1]
	want := []ckpt.Message{question, call, result}
	list := ok[client.Listed[ckpt.Message]](s)(c.ListMessages(ctx, "t"))
	if !reflect.DeepEqual(list.Items, want) || list.Total != 3 || list.Metadata["lang"] != "en" {
		t.Errorf("list: %+v\nwant %+v", list, want)
	}
	for i, id := range ids {
		if got := ok[client.Stored[ckpt.Message]](s)(c.GetMessage(ctx, "t", id)); !reflect.DeepEqual(got.Value, want[i]) {
			t.Errorf("message %v: %+v", id, got.Value)
		}
	}
	if l := ok[client.Listed[ckpt.Message]](s)(c.ListMessages(ctx, "t", client.Search("refund"))); len(l.Items) != 1 || l.Items[0].MessageID != ckpt.IntID(7) {
		t.Errorf("search: %+v", l.Items)
	}
	ok[ckpt.MessagesDeleteReply](s)(c.DeleteMessage(ctx, "t", ckpt.StringID("7")))
	_, err = c.DeleteMessage(ctx, "t", ckpt.StringID("7"))
	s.want(ckpt.ErrNotFound)(nil, err)

	if info := ok[client.Stored[ckpt.ThreadInfo]](s)(c.GetThread(ctx, "t")); !info.Value.Bare || info.Value.UserID != "ann" {
		t.Errorf("bare thread: %+v", info.Value)
	}
	ok[ckpt.ThreadsPutReply](s)(c.PutThread(ctx, ckpt.ThreadInfo{ThreadID: "t", ThreadName: "Refund", Metadata: map[string]any{"team": "support"}}))
	info := ok[client.Stored[ckpt.ThreadInfo]](s)(c.GetThread(ctx, "t")).Value
	if info.Bare || info.ThreadName != "Refund" || info.Metadata["team"] != "support" || info.CreatedAt.UnixMilli() != put.UpdatedAt.UnixMilli() {
		t.Errorf("thread: %+v", info)
	}
	if l := ok[client.Listed[ckpt.ThreadInfo]](s)(c.ListThreads(ctx, client.Search("SUPPORT"), client.User("ann"), client.WithRecord(true))); len(l.Items) != 1 {
		t.Errorf("threads: %+v", l)
	}

	if a := ok[ckpt.ClearReply](s)(c.ClearState(ctx, "t", client.KeepCache(true))); !a.Cleared {
		t.Error("the state was not cleared")
	}
	if a := ok[ckpt.ClearReply](s)(c.ClearStateCache(ctx, "t")); !a.Cleared {
		t.Error("the cache was not cleared")
	}
	if a := ok[ckpt.ThreadsCleanReply](s)(c.CleanThread(ctx, "t")); a.Removed != (ckpt.Removed{Threads: 1, Messages: 2, Records: 1}) {
		t.Errorf("clean: %+v", a)
	}
	ok[ckpt.StatePutReply](s)(c.PutState(ctx, "u", plan{}))
	_, err = c.Release(ctx, "wrong")
	s.want(ckpt.ErrInvalidArgument)(nil, err)
	if a := ok[ckpt.ReleaseReply](s)(c.Release(ctx, ckpt.DefaultPrefix)); a.Removed != (ckpt.Removed{Threads: 1, States: 1}) {
		t.Errorf("release: %+v", a)
	}
}

// The asynchronous form of each operation, all under way at once.
func TestManyUnderWay(t *testing.T) {
	t.Parallel()
	s := start(t, bus.Options{})
	c, ctx := connect[int](s), s.ctx
	var puts []*client.Future[ckpt.StatePutReply]
	var messages []*client.Future[ckpt.MessagesPutReply]
	const threads = 200
	for i := range threads {
		id := fmt.Sprint("t", i)
		puts = append(puts, c.PutStateAsync(ctx, id, i))
		messages = append(messages, c.PutMessagesAsync(ctx, id, []ckpt.Message{ckpt.TextMessage(ckpt.RoleUser, id)}))
	}
	for i := range threads {
		ok[ckpt.StatePutReply](s)(puts[i].Wait(ctx))
		ok[ckpt.MessagesPutReply](s)(messages[i].Wait(ctx))
	}
	var gets []*client.Future[client.Stored[int]]
	for i := range threads {
		gets = append(gets, c.GetStateAsync(ctx, fmt.Sprint("t", i)))
	}
	for i := range threads {
		if got := ok[client.Stored[int]](s)(gets[i].Wait(ctx)); got.Value != i {
			t.Errorf("state of t%d: %d", i, got.Value)
		}
	}
}

// A thread belongs to the user who wrote it first: every method with another
// user is refused, and one without passes.
func TestOwnership(t *testing.T) {
	t.Parallel()
	s := start(t, bus.Options{})
	c, ctx := connect[int](s), s.ctx
	id := ckpt.StringID("m")
	m := ckpt.TextMessage(ckpt.RoleUser, "x")
	m.MessageID = id
	calls := func(u client.User) map[string]error {
		errs := make(map[string]error)
		_, errs["messages.put"] = c.PutMessages(ctx, "t", []ckpt.Message{m}, u)
		_, errs["state.put"] = c.PutState(ctx, "t", 1, u)
		_, errs["state.get"] = c.GetState(ctx, "t", u)
		_, errs["cache.put"] = c.PutStateCache(ctx, "t", 1, u)
		_, errs["cache.get"] = c.GetStateCache(ctx, "t", u)
		_, errs["cache.clear"] = c.ClearStateCache(ctx, "t", u)
		_, errs["state.clear"] = c.ClearState(ctx, "t", u)
		_, errs["messages.get"] = c.GetMessage(ctx, "t", id, u)
		_, errs["messages.list"] = c.ListMessages(ctx, "t", u)
		_, errs["threads.put"] = c.PutThread(ctx, ckpt.ThreadInfo{ThreadID: "t", UserID: string(u)})
		_, errs["threads.get"] = c.GetThread(ctx, "t", u)
		_, errs["messages.delete"] = c.DeleteMessage(ctx, "t", id, u)
		_, errs["threads.clean"] = c.CleanThread(ctx, "t", u, client.RecordOnly(true))
		return errs
	}
	ok[ckpt.StatePutReply](s)(c.PutState(ctx, "t", 1, client.User("ann")))
	for op, err := range calls("bob") {
		var e *ckpt.Error
		if !errors.As(err, &e) || e.Code != ckpt.PermissionDenied || e.ThreadID != "t" || e.Subject != "ckpt."+op {
			t.Errorf("%s by another user: %v", op, err)
		}
	}
	for _, user := range []client.User{"ann", ""} {
		ok[ckpt.StatePutReply](s)(c.PutState(ctx, "t", 1, client.User("ann"))) // else the last clear took the thread
		for op, err := range calls(user) {
			if err != nil {
				t.Errorf("%s by %q: %v", op, user, err)
			}
		}
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	s := start(t, bus.Options{})
	c, ctx := connect[int](s), s.ctx
	odd := "a.b c*>"
	nextOfAll, stopAll := iter.Pull2(c.Watch(ctx))
	defer stopAll()
	nextOfOne, stopOne := iter.Pull2(c.Watch(ctx, client.Thread(odd)))
	defer stopOne()
	ok[ckpt.StatePutReply](s)(c.PutState(ctx, "other", 1))
	first := ok[ckpt.StatePutReply](s)(c.PutState(ctx, odd, 1, client.User("ann"), client.RequestID("r")))
	second := ok[ckpt.MessagesPutReply](s)(c.PutMessages(ctx, odd, []ckpt.Message{ckpt.TextMessage(ckpt.RoleUser, "x")}))
	expect := func(next func() (ckpt.Event, error, bool), thread, kind string, revision, previous uint64) ckpt.Event {
		t.Helper()
		e, err, more := next()
		if err != nil || !more || e.ThreadID != thread || e.Kind != kind || revision != 0 && (e.Revision != revision || e.Previous != previous) || e.StoreID != s.service.StoreID() {
			t.Errorf("event %+v, %v, want %s of %s at %d behind %d", e, err, kind, thread, revision, previous)
		}
		return e
	}
	expect(nextOfAll, "other", "state.put", 0, 0)
	for _, next := range []func() (ckpt.Event, error, bool){nextOfAll, nextOfOne} {
		if e := expect(next, odd, "state.put", first.Revision, 0); e.UserID != "ann" || e.RequestID != "r" {
			t.Errorf("event %+v", e)
		}
		if e := expect(next, odd, "messages.put", second.Revision, first.Revision); !slices.Equal(e.MessageIDs, second.MessageIDs) {
			t.Errorf("event %+v, want the IDs %v", e, second.MessageIDs)
		}
	}
	c.Close()
	if _, err, more := nextOfAll(); !more || !errors.Is(err, client.ErrClosed) {
		t.Errorf("after the close: %v", err)
	}
}

// Lists go beyond what the bus carries in one message.
func TestPaging(t *testing.T) {
	t.Parallel()
	s := start(t, bus.Options{MaxPayload: 16 << 10}, service.WithMaxValue(15<<10))
	c, ctx := connect[int](s), s.ctx
	const n = 100
	var ids []ckpt.MessageID
	for i := range n {
		m := ckpt.TextMessage(ckpt.RoleUser, fmt.Sprint(i, strings.Repeat(" word", 200)))
		ids = append(ids, ok[ckpt.MessagesPutReply](s)(c.PutMessages(ctx, "t", []ckpt.Message{m})).MessageIDs...)
		ok[ckpt.ThreadsPutReply](s)(c.PutThread(ctx, ckpt.ThreadInfo{ThreadID: fmt.Sprintf("t%03d", i), ThreadName: strings.Repeat("x", 1000)}))
	}
	for _, search := range []client.Search{"", "WORD word"} {
		var got []ckpt.MessageID
		for m, err := range c.Messages(ctx, "t", search) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, m.MessageID)
		}
		if !slices.Equal(got, ids) {
			t.Errorf("search %q: %d messages of %d", search, len(got), n)
		}
	}
	l := ok[client.Listed[ckpt.Message]](s)(c.ListMessages(ctx, "t", client.Offset(10), client.Limit(50)))
	if len(l.Items) != 50 || l.Items[0].MessageID != ids[10] || !l.HasMore || l.Total != n || l.NextOffset != 60 {
		t.Errorf("%d messages, more %v, total %d, next %d", len(l.Items), l.HasMore, l.Total, l.NextOffset)
	}
	threads := ok[client.Listed[ckpt.ThreadInfo]](s)(c.ListThreads(ctx, client.WithRecord(true)))
	if len(threads.Items) != n || threads.Items[n-1].ThreadID != "t099" {
		t.Errorf("%d threads of %d", len(threads.Items), n)
	}
	_, err := c.PutMessages(ctx, "t", []ckpt.Message{ckpt.TextMessage(ckpt.RoleUser, strings.Repeat("x", 20<<10))})
	var e *ckpt.Error
	if !errors.As(err, &e) || e.Code != ckpt.TooLarge || e.Size < 20<<10 || e.Limit != 16<<10 {
		t.Errorf("a message over the limit: %v", err)
	}
}
