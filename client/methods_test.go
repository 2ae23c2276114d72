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

	check(t, srv, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: ckpt.WriteRef{ThreadRef: asUser}, State: state},
		func(q *ckpt.StatePutRequest) *string { return &q.RequestID },
		ckpt.StatePutReply{Reply: rev, UpdatedAt: at}, ckpt.StatePutReply{Reply: rev, UpdatedAt: at},
		form[ckpt.StatePutReply]{
			func(x ctx, c cl) (ckpt.StatePutReply, error) { return c.PutState(x, "t", "x", client.User("u")) },
			func(x ctx, c cl) *client.Future[ckpt.StatePutReply] {
				return c.PutStateAsync(x, "t", "x", client.User("u"))
			}})
	check(t, srv, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: asUser, Linearizable: true}}, nil,
		ckpt.StateGetReply{Reply: rev, State: state, UpdatedAt: at}, client.Stored[string]{Value: "x", Revision: 7, UpdatedAt: at},
		form[client.Stored[string]]{
			func(x ctx, c cl) (client.Stored[string], error) {
				return c.GetState(x, "t", client.User("u"), client.Linearizable(true))
			},
			func(x ctx, c cl) *client.Future[client.Stored[string]] {
				return c.GetStateAsync(x, "t", client.User("u"), client.Linearizable(true))
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
	check(t, srv, ckpt.MessagesGet, ckpt.MessagesGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: asUser, Linearizable: true}, MessageID: ckpt.IntID(5)}, nil,
		ckpt.MessagesGetReply{Reply: rev, Message: encode(t, &message)}, client.Stored[ckpt.Message]{Value: message, Revision: 7},
		form[client.Stored[ckpt.Message]]{
			func(x ctx, c cl) (client.Stored[ckpt.Message], error) {
				return c.GetMessage(x, "t", ckpt.IntID(5), client.User("u"), client.Linearizable(true))
			},
			func(x ctx, c cl) *client.Future[client.Stored[ckpt.Message]] {
				return c.GetMessageAsync(x, "t", ckpt.IntID(5), client.User("u"), client.Linearizable(true))
			}})
	list := []client.ListMessagesOption{client.User("u"), client.Search("hi"), client.Offset(2), client.Limit(3), client.Linearizable(true)}
	check(t, srv, ckpt.MessagesList, ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: asUser, Linearizable: true}, Page: ckpt.Page{Search: "hi", Offset: 2, Limit: 3}}, nil,
		ckpt.MessagesListReply{Reply: rev, PageReply: ckpt.PageReply{Total: 3, NextOffset: 3}, Metadata: metadata, Messages: []ckpt.Raw{encode(t, &message)}},
		client.Listed[ckpt.Message]{Items: []ckpt.Message{message}, Metadata: map[string]any{"a": "x", "b": int64(1)}, Total: 3, NextOffset: 3, Revision: 7},
		form[client.Listed[ckpt.Message]]{
			func(x ctx, c cl) (client.Listed[ckpt.Message], error) { return c.ListMessages(x, "t", list...) },
			func(x ctx, c cl) *client.Future[client.Listed[ckpt.Message]] {
				return c.ListMessagesAsync(x, "t", list...)
			}})
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

func TestLeaseMethods(t *testing.T) {
	t.Parallel()
	type (
		ctx = context.Context
		cl  = *client.Client[string]
	)
	srv := bustest.Start(t)
	write := ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: "t", UserID: "u"}, Terms: ckpt.Terms{RequestID: "r", Expected: ckpt.AtRevision(3), Lease: 4}}
	opts := []client.LeaseOption{client.User("u"), client.RequestID("r"), client.ExpectedRevision(3), client.WithLease(4)}
	lease := ckpt.LeaseReply{Reply: ckpt.Reply{Revision: 7, StoreID: "s"}, Token: 5, Owner: "w", ExpiresAt: time.UnixMilli(1_800_000_000_456).UTC()}

	check(t, srv, ckpt.LeasesAcquire, ckpt.LeasesAcquireRequest{WriteRef: write, Owner: "w", TTL: time.Minute},
		func(q *ckpt.LeasesAcquireRequest) *string { return &q.RequestID }, lease, lease,
		form[ckpt.LeaseReply]{
			func(x ctx, c cl) (ckpt.LeaseReply, error) { return c.AcquireLease(x, "t", "w", time.Minute, opts...) },
			func(x ctx, c cl) *client.Future[ckpt.LeaseReply] {
				return c.AcquireLeaseAsync(x, "t", "w", time.Minute, opts...)
			}})
	check(t, srv, ckpt.LeasesRenew, ckpt.LeasesRenewRequest{WriteRef: write, Token: 5, TTL: time.Minute},
		func(q *ckpt.LeasesRenewRequest) *string { return &q.RequestID }, lease, lease,
		form[ckpt.LeaseReply]{
			func(x ctx, c cl) (ckpt.LeaseReply, error) { return c.RenewLease(x, "t", 5, time.Minute, opts...) },
			func(x ctx, c cl) *client.Future[ckpt.LeaseReply] {
				return c.RenewLeaseAsync(x, "t", 5, time.Minute, opts...)
			}})
	released := ckpt.LeasesReleaseReply{Reply: lease.Reply, Released: true}
	check(t, srv, ckpt.LeasesRelease, ckpt.LeasesReleaseRequest{WriteRef: ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: "t"}}, Token: 5},
		func(q *ckpt.LeasesReleaseRequest) *string { return &q.RequestID }, released, released,
		form[ckpt.LeasesReleaseReply]{
			func(x ctx, c cl) (ckpt.LeasesReleaseReply, error) { return c.ReleaseLease(x, "t", 5) },
			func(x ctx, c cl) *client.Future[ckpt.LeasesReleaseReply] { return c.ReleaseLeaseAsync(x, "t", 5) }})
	check(t, srv, ckpt.LeasesGet, ckpt.LeasesGetRequest{ThreadRef: write.ThreadRef}, nil, lease, lease,
		form[ckpt.LeaseReply]{
			func(x ctx, c cl) (ckpt.LeaseReply, error) { return c.GetLease(x, "t", client.User("u")) },
			func(x ctx, c cl) *client.Future[ckpt.LeaseReply] { return c.GetLeaseAsync(x, "t", client.User("u")) }})
}

// Every write can be made under a lease.
func TestWithLease(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[string](t, srv)
	asked := make(chan uint64, 1)
	serve(t, srv, ckpt.ThreadsPut, func(_ int64, q *ckpt.ThreadsPutRequest, m *nats.Msg) {
		asked <- q.Lease
		answer(t, m, &ckpt.ThreadsPutReply{})
	})
	for _, token := range []uint64{9, 0} {
		if _, err := c.PutThread(t.Context(), ckpt.ThreadInfo{ThreadID: "t"}, client.WithLease(token)); err != nil {
			t.Fatal(err)
		}
		if got := <-asked; got != token {
			t.Errorf("lease %d, want %d", got, token)
		}
	}
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
