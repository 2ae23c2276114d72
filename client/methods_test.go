package client_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/nats-io/nats.go"
)

// form is one method in both forms, as a function of the client.
type form[T any] struct {
	blocking func(context.Context, *client.Client[string]) (T, error)
	async    func(context.Context, *client.Client[string]) *client.Future[T]
}

// after finds the position in a request that has one.
func after(q any) *ckpt.Position {
	switch q := q.(type) {
	case interface{ Thread() *ckpt.ThreadRef }:
		return &q.Thread().After
	case *ckpt.ThreadsListRequest:
		return &q.After
	case *ckpt.WatchersGetRequest:
		return &q.After
	case *ckpt.StateManyRequest:
		return &q.After
	case *ckpt.ThreadsTransactRequest:
		return &q.After
	case *ckpt.ThreadsPruneRequest:
		return &q.After
	}
	return nil
}

// check calls both forms of a method on the operation op, and compares what
// the service is asked and what the caller gets. The second request must carry
// the position of the first reply. id finds a write's request
// ID, which must be there and new each time unless the request wanted has one.
func check[Q, A, T any](t *testing.T, srv *bus.Server, op ckpt.Op[Q, A], want Q, id func(*Q) *string, reply A, result T, f form[T]) {
	t.Helper()
	t.Run(op.Name, func(t *testing.T) {
		c, _ := connect[string](t, srv)
		asked := make(chan Q, 1)
		nc := bustest.Connect(t, srv)
		defer nc.Close()
		respond(t, nc, op.Subject(ckpt.DefaultPrefix), func(m *nats.Msg) {
			var q Q
			if err := ckpt.Decode(m.Data, op.Request(&q)); err != nil {
				t.Error(err)
			}
			asked <- q
			answer(t, m, op.Reply(&reply))
		})
		last := ""
		var position ckpt.Position // of the reply before
		for name, call := range map[string]func() (T, error){
			"blocking": func() (T, error) { return f.blocking(t.Context(), c) },
			"async":    func() (T, error) { return f.async(t.Context(), c).Wait(t.Context()) },
		} {
			got, err := call()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			q := <-asked
			if id != nil {
				if given := *id(&want); given == "" {
					if got := *id(&q); got == "" || got == last {
						t.Errorf("%s: request ID %q after %q", name, got, last)
					}
					last = *id(&q)
					*id(&q) = ""
				}
			}
			if after := after(&q); after != nil {
				if *after != position {
					t.Errorf("%s: asked after %+v, want %+v", name, *after, position)
				}
				*after, position = ckpt.Position{}, ckpt.Position{StoreID: "s", Revision: 7}
			}
			if !reflect.DeepEqual(q, want) {
				t.Errorf("%s: asked\n%+v, want\n%+v", name, q, want)
			}
			if !reflect.DeepEqual(got, result) {
				t.Errorf("%s: got\n%+v, want\n%+v", name, got, result)
			}
		}
	})
}

