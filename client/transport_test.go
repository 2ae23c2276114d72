package client_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/nats-io/nats.go"
)

func TestRetryWithTheSameRequestID(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]func(t *testing.T, m *nats.Msg){
		"no answer":   func(*testing.T, *nats.Msg) {},
		"overloaded":  func(t *testing.T, m *nats.Msg) { refuse(t, m, ckpt.Overloaded) },
		"unavailable": func(t *testing.T, m *nats.Msg) { refuse(t, m, ckpt.Unavailable) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := bustest.Start(t)
			c, _ := connect[string](t, srv, quick)
			ids := make(chan string, 100)
			serve(t, srv, ckpt.StatePut, func(n int64, q *ckpt.StatePutRequest, m *nats.Msg) {
				ids <- q.RequestID
				if n == 1 {
					first(t, m)
					return
				}
				answer(t, m, putReply(7))
			})
			r, err := c.PutState(within(t, patience), "t", "state")
			if err != nil || r.Revision != 7 {
				t.Fatalf("got %+v, %v", r, err)
			}
			if a, b := <-ids, <-ids; a != b || a == "" {
				t.Fatalf("request IDs %q and %q, want one", a, b)
			}
			if _, err := c.PutState(within(t, patience), "t", "state"); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestRetryWhereNobodyServes(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, nc := connect[string](t, srv, quick)
	write := c.PutStateAsync(within(t, patience), "t", "state")
	read := c.GetStateAsync(within(t, patience), "t")
	if err := nc.Flush(); err != nil { // both have found nobody
		t.Fatal(err)
	}
	serve(t, srv, ckpt.StatePut, func(_ int64, _ *ckpt.StatePutRequest, m *nats.Msg) { answer(t, m, putReply(1)) })
	serve(t, srv, ckpt.StateGet, func(_ int64, _ *ckpt.StateGetRequest, m *nats.Msg) {
		answer(t, m, &ckpt.StateGetReply{State: ckpt.Raw{0xa1, 'x'}})
	})
	if _, err := write.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, err := read.Wait(t.Context()); err != nil || s.Value != "x" {
		t.Fatalf("got %+v, %v", s, err)
	}
}

func TestRefusalsAreFinal(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[string](t, srv, quick)
	codes := []ckpt.Code{ckpt.InvalidArgument, ckpt.PermissionDenied, ckpt.NotFound, ckpt.Conflict, ckpt.TooLarge, ckpt.Internal}
	n := serve(t, srv, ckpt.StateGet, func(n int64, _ *ckpt.StateGetRequest, m *nats.Msg) { refuse(t, m, codes[n-1]) })
	for i, code := range codes {
		_, err := c.GetState(within(t, patience), "my thread")
		if !errors.Is(err, &ckpt.Error{Code: code}) {
			t.Fatalf("got %v, want %v", err, code)
		}
		if e := failure(t, err); e.Subject != "ckpt.state.get" || e.ThreadID != "my thread" || e.Message != "because" {
			t.Fatalf("got %+v", e)
		}
		if n.Load() != int64(i+1) {
			t.Fatalf("%v was asked again", code)
		}
	}
}

func TestRefusedUntilTheEnd(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[string](t, srv, quick)
	serve(t, srv, ckpt.StatePut, func(_ int64, _ *ckpt.StatePutRequest, m *nats.Msg) { refuse(t, m, ckpt.Overloaded) })
	put := func(ctx context.Context) error { _, err := c.PutState(ctx, "t", "state"); return err }
	untilTheEnd(t, put, ckpt.ErrOverloaded)
	clear := func(ctx context.Context) error { _, err := c.ClearState(ctx, "t"); return err }
	untilTheEnd(t, clear, ckpt.ErrUnavailable, nats.ErrNoResponders)
}

// untilTheEnd checks that a request is refused so until its deadline. Where that
// comes while an attempt is under way nobody knows what became of it, which is
// another error: then it is tried again.
func untilTheEnd(t *testing.T, request func(context.Context) error, want ...error) {
	t.Helper()
	want = append(want, context.DeadlineExceeded)
	var err error
	for range 10 {
		err = request(within(t, 100*time.Millisecond))
		if !slices.ContainsFunc(want, func(w error) bool { return !errors.Is(err, w) }) {
			return
		}
		if !errors.Is(err, ckpt.ErrUnknown) {
			break
		}
	}
	t.Fatalf("got %v, want %v", err, want)
}

// An attempt that nobody answered leaves it open what became of the write, also
// where later ones are refused.
func TestLostThenRefused(t *testing.T) {
	t.Parallel()
	for name, retry := range map[string]client.Option{
		"until the deadline": quick,
		"twice":              client.WithRetry(client.Retry{Attempts: 2, Answer: 30 * time.Millisecond}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := bustest.Start(t)
			c, _ := connect[string](t, srv, retry)
			n := serve(t, srv, ckpt.StatePut, func(n int64, _ *ckpt.StatePutRequest, m *nats.Msg) {
				if n > 1 {
					refuse(t, m, ckpt.Overloaded)
				}
			})
			_, err := c.PutState(within(t, 300*time.Millisecond), "t", "state")
			if failure(t, err).Code != ckpt.Unknown || errors.Is(err, ckpt.ErrOverloaded) || !strings.Contains(err.Error(), "may have been applied") {
				t.Fatalf("got %v after %d attempts", err, n.Load())
			}
		})
	}
}

func TestUnanswered(t *testing.T) {
	t.Parallel()
	for _, async := range []bool{false, true} {
		for cause, end := range map[error]func(context.Context) (context.Context, context.CancelFunc){
			context.DeadlineExceeded: func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, 500*time.Millisecond)
			},
			context.Canceled: context.WithCancel,
		} {
			t.Run(strconv.FormatBool(async)+" "+cause.Error(), func(t *testing.T) {
				t.Parallel()
				srv := bustest.Start(t)
				c, _ := connect[string](t, srv, quick)
				ctx, cancel := end(t.Context())
				defer cancel()
				cancelled := func() {
					if cause == context.Canceled {
						cancel()
					}
				}
				serve(t, srv, ckpt.StatePut, func(int64, *ckpt.StatePutRequest, *nats.Msg) { cancelled() })
				serve(t, srv, ckpt.StateGet, silent)
				var put, get error
				if async {
					f, g := c.PutStateAsync(ctx, "t", "state"), c.GetStateAsync(ctx, "t")
					_, put = f.Wait(ctx)
					<-g.Done()
					_, get = g.Wait(t.Context())
				} else {
					var wg sync.WaitGroup
					wg.Go(func() { _, get = c.GetState(ctx, "t") })
					_, put = c.PutState(ctx, "t", "state")
					wg.Wait()
				}
				for _, err := range []error{put, get} {
					if e := failure(t, err); e.Subject == "" || e.ThreadID != "t" || !errors.Is(err, cause) {
						t.Errorf("got %v, want %v with subject and thread", err, cause)
					}
				}
				const warning = "may have been applied"
				if !errors.Is(put, ckpt.ErrUnknown) || !strings.Contains(put.Error(), warning) {
					t.Errorf("write: got %v", put)
				}
				if strings.Contains(get.Error(), warning) {
					t.Errorf("read: got %v", get)
				}
			})
		}
	}
}

