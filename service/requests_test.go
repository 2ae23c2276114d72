package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/ckptbus/ckpt/internal/wire"
	"github.com/nats-io/nats.go"
)

// operation returns an operation of the test's own, beside those of the table.
func operation(name string) ckpt.Op[ckpt.StateGetRequest, ckpt.StateGetReply] {
	op := ckpt.StateGet
	op.Name = name
	return op
}

// probe is a request of such an operation.
type probe = call[ckpt.StateGetRequest, ckpt.StateGetReply]

// register adds an operation of the test's own to a running service.
func (h *harness) register(op ckpt.Op[ckpt.StateGetRequest, ckpt.StateGetReply], handler func(r *probe)) {
	h.Helper()
	handle(h.Service, op, nil, handler)
	e := h.endpoints[len(h.endpoints)-1]
	err := h.member.subscribe(e.subject, ckpt.QueueGroup, e.handler)
	if err == nil {
		err = h.Service.nc.Flush()
	}
	if err != nil {
		h.Fatal(err)
	}
}

func TestPanic(t *testing.T) {
	t.Parallel()
	h := startLocal(t, setting{})
	at, later, storing := operation("panics.at.once"), operation("panics.later"), operation("panics.storing")
	h.register(at, func(*probe) { panic("secret") })
	h.register(later, func(r *probe) { r.slowly(func() { panic("secret") }) })
	h.register(storing, func(r *probe) {
		r.commit(ckpt.WriteRef{ThreadRef: thread("t")}) // a plan that is nil, under the lock
	})
	for range 2 * maxSlow { // each gives its place among the slow ones back
		for _, op := range []ckpt.Op[ckpt.StateGetRequest, ckpt.StateGetReply]{at, later, storing} {
			e := refused(h, ckpt.Internal, op, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
			if strings.Contains(e.Message, "secret") {
				t.Errorf("%s: %v tells what the panic said", op.Name, e)
			}
		}
	}
	h.putState("t", ckpt.Raw{1})
	do(h, ckpt.ThreadsList, ckpt.ThreadsListRequest{})
}

// An error that is none of ours is told without its detail.
func TestInternalError(t *testing.T) {
	t.Parallel()
	h := startLocal(t, setting{})
	op := operation("fails")
	h.register(op, func(r *probe) { r.fail(fmt.Errorf("disk /secret is full: %w", errors.ErrUnsupported)) })
	if e := refused(h, ckpt.Internal, op, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}}); strings.Contains(e.Message, "secret") {
		t.Errorf("%v tells too much", e)
	}
}

// A reply that does not fit the bus is told of with both sizes.
func TestReplyTooLarge(t *testing.T) {
	t.Parallel()
	h := startLocal(t, setting{bus: bus.Options{MaxPayload: 4096}})
	at, later := operation("at.once"), operation("later")
	reply := func(r *probe) {
		r.a.State = wire.AppendBin(nil, make([]byte, 5000))
		r.reply()
	}
	h.register(at, reply)
	h.register(later, func(r *probe) { r.slowly(func() { reply(r) }) })
	for _, op := range []ckpt.Op[ckpt.StateGetRequest, ckpt.StateGetReply]{at, later} {
		if e := refused(h, ckpt.TooLarge, op, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}}); e.Size < 5000 || e.Limit != 4096 {
			t.Errorf("%s: %v: sizes %d and %d", op.Name, e, e.Size, e.Limit)
		}
	}
}

func TestOverloaded(t *testing.T) {
	t.Parallel()
	h := startLocal(t, setting{})
	slow := operation("slow")
	begun, finish := make(chan struct{}, maxSlow), make(chan struct{})
	h.register(slow, func(r *probe) {
		r.slowly(func() {
			begun <- struct{}{}
			<-finish
			r.a.State = ckpt.Raw{1}
			r.reply()
		})
	})
	var answers sync.WaitGroup
	for range maxSlow {
		answers.Go(func() { do(h, slow, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}}) })
	}
	for range maxSlow {
		<-begun
	}
	h.putMessages("t", textMessage(t, 1, "x"))
	refused(h, ckpt.Overloaded, slow, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
	refused(h, ckpt.Overloaded, ckpt.ThreadsList, ckpt.ThreadsListRequest{})
	refused(h, ckpt.Overloaded, ckpt.MessagesList, ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}, Page: ckpt.Page{Search: "x"}})
	// Others go on, and the slow ones too when there is room again.
	h.wantMessages("t", textMessage(t, 1, "x"))
	close(finish)
	answers.Wait()
	for {
		if _, err := ask(h, ckpt.ThreadsList, ckpt.ThreadsListRequest{}); err == nil {
			break
		} else {
			h.want(ckpt.Overloaded, ckpt.ThreadsList.OpInfo, err) // the last is answered and not yet gone
		}
	}
}