func TestMethods(t *testing.T) {
	t.Parallel()
	type (
		ctx = context.Context
		cl  = *client.Client[string]
	)
	srv := bustest.Start(t)
	ref := ckpt.ThreadRef{ThreadID: "t"}
	asUser := ckpt.ThreadRef{ThreadID: "t", UserID: "u"}
	at, later := time.UnixMilli(1_700_000_000_123).UTC(), time.UnixMilli(1_800_000_000_456).UTC()
	rev := ckpt.Reply{Revision: 7, StoreID: "s"}
	state := ckpt.Raw{0xa1, 'x'}
	message := ckpt.TextMessage(ckpt.RoleUser, "hi")
	message.MessageID = ckpt.IntID(5)
	info := ckpt.ThreadInfo{ThreadID: "t", ThreadName: "name", UserID: "u", CreatedAt: at, UpdatedAt: later}

	check(t, srv, ckpt.Setup, ckpt.SetupRequest{Client: "ckpt-go/" + ckpt.Version, Protocol: 1}, nil,
		ckpt.SetupReply{Reply: rev, Protocol: 1}, ckpt.SetupReply{Reply: rev, Protocol: 1},
		form[ckpt.SetupReply]{
			func(x ctx, c cl) (ckpt.SetupReply, error) { return c.Setup(x) },
			func(x ctx, c cl) *client.Future[ckpt.SetupReply] { return c.SetupAsync(x) }})
	check(t, srv, ckpt.Release, ckpt.ReleaseRequest{Confirm: "ckpt"}, func(q *ckpt.ReleaseRequest) *string { return &q.RequestID },
		ckpt.ReleaseReply{Reply: rev, Removed: ckpt.Removed{Threads: 3}}, ckpt.ReleaseReply{Reply: rev, Removed: ckpt.Removed{Threads: 3}},
		form[ckpt.ReleaseReply]{
			func(x ctx, c cl) (ckpt.ReleaseReply, error) { return c.Release(x, "ckpt") },
			func(x ctx, c cl) *client.Future[ckpt.ReleaseReply] { return c.ReleaseAsync(x, "ckpt") }})

	check(t, srv, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: ckpt.WriteRef{ThreadRef: asUser}, State: state, Keep: new(int)},
		func(q *ckpt.StatePutRequest) *string { return &q.RequestID },
		ckpt.StatePutReply{Reply: rev, UpdatedAt: at}, ckpt.StatePutReply{Reply: rev, UpdatedAt: at},
		form[ckpt.StatePutReply]{
			func(x ctx, c cl) (ckpt.StatePutReply, error) {
				return c.PutState(x, "t", "x", client.User("u"), client.Keep(0))
			},
			func(x ctx, c cl) *client.Future[ckpt.StatePutReply] {
				return c.PutStateAsync(x, "t", "x", client.User("u"), client.Keep(0))
			}})
	check(t, srv, ckpt.StateHistory, ckpt.StateHistoryRequest{ReadRef: ckpt.ReadRef{ThreadRef: asUser, Linearizable: true}, Before: 9, Limit: 2, States: true}, nil,
		ckpt.StateHistoryReply{Reply: rev, Keep: 3, Next: 5, Versions: []ckpt.StateVersion{{Revision: 6, UpdatedAt: later, Cleared: true}, {Revision: 5, UpdatedAt: at, Size: 2, State: state}}},
		[]client.StateVersion[string]{{Revision: 6, UpdatedAt: later, Cleared: true}, {Revision: 5, UpdatedAt: at, Size: 2, State: "x"}},
		form[[]client.StateVersion[string]]{
			func(x ctx, c cl) ([]client.StateVersion[string], error) {
				return c.ListStateHistory(x, "t", client.User("u"), client.Linearizable(true), client.Before(9), client.Limit(2), client.WithStates(true))
			},
			func(x ctx, c cl) *client.Future[[]client.StateVersion[string]] {
				return c.ListStateHistoryAsync(x, "t", client.User("u"), client.Linearizable(true), client.Before(9), client.Limit(2), client.WithStates(true))
			}})
	check(t, srv, ckpt.StateRestore, ckpt.StateRestoreRequest{WriteRef: ckpt.WriteRef{ThreadRef: asUser, Terms: ckpt.Terms{RequestID: "r", Expected: ckpt.AtRevision(3)}}, Revision: 2, WithMessages: true},
		func(q *ckpt.StateRestoreRequest) *string { return &q.RequestID },
		ckpt.StateRestoreReply{Reply: rev, UpdatedAt: at, Put: 1, Deleted: 2}, ckpt.StateRestoreReply{Reply: rev, UpdatedAt: at, Put: 1, Deleted: 2},
		form[ckpt.StateRestoreReply]{
			func(x ctx, c cl) (ckpt.StateRestoreReply, error) {
				return c.RestoreState(x, "t", 2, client.User("u"), client.RequestID("r"), client.ExpectedRevision(3), client.WithMessages(true))
			},
			func(x ctx, c cl) *client.Future[ckpt.StateRestoreReply] {
				return c.RestoreStateAsync(x, "t", 2, client.User("u"), client.RequestID("r"), client.ExpectedRevision(3), client.WithMessages(true))
			}})
	check(t, srv, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: asUser, Linearizable: true}, AtRevision: 4}, nil,
		ckpt.StateGetReply{Reply: rev, State: state, UpdatedAt: at}, client.Stored[string]{Value: "x", Revision: 7, UpdatedAt: at},
		form[client.Stored[string]]{
			func(x ctx, c cl) (client.Stored[string], error) {
				return c.GetState(x, "t", client.User("u"), client.Linearizable(true), client.AtRevision(4))
			},
			func(x ctx, c cl) *client.Future[client.Stored[string]] {
				return c.GetStateAsync(x, "t", client.User("u"), client.Linearizable(true), client.AtRevision(4))
			}})
	check(t, srv, ckpt.StateClear, ckpt.StateClearRequest{WriteRef: ckpt.WriteRef{ThreadRef: asUser, Terms: ckpt.Terms{RequestID: "r", Expected: ckpt.AtRevision(3)}}, KeepCache: true},
		func(q *ckpt.StateClearRequest) *string { return &q.RequestID },
		ckpt.ClearReply{Reply: rev, Cleared: true}, ckpt.ClearReply{Reply: rev, Cleared: true},
		form[ckpt.ClearReply]{
			func(x ctx, c cl) (ckpt.ClearReply, error) {
				return c.ClearState(x, "t", client.User("u"), client.RequestID("r"), client.ExpectedRevision(3), client.KeepCache(true))
			},
			func(x ctx, c cl) *client.Future[ckpt.ClearReply] {
				return c.ClearStateAsync(x, "t", client.User("u"), client.RequestID("r"), client.ExpectedRevision(3), client.KeepCache(true))
			}})

	check(t, srv, ckpt.CachePut, ckpt.CachePutRequest{WriteRef: ckpt.WriteRef{ThreadRef: asUser}, State: state, TTL: 90 * time.Second},
		func(q *ckpt.CachePutRequest) *string { return &q.RequestID },
		ckpt.CachePutReply{Reply: rev, UpdatedAt: at, ExpiresAt: later}, ckpt.CachePutReply{Reply: rev, UpdatedAt: at, ExpiresAt: later},
		form[ckpt.CachePutReply]{
			func(x ctx, c cl) (ckpt.CachePutReply, error) {
				return c.PutStateCache(x, "t", "x", client.User("u"), client.TTL(90*time.Second))
			},
			func(x ctx, c cl) *client.Future[ckpt.CachePutReply] {
				return c.PutStateCacheAsync(x, "t", "x", client.User("u"), client.TTL(90*time.Second))
			}})
	check(t, srv, ckpt.CacheGet, ckpt.CacheGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: asUser, Linearizable: true}}, nil,
		ckpt.StateGetReply{Reply: rev, State: state, UpdatedAt: at, ExpiresAt: later},
		client.Stored[string]{Value: "x", Revision: 7, UpdatedAt: at, ExpiresAt: later},
		form[client.Stored[string]]{
			func(x ctx, c cl) (client.Stored[string], error) {
				return c.GetStateCache(x, "t", client.User("u"), client.Linearizable(true))
			},
			func(x ctx, c cl) *client.Future[client.Stored[string]] {
				return c.GetStateCacheAsync(x, "t", client.User("u"), client.Linearizable(true))
			}})
	check(t, srv, ckpt.CacheClear, ckpt.CacheClearRequest{WriteRef: ckpt.WriteRef{ThreadRef: asUser}},
		func(q *ckpt.CacheClearRequest) *string { return &q.RequestID },
		ckpt.ClearReply{Reply: rev}, ckpt.ClearReply{Reply: rev},
		form[ckpt.ClearReply]{
			func(x ctx, c cl) (ckpt.ClearReply, error) { return c.ClearStateCache(x, "t", client.User("u")) },
			func(x ctx, c cl) *client.Future[ckpt.ClearReply] {
				return c.ClearStateCacheAsync(x, "t", client.User("u"))
			}})

	put := []client.PutMessagesOption{client.User("u"), client.RequestID("r"), client.ExpectedRevision(3), client.Metadata{"b": 1, "a": "x"}}
	metadata := ckpt.Raw{0x82, 0xa1, 'a', 0xa1, 'x', 0xa1, 'b', 1}
	check(t, srv, ckpt.MessagesPut, ckpt.MessagesPutRequest{WriteRef: ckpt.WriteRef{ThreadRef: asUser, Terms: ckpt.Terms{RequestID: "r", Expected: ckpt.AtRevision(3)}}, Messages: []ckpt.Raw{encode(t, &message), encode(t, &message)}, Metadata: metadata},
		func(q *ckpt.MessagesPutRequest) *string { return &q.RequestID },
		ckpt.MessagesPutReply{Reply: rev, MessageIDs: []ckpt.MessageID{ckpt.IntID(5)}, Count: 2},
		ckpt.MessagesPutReply{Reply: rev, MessageIDs: []ckpt.MessageID{ckpt.IntID(5)}, Count: 2},
		form[ckpt.MessagesPutReply]{
			func(x ctx, c cl) (ckpt.MessagesPutReply, error) {
				return c.PutMessages(x, "t", []ckpt.Message{message, message}, put...)
			},
			func(x ctx, c cl) *client.Future[ckpt.MessagesPutReply] {
				return c.PutMessagesAsync(x, "t", []ckpt.Message{message, message}, put...)
			}})
	check(t, srv, ckpt.MessagesGet, ckpt.MessagesGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: asUser, Linearizable: true}, MessageID: ckpt.IntID(5), AtRevision: 4}, nil,
		ckpt.MessagesGetReply{Reply: rev, Message: encode(t, &message), PutRevision: 2}, client.Stored[ckpt.Message]{Value: message, Revision: 7, PutRevision: 2},
		form[client.Stored[ckpt.Message]]{
			func(x ctx, c cl) (client.Stored[ckpt.Message], error) {
				return c.GetMessage(x, "t", ckpt.IntID(5), client.User("u"), client.Linearizable(true), client.AtRevision(4))
			},
			func(x ctx, c cl) *client.Future[client.Stored[ckpt.Message]] {
				return c.GetMessageAsync(x, "t", ckpt.IntID(5), client.User("u"), client.Linearizable(true), client.AtRevision(4))
			}})
	list := []client.ListMessagesOption{client.User("u"), client.Search("hi"), client.Offset(2), client.Limit(3), client.Linearizable(true), client.AtRevision(4)}
	check(t, srv, ckpt.MessagesList, ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: asUser, Linearizable: true}, Page: ckpt.Page{Search: "hi", Offset: 2, Limit: 3}, AtRevision: 4}, nil,
		ckpt.MessagesListReply{Reply: rev, PageReply: ckpt.PageReply{Total: 3, NextOffset: 3}, Metadata: metadata, Messages: []ckpt.Raw{encode(t, &message)}},
		client.Listed[ckpt.Message]{Items: []ckpt.Message{message}, Metadata: map[string]any{"a": "x", "b": int64(1)}, Total: 3, NextOffset: 3, Revision: 7},
		form[client.Listed[ckpt.Message]]{
			func(x ctx, c cl) (client.Listed[ckpt.Message], error) { return c.ListMessages(x, "t", list...) },
			func(x ctx, c cl) *client.Future[client.Listed[ckpt.Message]] {
				return c.ListMessagesAsync(x, "t", list...)
			}})
	from, until := time.UnixMilli(1_700_000_000_500), time.UnixMilli(1_700_000_001_250)
	filtered := []client.ListMessagesOption{client.Cursor("c"), client.Reverse(true), client.Role("user"), client.Select{"role"},
		client.Between{From: from, Until: until}, client.WhereMetadata{"a": 1}}
	where := ckpt.Raw("\x81\xa1a\x01")
	byCursor := ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: ref}, Page: ckpt.Page{Cursor: "c", Reverse: true, Select: []string{"role"}},
		Role: "user", From: 1_700_000_000.5, Until: 1_700_000_001.25, Metadata: where}
	check(t, srv, ckpt.MessagesList, byCursor, nil,
		ckpt.MessagesListReply{Reply: rev, PageReply: ckpt.PageReply{NextCursor: "d"}, Messages: []ckpt.Raw{encode(t, &message)}},
		client.Listed[ckpt.Message]{Items: []ckpt.Message{message}, NextCursor: "d", Revision: 7},
		form[client.Listed[ckpt.Message]]{
			func(x ctx, c cl) (client.Listed[ckpt.Message], error) { return c.ListMessages(x, "t", filtered...) },
			func(x ctx, c cl) *client.Future[client.Listed[ckpt.Message]] {
				return c.ListMessagesAsync(x, "t", filtered...)
			}})
	check(t, srv, ckpt.MessagesList, ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: asUser}, Page: ckpt.Page{CountOnly: true}}, nil,
		ckpt.MessagesListReply{Reply: rev, PageReply: ckpt.PageReply{Total: 8}}, 8,
		form[int]{
			func(x ctx, c cl) (int, error) { return c.CountMessages(x, "t", client.User("u")) },
			func(x ctx, c cl) *client.Future[int] { return c.CountMessagesAsync(x, "t", client.User("u")) }})
	check(t, srv, ckpt.MessagesDelete, ckpt.MessagesDeleteRequest{WriteRef: ckpt.WriteRef{ThreadRef: asUser}, MessageID: ckpt.StringID("5")},
		func(q *ckpt.MessagesDeleteRequest) *string { return &q.RequestID },
		ckpt.MessagesDeleteReply{Reply: rev}, ckpt.MessagesDeleteReply{Reply: rev},
		form[ckpt.MessagesDeleteReply]{
			func(x ctx, c cl) (ckpt.MessagesDeleteReply, error) {
				return c.DeleteMessage(x, "t", ckpt.StringID("5"), client.User("u"))
			},
			func(x ctx, c cl) *client.Future[ckpt.MessagesDeleteReply] {
				return c.DeleteMessageAsync(x, "t", ckpt.StringID("5"), client.User("u"))
			}})

	check(t, srv, ckpt.ThreadsPut, ckpt.ThreadsPutRequest{Record: encode(t, &info)},
		func(q *ckpt.ThreadsPutRequest) *string { return &q.RequestID },
		ckpt.ThreadsPutReply{Reply: rev}, ckpt.ThreadsPutReply{Reply: rev},
		form[ckpt.ThreadsPutReply]{
			func(x ctx, c cl) (ckpt.ThreadsPutReply, error) { return c.PutThread(x, info) },
			func(x ctx, c cl) *client.Future[ckpt.ThreadsPutReply] { return c.PutThreadAsync(x, info) }})
	check(t, srv, ckpt.ThreadsGet, ckpt.ThreadsGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ref, Linearizable: true}}, nil,
		ckpt.ThreadsGetReply{Reply: rev, Record: encode(t, &info)}, client.Stored[ckpt.ThreadInfo]{Value: info, Revision: 7},
		form[client.Stored[ckpt.ThreadInfo]]{
			func(x ctx, c cl) (client.Stored[ckpt.ThreadInfo], error) {
				return c.GetThread(x, "t", client.Linearizable(true))
			},
			func(x ctx, c cl) *client.Future[client.Stored[ckpt.ThreadInfo]] {
				return c.GetThreadAsync(x, "t", client.Linearizable(true))
			}})
	threads := []client.ListThreadsOption{client.User("u"), client.WithRecord(true), client.Search("a"), client.Offset(1), client.Limit(2), client.Linearizable(true)}
	check(t, srv, ckpt.ThreadsList, ckpt.ThreadsListRequest{UserID: "u", WithRecord: true, Linearizable: true, Page: ckpt.Page{Search: "a", Offset: 1, Limit: 2}}, nil,
		ckpt.ThreadsListReply{Reply: rev, PageReply: ckpt.PageReply{Total: 2, NextOffset: 2}, Threads: []ckpt.Raw{encode(t, &info)}},
		client.Listed[ckpt.ThreadInfo]{Items: []ckpt.ThreadInfo{info}, Total: 2, NextOffset: 2, Revision: 7},
		form[client.Listed[ckpt.ThreadInfo]]{
			func(x ctx, c cl) (client.Listed[ckpt.ThreadInfo], error) { return c.ListThreads(x, threads...) },
			func(x ctx, c cl) *client.Future[client.Listed[ckpt.ThreadInfo]] {
				return c.ListThreadsAsync(x, threads...)
			}})
	ordered := []client.ListThreadsOption{client.Cursor("c"), client.Reverse(true), client.OrderBy(ckpt.OrderUpdated), client.Select{"metadata"},
		client.CreatedBetween{From: at}, client.UpdatedBetween{From: at, Until: later}, client.WhereMetadata{"a": 1}}
	check(t, srv, ckpt.ThreadsList, ckpt.ThreadsListRequest{Page: ckpt.Page{Cursor: "c", Reverse: true, Select: []string{"metadata"}},
		Order: ckpt.OrderUpdated, Metadata: where, CreatedFrom: at, UpdatedFrom: at, UpdatedUntil: later}, nil,
		ckpt.ThreadsListReply{Reply: rev, PageReply: ckpt.PageReply{NextCursor: "d"}, Threads: []ckpt.Raw{encode(t, &info)}},
		client.Listed[ckpt.ThreadInfo]{Items: []ckpt.ThreadInfo{info}, NextCursor: "d", Revision: 7},
		form[client.Listed[ckpt.ThreadInfo]]{
			func(x ctx, c cl) (client.Listed[ckpt.ThreadInfo], error) { return c.ListThreads(x, ordered...) },
			func(x ctx, c cl) *client.Future[client.Listed[ckpt.ThreadInfo]] {
				return c.ListThreadsAsync(x, ordered...)
			}})
	check(t, srv, ckpt.ThreadsList, ckpt.ThreadsListRequest{UserID: "u", Page: ckpt.Page{CountOnly: true}}, nil,
		ckpt.ThreadsListReply{Reply: rev, PageReply: ckpt.PageReply{Total: 8}}, 8,
		form[int]{
			func(x ctx, c cl) (int, error) { return c.CountThreads(x, client.User("u")) },
			func(x ctx, c cl) *client.Future[int] { return c.CountThreadsAsync(x, client.User("u")) }})
	ttl, pinned, keep := 90*time.Second, true, 0
	check(t, srv, ckpt.ThreadsRetain, ckpt.ThreadsRetainRequest{WriteRef: ckpt.WriteRef{ThreadRef: asUser}, TTL: &ttl, Sliding: true, Pinned: &pinned, KeepMessages: &keep},
		func(q *ckpt.ThreadsRetainRequest) *string { return &q.RequestID },
		ckpt.ThreadsRetainReply{Reply: rev, ExpiresAt: later}, ckpt.ThreadsRetainReply{Reply: rev, ExpiresAt: later},
		form[ckpt.ThreadsRetainReply]{
			func(x ctx, c cl) (ckpt.ThreadsRetainReply, error) {
				return c.RetainThread(x, "t", client.User("u"), client.TTL(ttl), client.Sliding(true), client.Pinned(true), client.KeepMessages(0))
			},
			func(x ctx, c cl) *client.Future[ckpt.ThreadsRetainReply] {
				return c.RetainThreadAsync(x, "t", client.User("u"), client.TTL(ttl), client.Sliding(true), client.Pinned(true), client.KeepMessages(0))
			}})
	figures := ckpt.StatsReply{Reply: rev, Replica: "r", StartedAt: at, Threads: 3, Largest: []ckpt.ThreadStats{{ThreadID: "t", Bytes: 5}},
		Users: []ckpt.UserStats{{UserID: "u", Bytes: 5}}, Operations: []ckpt.OperationStats{{Operation: "state.put", Mean: time.Microsecond}}}
	check(t, srv, ckpt.Stats, ckpt.StatsRequest{Top: 5}, nil, figures, figures,
		form[ckpt.StatsReply]{
			func(x ctx, c cl) (ckpt.StatsReply, error) { return c.Stats(x, client.Top(5)) },
			func(x ctx, c cl) *client.Future[ckpt.StatsReply] { return c.StatsAsync(x, client.Top(5)) }})
	pruned := ckpt.ThreadsPruneReply{Reply: rev, Removed: ckpt.Removed{Threads: 3}, HasMore: true}
	check(t, srv, ckpt.ThreadsPrune, ckpt.ThreadsPruneRequest{UserID: "u", OlderThan: ttl, UpdatedBefore: at, Metadata: ckpt.Raw{0x81, 0xa1, 'a', 0x01}, Pinned: true, DryRun: true, Limit: 5},
		func(q *ckpt.ThreadsPruneRequest) *string { return &q.RequestID }, pruned, pruned,
		form[ckpt.ThreadsPruneReply]{
			func(x ctx, c cl) (ckpt.ThreadsPruneReply, error) {
				return c.PruneThreads(x, client.User("u"), client.OlderThan(ttl), client.UpdatedBefore(at), client.Metadata{"a": 1}, client.Pinned(true), client.DryRun(true), client.Limit(5))
			},
			func(x ctx, c cl) *client.Future[ckpt.ThreadsPruneReply] {
				return c.PruneThreadsAsync(x, client.User("u"), client.OlderThan(ttl), client.UpdatedBefore(at), client.Metadata{"a": 1}, client.Pinned(true), client.DryRun(true), client.Limit(5))
			}})
	check(t, srv, ckpt.ThreadsFork, ckpt.ThreadsForkRequest{WriteRef: ckpt.WriteRef{ThreadRef: asUser, Terms: ckpt.Terms{RequestID: "r", Expected: ckpt.AtRevision(3)}}, To: "new", AtRevision: 2},
		func(q *ckpt.ThreadsForkRequest) *string { return &q.RequestID },
		ckpt.ThreadsForkReply{Reply: rev, Origin: ckpt.Origin{ThreadID: "t", Revision: 2}, Messages: 5}, ckpt.ThreadsForkReply{Reply: rev, Origin: ckpt.Origin{ThreadID: "t", Revision: 2}, Messages: 5},
		form[ckpt.ThreadsForkReply]{
			func(x ctx, c cl) (ckpt.ThreadsForkReply, error) {
				return c.ForkThread(x, "t", "new", client.User("u"), client.RequestID("r"), client.ExpectedRevision(3), client.AtRevision(2))
			},
			func(x ctx, c cl) *client.Future[ckpt.ThreadsForkReply] {
				return c.ForkThreadAsync(x, "t", "new", client.User("u"), client.RequestID("r"), client.ExpectedRevision(3), client.AtRevision(2))
			}})
	check(t, srv, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: ckpt.WriteRef{ThreadRef: ref}, RecordOnly: true},
		func(q *ckpt.ThreadsCleanRequest) *string { return &q.RequestID },
		ckpt.ThreadsCleanReply{Reply: rev, Cleaned: true}, ckpt.ThreadsCleanReply{Reply: rev, Cleaned: true},
		form[ckpt.ThreadsCleanReply]{
			func(x ctx, c cl) (ckpt.ThreadsCleanReply, error) {
				return c.CleanThread(x, "t", client.RecordOnly(true))
			},
			func(x ctx, c cl) *client.Future[ckpt.ThreadsCleanReply] {
				return c.CleanThreadAsync(x, "t", client.RecordOnly(true))
			}})
}