func TestTimeoutWithoutDeadline(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[string](t, srv, quick, client.WithTimeout(80*time.Millisecond))
	n := serve(t, srv, ckpt.StatePut, silent)
	if _, err := c.PutState(t.Context(), "t", "state"); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ckpt.ErrUnknown) {
		t.Fatalf("got %v", err)
	}
	if n.Load() < 2 {
		t.Fatalf("asked %d times, want again", n.Load())
	}
}

func TestAttempts(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[string](t, srv, client.WithRetry(client.Retry{Attempts: 2, Answer: 10 * time.Millisecond, Pause: time.Millisecond}))
	n := serve(t, srv, ckpt.StatePut, silent)
	if _, err := c.PutState(t.Context(), "t", "state"); !errors.Is(err, nats.ErrTimeout) || !errors.Is(err, ckpt.ErrUnknown) {
		t.Fatalf("got %v", err)
	}
	refused := serve(t, srv, ckpt.StateClear, func(_ int64, _ *ckpt.StateClearRequest, m *nats.Msg) { refuse(t, m, ckpt.Overloaded) })
	if _, err := c.ClearState(t.Context(), "t"); !errors.Is(err, ckpt.ErrOverloaded) || errors.Is(err, nats.ErrTimeout) {
		t.Fatalf("got %v", err)
	}
	if n.Load() != 2 || refused.Load() != 2 {
		t.Fatalf("asked %d and %d times, want 2", n.Load(), refused.Load())
	}
}