// A caller cannot have the service publish to any subject, nor write unheard.
func TestReplySubjects(t *testing.T) {
	t.Parallel()
	h := startLocal(t, setting{options: []Option{WithInboxPrefix("mine.")}})
	everything, err := h.nc.SubscribeSync("*.reply.>")
	if err != nil {
		t.Fatal(err)
	}
	for reply, answered := range map[string]bool{
		"": false, "victim.reply.1": false, "_INBOX": false, "_INBOXES.reply.1": false, "inbox._INBOX.1": false, "minesweeper.reply.1": false,
		h.prefix + ".state.put": false, "$SYS.REQ.SERVER.PING": false,
		"_INBOX.reply.1": true, "mine.reply.1": true,
	} {
		id := "t" + ckpt.EncodeToken(reply)
		for _, op := range []ckpt.OpInfo{ckpt.StatePut.OpInfo, ckpt.StateGet.OpInfo} {
			payload := pairs(t, "thread_id", id)
			if op.Writes {
				payload = pairs(t, "thread_id", id, "state", 1)
			}
			if err := h.nc.PublishMsg(&nats.Msg{Subject: op.Subject(h.prefix), Reply: reply, Data: payload}); err != nil {
				t.Fatalf("%q: %v", reply, err)
			}
			// The endpoint answers requests in turn: with this one's answer, that one is done.
			_, _ = h.send(op, pairs(t, "thread_id", "other", "state", 1))
			if answered {
				if m, err := everything.NextMsg(patience); err != nil || m.Subject != reply {
					t.Errorf("reply to %q: %v, %v", reply, m, err)
				}
			}
		}
		_, err := ask(h, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread(id)}})
		if (err == nil) != answered {
			t.Errorf("a write with the reply subject %q: %v", reply, err)
		}
	}
	if n, _, err := everything.Pending(); n != 0 || err != nil {
		t.Errorf("%d replies too many, %v", n, err)
	}
}

func TestSecondService(t *testing.T) {
	t.Parallel()
	h := startLocal(t, setting{})
	nc := bustest.Connect(t, h.srv)
	_, err := Start(nc, quiet)
	var e *ckpt.Error
	if !errors.As(err, &e) || e.Code != ckpt.Conflict || !strings.Contains(e.Message, h.StoreID()) {
		t.Errorf("a second service: %v, want a conflict with %s", err, h.StoreID())
	}
	other, err := Start(nc, quiet, WithPrefix("other"))
	if err != nil {
		t.Fatal(err)
	}
	stop(t, other)
	// The place is free when the first has stopped.
	stop(t, h.Service)
	second, err := Start(nc, quiet)
	if err != nil {
		t.Fatal(err)
	}
	stop(t, second)
	if n := nc.NumSubscriptions(); n > 1 { // that of nc.Request remains
		t.Errorf("%d subscriptions are left", n)
	}
}

// A program that is no service of ours has the prefix.
func TestForeignResponder(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	foreign := bustest.Connect(t, srv)
	if _, err := foreign.Subscribe("ckpt.setup", func(m *nats.Msg) { _ = m.Respond([]byte("?")) }); err != nil {
		t.Fatal(err)
	}
	if err := foreign.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(bustest.Connect(t, srv), quiet); !errors.Is(err, ckpt.ErrConflict) {
		t.Errorf("started beside a foreign responder: %v", err)
	}
}