func TestListChangesMethod(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	at := time.UnixMilli(1_700_000_000_123).UTC()
	event := ckpt.Event{ThreadID: "t", Kind: "state.put", Revision: 9, Previous: 7, At: at, StoreID: "s"}
	position := ckpt.Position{StoreID: "s", Revision: 5}
	reply := ckpt.ChangesListReply{Reply: ckpt.Reply{Revision: 7, StoreID: "s"}, Events: []ckpt.Raw{encode(t, &event)}, Next: ckpt.Position{StoreID: "s", Revision: 9}, Oldest: 4, Complete: true, Changes: []ckpt.Raw{encode(t, &ckpt.Change{State: ckpt.Raw{1}})}}
	changed := event
	changed.Change = &ckpt.Change{State: ckpt.Raw{1}}
	want := client.Changes{Events: []ckpt.Event{changed}, Next: reply.Next, Complete: true, Oldest: 4}
	for _, test := range []struct {
		opts []client.ListChangesOption
		want ckpt.ChangesListRequest
	}{
		{[]client.ListChangesOption{client.From(position), client.Thread("t"), client.User("u"), client.Kinds{"state.put"}, client.Limit(3), client.WithChanges(true)},
			ckpt.ChangesListRequest{After: position, ThreadID: "t", UserID: "u", Kinds: []string{"state.put"}, Limit: 3, Changes: true}},
		{[]client.ListChangesOption{client.Since(at)}, ckpt.ChangesListRequest{Since: at}},
	} {
		check(t, srv, ckpt.ChangesList, test.want, nil, reply, want, form[client.Changes]{
			func(x context.Context, c *client.Client[string]) (client.Changes, error) {
				return c.ListChanges(x, test.opts...)
			},
			func(x context.Context, c *client.Client[string]) *client.Future[client.Changes] {
				return c.ListChangesAsync(x, test.opts...)
			}})
	}
}