// Whoever answers late or twice must not answer another request.
func TestLateAndDoubleAnswers(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[ckpt.Raw](t, srv, quick)
	var held *nats.Msg
	serve(t, srv, ckpt.StatePut, func(n int64, q *ckpt.StatePutRequest, m *nats.Msg) {
		revision, _ := q.State.Uint()
		switch {
		case n == 1:
			held = m
			return
		case n == 2: // the second attempt: answer the first
			m = held
		}
		answer(t, m, putReply(revision))
		answer(t, m, putReply(1<<40))
		if held != nil {
			answer(t, held, putReply(1<<41))
		}
	})
	for i := range byte(100) {
		r, err := c.PutState(within(t, patience), "t", ckpt.Raw{i})
		if err != nil || r.Revision != uint64(i) {
			t.Fatalf("got revision %d, %v, want %d", r.Revision, err, i)
		}
	}
}

// Every caller gets its own answer, however many ask at once and in whatever
// way, and while some of them give up.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[int64](t, srv)
	serve(t, srv, ckpt.StatePut, func(_ int64, q *ckpt.StatePutRequest, m *nats.Msg) {
		v, _ := q.State.Int()
		if strconv.FormatInt(v, 10) != q.ThreadID {
			t.Errorf("state %d of thread %s", v, q.ThreadID)
		}
		answer(t, m, putReply(uint64(v)))
	})
	const callers, calls = 24, 200
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for j := range calls {
				v := int64(i*calls + j)
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				var r ckpt.StatePutReply
				var err error
				switch thread := strconv.FormatInt(v, 10); v % 3 {
				case 0:
					r, err = c.PutState(ctx, thread, v)
				case 1:
					r, err = c.PutStateAsync(ctx, thread, v).Wait(ctx)
				case 2: // gives up at once, or nearly
					time.AfterFunc(time.Duration(j)*time.Microsecond, cancel)
					if r, err = c.PutState(ctx, thread, v); errors.Is(err, context.Canceled) {
						r.Revision, err = uint64(v), nil
					}
				}
				cancel()
				if err != nil || r.Revision != uint64(v) {
					t.Errorf("got revision %d, %v, want %d", r.Revision, err, v)
				}
			}
		})
	}
	wg.Wait()
}

func TestStateThatDoesNotEncode(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[chan int](t, srv)
	n := serve(t, srv, ckpt.StatePut, silent)
	_, err := c.PutState(t.Context(), "t", make(chan int))
	if e := failure(t, err); e.Code != ckpt.InvalidArgument || e.Subject != "ckpt.state.put" || e.ThreadID != "t" {
		t.Fatalf("got %+v", e)
	}
	if _, err := c.PutStateCacheAsync(t.Context(), "t", make(chan int)).Wait(t.Context()); !errors.Is(err, ckpt.ErrInvalidArgument) {
		t.Fatalf("got %v", err)
	}
	if _, err := c.PutMessages(t.Context(), "t", nil, client.Metadata{"x": make(chan int)}); !errors.Is(err, ckpt.ErrInvalidArgument) {
		t.Fatalf("got %v", err)
	}
	if n.Load() != 0 {
		t.Fatal("something was sent")
	}
}

func TestAnswersThatMakeNoSense(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[map[any]any](t, srv)
	stateOf := func(raw ckpt.Raw) []byte {
		return encode(t, &ckpt.StateGetReply{UpdatedAt: time.UnixMilli(1), State: raw})
	}
	for name, payload := range map[string][]byte{
		"nothing":              {},
		"no msgpack":           {0xc1},
		"an array of 4 G":      {0xdd, 0xff, 0xff, 0xff, 0xff},
		"a state of 4 G":       append(stateOf(ckpt.Raw{})[:len(stateOf(ckpt.Raw{}))-1], 0xdf, 0xff, 0xff, 0xff, 0xff),
		"no state":             {0x81, 0xa8, 'r', 'e', 'v', 'i', 's', 'i', 'o', 'n', 1},
		"a state of no map":    stateOf(ckpt.Raw{0xa1, 'x'}),
		"a key that is binary": stateOf(ckpt.Raw{0x81, 0xc4, 1, 7, 1}),
	} {
		nc := bustest.Connect(t, srv)
		respond(t, nc, "ckpt.state.get", func(m *nats.Msg) { _ = m.Respond(payload) })
		_, err := c.GetState(t.Context(), "t")
		if e := failure(t, err); e.Code != ckpt.Unknown || e.Subject != "ckpt.state.get" || e.ThreadID != "t" || e.Err == nil {
			t.Errorf("%s: got %+v", name, e)
		}
		nc.Close()
	}
}