func TestStartRefused(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	for _, prefix := range []string{"a..b", ".", "a b", "*", ">", "a.>", strings.Repeat("x", 300)} {
		if _, err := Start(bustest.Connect(t, srv), quiet, WithPrefix(prefix)); !errors.Is(err, ckpt.ErrInvalidArgument) {
			t.Errorf("prefix %q: %v", prefix, err)
		}
	}
	nc := bustest.Connect(t, srv)
	nc.Close()
	if _, err := Start(nc, quiet); err == nil {
		t.Error("started on a closed connection")
	}
}

// A service whose connection is closed ends and says why.
func TestConnectionClosed(t *testing.T) {
	t.Parallel()
	nc := bustest.Connect(t, bustest.Start(t))
	s, err := Start(nc, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if s.Err() != nil {
		t.Errorf("while it runs: %v", s.Err())
	}
	nc.Close()
	<-s.Done()
	if s.Err() == nil {
		t.Error("no reason why it ended")
	}
	stop(t, s)
}

// Stop waits for what is under way: in its handler, before it and beside it.
func TestStopWaits(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]func(r *request, rest func()){
		"in the handler": func(_ *request, rest func()) { rest() },
		"beside it":      (*request).slowly,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := startLocal(t, setting{})
			slow := operation("slow")
			begun, finish := make(chan struct{}, 2), make(chan struct{})
			h.register(slow, func(r *probe) {
				handler(&r.request, func() {
					begun <- struct{}{}
					<-finish
					r.a.State = ckpt.Raw{1}
					r.reply()
				})
			})
			answers := h.sendTwice(slow.OpInfo)
			<-begun
			stopped := make(chan error, 1)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			go func() { stopped <- h.Stop(ctx) }()
			for { // until nobody hears new requests
				if _, err := h.nc.Request(ckpt.Setup.Subject(h.prefix), pairs(t, "protocol", 1), patience); errors.Is(err, nats.ErrNoResponders) {
					break
				}
			}
			select {
			case err := <-stopped:
				t.Errorf("stopped with requests under way: %v", err)
			default:
			}
			close(finish)
			for range 2 {
				if m, err := answers.NextMsg(patience); err != nil || m.Header.Get(ckpt.HeaderErrorCode) != "" {
					t.Errorf("a request that reached the service: %v, %v", m, err)
				}
			}
			if err := <-stopped; err != nil {
				t.Error(err)
			}
			if h.Err() != nil {
				t.Errorf("after a stop: %v", h.Err())
			}
		})
	}
}

// sendTwice sends two requests, and returns when the bus has taken both, with
// the subscription to their answers.
func (h *harness) sendTwice(op ckpt.OpInfo) *nats.Subscription {
	h.Helper()
	inbox := h.nc.NewInbox()
	answers, err := h.nc.SubscribeSync(inbox)
	for range 2 {
		err = errors.Join(err, h.nc.PublishRequest(op.Subject(h.prefix), inbox, pairs(h, "thread_id", "t")))
	}
	if err = errors.Join(err, h.nc.Flush()); err != nil {
		h.Fatal(err)
	}
	return answers
}

// Stop gives up with its context.
func TestStopGivesUp(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]func(r *request, rest func()){
		"in the handler": func(_ *request, rest func()) { rest() },
		"beside it":      (*request).slowly,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := bustest.Start(t)
			s, err := Start(bustest.Connect(t, srv), quiet)
			if err != nil {
				t.Fatal(err)
			}
			h := &harness{TB: t, Service: s, srv: srv, nc: bustest.Connect(t, srv)}
			slow := operation("slow")
			begun, finish, finished := make(chan struct{}, 2), make(chan struct{}), make(chan struct{}, 2)
			h.register(slow, func(r *probe) {
				handler(&r.request, func() { begun <- struct{}{}; <-finish; finished <- struct{}{} })
			})
			h.sendTwice(slow.OpInfo)
			<-begun
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if err := s.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("stop: %v, want that it gave up", err)
			}
			<-s.Done()
			close(finish)
			for range 2 {
				<-finished
			}
		})
	}
}

func TestHeaderText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                              "no message",
		"plain":                         "plain",
		"a\r\nHeader: b\x00\u0085c":     "a  Header: b  c",
		"ü\xff":                         "ü?",
		strings.Repeat("ü", 1000):       strings.Repeat("ü", 512),
		"a" + strings.Repeat("ü", 1000): "a" + strings.Repeat("ü", 511) + "?",
	} {
		if got := headerText(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