func TestWatcherMethods(t *testing.T) {
	t.Parallel()
	type (
		ctx = context.Context
		cl  = *client.Client[string]
	)
	srv := bustest.Start(t)
	rev := ckpt.Reply{Revision: 7, StoreID: "s"}
	position := ckpt.Position{StoreID: "s", Revision: 5}
	expected := ckpt.Terms{Expected: ckpt.AtRevision(3)}
	check(t, srv, ckpt.WatchersPut, ckpt.WatchersPutRequest{Name: "w", Position: position, Terms: expected}, func(q *ckpt.WatchersPutRequest) *string { return &q.RequestID },
		ckpt.WatchersPutReply{Reply: rev}, ckpt.WatchersPutReply{Reply: rev}, form[ckpt.WatchersPutReply]{
			func(x ctx, c cl) (ckpt.WatchersPutReply, error) {
				return c.PutWatcher(x, "w", position, client.ExpectedRevision(3))
			},
			func(x ctx, c cl) *client.Future[ckpt.WatchersPutReply] {
				return c.PutWatcherAsync(x, "w", position, client.ExpectedRevision(3))
			}})
	got := ckpt.WatchersGetReply{Reply: rev, Position: position, UpdatedAt: time.UnixMilli(1_700_000_000_123).UTC()}
	check(t, srv, ckpt.WatchersGet, ckpt.WatchersGetRequest{Name: "w"}, nil, got, got, form[ckpt.WatchersGetReply]{
		func(x ctx, c cl) (ckpt.WatchersGetReply, error) { return c.GetWatcher(x, "w") },
		func(x ctx, c cl) *client.Future[ckpt.WatchersGetReply] { return c.GetWatcherAsync(x, "w") }})
	check(t, srv, ckpt.WatchersDelete, ckpt.WatchersDeleteRequest{Name: "w", Terms: expected}, func(q *ckpt.WatchersDeleteRequest) *string { return &q.RequestID },
		ckpt.WatchersDeleteReply{Reply: rev, Deleted: true}, ckpt.WatchersDeleteReply{Reply: rev, Deleted: true}, form[ckpt.WatchersDeleteReply]{
			func(x ctx, c cl) (ckpt.WatchersDeleteReply, error) {
				return c.DeleteWatcher(x, "w", client.ExpectedRevision(3))
			},
			func(x ctx, c cl) *client.Future[ckpt.WatchersDeleteReply] {
				return c.DeleteWatcherAsync(x, "w", client.ExpectedRevision(3))
			}})
}

