package client_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/nats-io/nats.go"
)

func at(store string, revision uint64) ckpt.Position {
	return ckpt.Position{StoreID: store, Revision: revision}
}

// acknowledge answers a put of a state with a position.
func acknowledge(t testing.TB, m *nats.Msg, p ckpt.Position) {
	r := putReply(p.Revision)
	r.StoreID = p.StoreID
	answer(t, m, r)
}

// oldAndNew serves puts of states. One to a thread "held" is kept in the
// channel; any other is answered with the position that its state is, and
// the position that it came with is the latest in the other channel.
func oldAndNew(t *testing.T, srv *bus.Server) (held chan *nats.Msg, afters chan ckpt.Position) {
	held, afters = make(chan *nats.Msg, 10), make(chan ckpt.Position, 10)
	serve(t, srv, ckpt.StatePut, func(_ int64, q *ckpt.StatePutRequest, m *nats.Msg) {
		if q.ThreadID == "held" {
			held <- m
			return
		}
		var p ckpt.Position
		if err := p.DecodeWire(q.State); err != nil {
			t.Error(err)
		}
		afters <- q.After
		acknowledge(t, m, p)
	})
	return held, afters
}

// put puts a state that is answered with the position p, and checks what the
// request comes after and what the client knows then.
func put(t *testing.T, c *client.Client[ckpt.Raw], afters <-chan ckpt.Position, p, after, then ckpt.Position) {
	t.Helper()
	state, err := p.AppendWire(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutState(within(t, patience), "t", state); err != nil {
		t.Fatal(err)
	}
	if got := <-afters; got != after {
		t.Errorf("asked after %+v, want %+v", got, after)
	}
	if got := c.Position(); got != then {
		t.Errorf("the client is at %+v, want %+v", got, then)
	}
}

func TestPosition(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[ckpt.Raw](t, srv)
	_, afters := oldAndNew(t, srv)
	put(t, c, afters, at("a", 5), at("", 0), at("a", 5))
	put(t, c, afters, at("a", 9), at("a", 5), at("a", 9))
	put(t, c, afters, at("a", 7), at("a", 9), at("a", 9)) // of another thread, or a repeated answer
	put(t, c, afters, at("a", 0), at("a", 9), at("a", 9))
	put(t, c, afters, at("", 99), at("a", 9), at("a", 9)) // no store tells no position

	serve(t, srv, ckpt.StateClear, func(_ int64, _ *ckpt.StateClearRequest, m *nats.Msg) { refuse(t, m, ckpt.NotFound) })
	if _, err := c.ClearState(t.Context(), "t"); !errors.Is(err, ckpt.ErrNotFound) {
		t.Fatal(err)
	}
	put(t, c, afters, at("a", 10), at("a", 9), at("a", 10))
}

// An answer that there is nothing tells how far the store was, be it a reply without
// a revision or an error.
func TestPositionOfWhatIsGone(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[ckpt.Raw](t, srv)
	serve(t, srv, ckpt.MessagesList, func(_ int64, _ *ckpt.MessagesListRequest, m *nats.Msg) {
		answer(t, m, &ckpt.MessagesListReply{Reply: ckpt.Reply{StoreID: "a", Known: 4}})
	})
	if _, err := c.ListMessages(t.Context(), "t"); err != nil || c.Position() != at("a", 4) {
		t.Fatalf("got %v, the client is at %+v", err, c.Position())
	}
	serve(t, srv, ckpt.StateGet, func(n int64, q *ckpt.StateGetRequest, m *nats.Msg) {
		if q.After != at("a", uint64(3+n)) {
			t.Errorf("request %d: asked after %+v", n, q.After)
		}
		body, err := ckpt.Append(nil, &ckpt.Error{Known: at("a", uint64(4+n))})
		if err != nil {
			t.Error(err)
		}
		header := nats.Header{ckpt.HeaderError: {"none"}, ckpt.HeaderErrorCode: {"404"}}
		if err := m.RespondMsg(&nats.Msg{Header: header, Data: body}); err != nil {
			t.Error(err)
		}
	})
	for n := uint64(5); n < 7; n++ {
		if _, err := c.GetState(t.Context(), "t"); !errors.Is(err, ckpt.ErrNotFound) || c.Position() != at("a", n) {
			t.Fatalf("got %v, the client is at %+v", err, c.Position())
		}
	}
	if _, err := c.GetStateAsync(t.Context(), "t").Wait(t.Context()); !errors.Is(err, ckpt.ErrNotFound) || c.Position() != at("a", 7) {
		t.Fatalf("got %v, the client is at %+v", err, c.Position())
	}
}

// A reply whose value makes no sense to the caller has a position all the same.
func TestPositionOfWhatDoesNotDecode(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[int](t, srv)
	serve(t, srv, ckpt.StateGet, func(_ int64, _ *ckpt.StateGetRequest, m *nats.Msg) {
		answer(t, m, &ckpt.StateGetReply{Reply: ckpt.Reply{Revision: 3, StoreID: "a"}, State: ckpt.Raw{0xa1, 'x'}})
	})
	if _, err := c.GetState(t.Context(), "t"); !errors.Is(err, ckpt.ErrUnknown) || c.Position() != at("a", 3) {
		t.Fatalf("got %v, the client is at %+v", err, c.Position())
	}
}

// Whoever has its reply reads what it wrote, whatever others do.
func TestPositionOfManyAtOnce(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[ckpt.Raw](t, srv)
	var last ckpt.Position // of the handler
	serve(t, srv, ckpt.StatePut, func(n int64, q *ckpt.StatePutRequest, m *nats.Msg) {
		if seen, err := q.State.Uint(); err != nil || q.After.Revision < seen {
			t.Errorf("asked after %+v by a caller that has seen %d, %v", q.After, seen, err)
		}
		if q.After.Revision > last.Revision {
			t.Errorf("asked after %+v, the latest is %+v", q.After, last)
		}
		last = at("a", uint64(n))
		acknowledge(t, m, last)
	})
	const callers, each = 8, 100
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			var seen uint64
			for range each {
				state := encodeUint(seen)
				r, err := c.PutState(within(t, patience), "t", state)
				if err != nil {
					t.Error(err)
					return
				}
				seen = r.Revision
			}
		})
	}
	all.Wait()
	if got := c.Position(); got != at("a", callers*each) {
		t.Errorf("the client is at %+v", got)
	}
}