func TestCloseDuringCalls(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, nc := connect[string](t, srv)
	asked := make(chan struct{}, 2)
	serve(t, srv, ckpt.StatePut, func(int64, *ckpt.StatePutRequest, *nats.Msg) { asked <- struct{}{} })
	blocking := make(chan error, 1)
	go func() {
		_, err := c.PutState(t.Context(), "t", "state")
		blocking <- err
	}()
	f := c.PutStateAsync(t.Context(), "t", "state")
	<-asked
	<-asked
	c.Close()
	c.Close()
	_, async := f.Wait(t.Context())
	for _, err := range []error{<-blocking, async} {
		if !errors.Is(err, client.ErrClosed) || !errors.Is(err, ckpt.ErrUnknown) {
			t.Errorf("under way: got %v", err)
		}
	}
	if _, err := c.GetState(t.Context(), "t"); !errors.Is(err, client.ErrClosed) || !errors.Is(err, ckpt.ErrUnavailable) {
		t.Errorf("afterwards: got %v", err)
	}
	if nc.NumSubscriptions() != 0 || nc.Flush() != nil {
		t.Errorf("%d subscriptions are left, flush %v", nc.NumSubscriptions(), nc.Flush())
	}
}

func TestConnectionClosedDuringCalls(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*nats.Conn){
		"close": (*nats.Conn).Close,
		"drain": func(nc *nats.Conn) { _ = nc.Drain() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := bustest.Start(t)
			c, nc := connect[string](t, srv)
			serve(t, srv, ckpt.StatePut, func(int64, *ckpt.StatePutRequest, *nats.Msg) { end(nc) })
			if _, err := c.PutState(t.Context(), "t", "state"); !errors.Is(err, nats.ErrConnectionClosed) || !errors.Is(err, ckpt.ErrUnknown) {
				t.Errorf("under way: got %v", err)
			}
			if _, err := c.PutState(t.Context(), "t", "state"); !errors.Is(err, nats.ErrConnectionClosed) || !errors.Is(err, ckpt.ErrUnavailable) {
				t.Errorf("afterwards: got %v", err)
			}
			c.Close()
		})
	}
}

func TestServerRestartsDuringACall(t *testing.T) {
	t.Parallel()
	srv, err := bus.Start(bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	url := srv.URL()
	dial := func() *nats.Conn {
		nc, err := nats.Connect(url, nats.ReconnectWait(10*time.Millisecond), nats.MaxReconnects(-1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc
	}
	c, err := client.New[string](dial(), quick)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	first := make(chan struct{}, 1)
	restarted := make(chan struct{})
	respond(t, dial(), "ckpt.state.put", func(m *nats.Msg) {
		select {
		case <-restarted:
			_ = m.Respond(encode(t, putReply(7)))
		case first <- struct{}{}:
		default:
		}
	})
	f := c.PutStateAsync(within(t, patience), "t", "state")
	<-first
	srv.Stop()
	srv, err = bus.Start(bus.Options{Listen: strings.TrimPrefix(url, "nats://")})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Stop()
	close(restarted)
	if r, err := f.Wait(t.Context()); err != nil || r.Revision != 7 {
		t.Fatalf("got %+v, %v", r, err)
	}
}

func TestNotSent(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, nc := connect[string](t, srv)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	sent := nc.Stats().OutMsgs
	if _, err := c.PutState(ctx, "t", "state"); !errors.Is(err, context.Canceled) || !errors.Is(err, ckpt.ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
	if nc.Stats().OutMsgs != sent {
		t.Fatal("it was sent")
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	nc := bustest.Connect(t, srv)
	for name, o := range map[string]client.Option{
		"prefix":  client.WithPrefix("a..b"),
		"timeout": client.WithTimeout(0),
		"retry":   client.WithRetry(client.Retry{Attempts: -1}),
	} {
		if _, err := client.New[string](nc, o); !errors.Is(err, ckpt.ErrInvalidArgument) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := client.New[string](nil); !errors.Is(err, ckpt.ErrInvalidArgument) {
		t.Errorf("nil: got %v", err)
	}
	nc.Close()
	if _, err := client.New[string](nc); !errors.Is(err, ckpt.ErrUnavailable) || !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("closed: got %v", err)
	}
}