// A positive TTL never becomes 0, which would mean for ever.
func TestShortTTL(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[string](t, srv)
	var got time.Duration
	serve(t, srv, ckpt.CachePut, func(_ int64, q *ckpt.CachePutRequest, m *nats.Msg) {
		got = q.TTL
		answer(t, m, &ckpt.CachePutReply{UpdatedAt: time.UnixMilli(1)})
	})
	for ttl, want := range map[time.Duration]time.Duration{1: time.Millisecond, time.Millisecond: time.Millisecond, 0: 0, -time.Second: -time.Second} {
		if _, err := c.PutStateCache(t.Context(), "t", "x", client.TTL(ttl)); err != nil || got != want {
			t.Errorf("TTL %v: sent %v, %v", ttl, got, err)
		}
	}
}

// An answer leaves nothing behind for the next, even one that did not decode.
func TestAnswersAreIndependent(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[ckpt.Raw](t, srv)
	serve(t, srv, ckpt.CacheGet, func(n int64, _ *ckpt.CacheGetRequest, m *nats.Msg) {
		r := ckpt.StateGetReply{State: ckpt.Raw{1}, UpdatedAt: time.UnixMilli(1)}
		if n%2 == 1 {
			r.ExpiresAt = time.UnixMilli(2)
			r.State = ckpt.Raw{0xc1} // no value
		}
		answer(t, m, &r)
	})
	for range 20 {
		if _, err := c.GetStateCache(t.Context(), "t"); !errors.Is(err, ckpt.ErrUnknown) {
			t.Fatalf("got %v", err)
		}
		if s, err := c.GetStateCache(t.Context(), "t"); err != nil || !s.ExpiresAt.IsZero() {
			t.Fatalf("got %+v, %v", s, err)
		}
	}
}