// encodeUint returns n as msgpack.
func encodeUint(n uint64) ckpt.Raw {
	return ckpt.Raw{0xcd, byte(n >> 8), byte(n)}
}

func TestPositionInAnotherStore(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[ckpt.Raw](t, srv)
	_, afters := oldAndNew(t, srv)
	put(t, c, afters, at("a", 100), at("", 0), at("a", 100))
	put(t, c, afters, at("b", 1), at("a", 100), at("b", 1))
	put(t, c, afters, at("b", 2), at("b", 1), at("b", 2))
	put(t, c, afters, at("a", 50), at("b", 2), at("a", 50)) // it was brought back
	put(t, c, afters, at("a", 51), at("a", 50), at("a", 51))
}

// What an old store answers late does not bring it back, whichever of the two
// the client knew when it asked.
func TestLateReplyOfAnotherStore(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]ckpt.Position{"before the first reply": {}, "after a reply": at("a", 100)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := bustest.Start(t)
			c, _ := connect[ckpt.Raw](t, srv)
			held, afters := oldAndNew(t, srv)
			if before != (ckpt.Position{}) {
				put(t, c, afters, before, at("", 0), before)
			}
			late := c.PutStateAsync(within(t, patience), "held", ckpt.Raw{0})
			m := <-held
			put(t, c, afters, at("b", 1), before, at("b", 1))
			acknowledge(t, m, at("a", 200))
			if r, err := late.Wait(t.Context()); err != nil || r.Revision != 200 {
				t.Fatalf("got %+v, %v", r, err)
			}
			put(t, c, afters, at("b", 2), at("b", 1), at("b", 2))

			// What came from the new store late still counts.
			late = c.PutStateAsync(within(t, patience), "held", ckpt.Raw{0})
			m = <-held
			put(t, c, afters, at("b", 3), at("b", 2), at("b", 3))
			acknowledge(t, m, at("b", 9))
			if _, err := late.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			put(t, c, afters, at("b", 4), at("b", 9), at("b", 9))
		})
	}
}

func TestObserve(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	_, afters := oldAndNew(t, srv)
	one, _ := connect[ckpt.Raw](t, srv)
	other, _ := connect[ckpt.Raw](t, srv)

	put(t, one, afters, at("a", 5), at("", 0), at("a", 5))
	other.Observe(one.Position())
	put(t, other, afters, at("a", 3), at("a", 5), at("a", 5))
	for _, behind := range []ckpt.Position{{}, at("a", 4), at("", 99)} {
		if other.Observe(behind); other.Position() != at("a", 5) {
			t.Errorf("at %+v after %+v", other.Position(), behind)
		}
	}
	other.Observe(at("a", 8))
	put(t, other, afters, at("b", 1), at("a", 8), at("b", 1)) // another store has taken its place
	other.Observe(at("a", 9))                                 // which an old note does not undo
	put(t, other, afters, at("b", 2), at("b", 1), at("b", 2))
	other.Observe(at("c", 7)) // but here is one that this client did not know
	put(t, other, afters, at("c", 6), at("c", 7), at("c", 7))
	other.Observe(at("old", 70)) // and one that is gone: the next reply tells
	put(t, other, afters, at("c", 8), at("old", 70), at("c", 8))
	other.Observe(at("old", 71))
	put(t, other, afters, at("c", 9), at("c", 8), at("c", 9))
}