// States of Go's own types come back as the widest of their kind.
func TestStatesOfAnyType(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	stored := make(chan ckpt.Raw, 1)
	serve(t, srv, ckpt.StatePut, func(_ int64, q *ckpt.StatePutRequest, m *nats.Msg) {
		stored <- q.State
		answer(t, m, putReply(1))
	})
	serve(t, srv, ckpt.StateGet, func(_ int64, _ *ckpt.StateGetRequest, m *nats.Msg) {
		answer(t, m, &ckpt.StateGetReply{State: <-stored})
	})
	roundTrip(t, srv, map[string]any{"step": int64(3), "big": uint64(1 << 63), "deep": map[string]any{"b": []byte{1}}})
	roundTrip[map[string]any](t, srv, nil)
	roundTrip[any](t, srv, []any{int64(1), "x", nil, 1.5})
	roundTrip(t, srv, ckpt.Raw{0x93, 1, 2, 3})
	roundTrip(t, srv, struct{ A, B int }{1, -1})
	roundTrip(t, srv, &struct{ A []string }{[]string{"x"}})
}

func roundTrip[S any](t *testing.T, srv *bus.Server, state S) {
	t.Run(fmt.Sprintf("%T", state), func(t *testing.T) {
		c, _ := connect[S](t, srv)
		if _, err := c.PutState(t.Context(), "t", state); err != nil {
			t.Fatal(err)
		}
		if got, err := c.GetState(t.Context(), "t"); err != nil || !reflect.DeepEqual(got.Value, state) {
			t.Errorf("got %#v, %v, want %#v", got.Value, err, state)
		}
	})
}