// However often the store changes, what is remembered of it is bounded.
func TestObserveForgetsTheOldest(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[ckpt.Raw](t, srv)
	_, afters := oldAndNew(t, srv)
	const stores = 12
	var now ckpt.Position
	for i := range stores {
		next := at(fmt.Sprint(i), 1)
		put(t, c, afters, next, now, next)
		now = next
	}
	if c.Observe(at("10", 9)); c.Position() != now {
		t.Errorf("at %+v, want %+v", c.Position(), now)
	}
	if c.Observe(at("0", 9)); c.Position() != at("0", 9) {
		t.Errorf("at %+v: the first of %d stores is remembered", c.Position(), stores)
	}
}

// Each page asks to know of what the page before it knew, and by default no
// more than that.
func TestPositionOfPages(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[string](t, srv)
	page := func(offset int) (ckpt.Reply, ckpt.PageReply) {
		return ckpt.Reply{Revision: uint64(offset) + 1, StoreID: "a"}, ckpt.PageReply{Total: 3, HasMore: offset < 2, NextOffset: offset + 1}
	}
	var asked []ckpt.ReadRef
	serve(t, srv, ckpt.ThreadsList, func(_ int64, q *ckpt.ThreadsListRequest, m *nats.Msg) {
		asked = append(asked, ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{After: q.After}, Linearizable: q.Linearizable})
		reply, rows := page(q.Offset)
		answer(t, m, &ckpt.ThreadsListReply{Reply: reply, PageReply: rows})
	})
	serve(t, srv, ckpt.MessagesList, func(_ int64, q *ckpt.MessagesListRequest, m *nats.Msg) {
		q.ThreadID = ""
		asked = append(asked, q.ReadRef)
		reply, rows := page(q.Offset)
		answer(t, m, &ckpt.MessagesListReply{Reply: reply, PageReply: rows})
	})
	if _, err := c.ListThreads(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ListMessages(t.Context(), "t", client.Linearizable(true)); err != nil {
		t.Fatal(err)
	}
	for i, want := range []uint64{0, 1, 2, 3, 3, 3} {
		if q := asked[i]; q.After.Revision != want || q.Linearizable != (i >= 3) {
			t.Errorf("page %d was asked with %+v, want revision %d", i, q, want)
		}
	}
}

// The service knows the positions that the client sends it, and a store that
// was started anew is another one.
func TestPositionAgainstTheService(t *testing.T) {
	t.Parallel()
	srv := store(t, bus.Options{})
	one, _ := connect[string](t, srv)
	other, _ := connect[string](t, srv)
	ctx := within(t, patience)
	put := must[ckpt.StatePutReply](t)(one.PutState(ctx, "t", "x"))
	if got := one.Position(); got != at(put.StoreID, put.Revision) || put.StoreID == "" {
		t.Errorf("at %+v after %+v", got, put)
	}
	other.Observe(one.Position())
	if got := must[client.Stored[string]](t)(other.GetState(ctx, "t", client.Linearizable(true))); got.Value != "x" {
		t.Errorf("got %+v", got)
	}
	other.Observe(at("gone", 1<<40)) // nobody waits for it
	must[client.Stored[string]](t)(other.GetState(ctx, "t"))
	if other.Position() != one.Position() {
		t.Errorf("at %+v, want %+v", other.Position(), one.Position())
	}
}

// While a leader is elected nobody serves, and callers who set no times of
// their own notice no more than the delay.
func TestElection(t *testing.T) {
	t.Parallel()
	const election = 400 * time.Millisecond
	srv := bustest.Start(t)
	c, _ := connect[string](t, srv)
	put := c.PutStateAsync(t.Context(), "t", "state")
	over := time.NewTimer(election) // what is tested, not how long something takes
	defer over.Stop()
	select {
	case <-put.Done():
		t.Fatal("answered while nobody served")
	case <-over.C:
	}
	serve(t, srv, ckpt.StatePut, func(_ int64, _ *ckpt.StatePutRequest, m *nats.Msg) { answer(t, m, putReply(1)) })
	if _, err := put.Wait(within(t, patience)); err != nil {
		t.Fatal(err)
	}
}
