package service

import (
	"context"
	"errors"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nats.go"
)

// A replica tells what it is, and of the requests and threads that it had.
func testInfo(t *testing.T, start starter) {
	h := start(t, setting{})
	a := do(h, ckpt.Info, ckpt.InfoRequest{})
	if a.StoreID != h.StoreID() || a.Replica == "" || a.Replica == a.StoreID || a.Version != ckpt.Version || a.Protocol != ckpt.Protocol ||
		a.Journal != h.journal.Name() || !a.StartedAt.Equal(h.clock.now()) || !a.Serving || a.Reason != "" || a.Threads != 0 {
		t.Errorf("at first: %+v", a)
	}
	h.putState("t", ckpt.Raw{1})
	h.putState("u", ckpt.Raw{1})
	rev := h.putState("u", ckpt.Raw{2}).Revision
	refused(h, ckpt.NotFound, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("nothing")}})
	do(h, ckpt.ThreadsList, ckpt.ThreadsListRequest{}) // beside its handler
	b := do(h, ckpt.Info, ckpt.InfoRequest{})
	if b.Replica != a.Replica || b.Revision != rev || b.Last != rev || b.Lag() != 0 || b.Requests != a.Requests+6 || b.Threads != 2 {
		t.Errorf("after the first, 3 puts, a refusal and a list: %+v, before %+v", b, a)
	}
	do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: write1("t")})
	if c := do(h, ckpt.Info, ckpt.InfoRequest{}); c.Threads != 1 || c.Revision <= rev {
		t.Errorf("after a removal: %+v", c)
	}
}

// A replica whose endpoints are gone still tells how it does, and why it
// serves nobody, until it has answered all else.
func TestInfoOutlivesEndpoints(t *testing.T) {
	t.Parallel()
	h := startLocal(t, setting{})
	slow := operation("slow")
	begun, finish := make(chan struct{}, 2), make(chan struct{})
	h.register(slow, func(r *probe) {
		r.slowly(func() {
			begun <- struct{}{}
			<-finish
			r.a.State = ckpt.Raw{1}
			r.reply()
		})
	})
	h.sendTwice(slow.OpInfo)
	<-begun
	stopped := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go func() { stopped <- h.Stop(ctx) }()
	for nobody := false; !nobody; {
		_, err := h.nc.Request(ckpt.Setup.Subject(h.prefix), pairs(t, "protocol", 1), patience)
		nobody = errors.Is(err, nats.ErrNoResponders)
	}
	if a := do(h, ckpt.Info, ckpt.InfoRequest{}); a.Serving || a.Reason == "" || a.StoreID != h.StoreID() {
		t.Errorf("without endpoints: %+v", a)
	}
	_, err := h.send(ckpt.Info.OpInfo, pairs(t, 1, 2))
	h.want(ckpt.InvalidArgument, ckpt.Info.OpInfo, err)
	close(finish)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if _, err := h.nc.Request(ckpt.Info.Subject(h.prefix), pairs(t), patience); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("after the stop: %v", err)
	}
}

// What goes wrong with a request that came by no endpoint is answered too.
func TestListenRecovers(t *testing.T) {
	t.Parallel()
	h := startLocal(t, setting{})
	op := operation("everyone")
	sub, err := listen(h.Service, op, func(*probe) { panic("secret") })
	if err == nil {
		defer sub.Unsubscribe()
		err = h.Service.nc.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		refused(h, ckpt.Internal, op, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
	}
	if err := h.nc.PublishMsg(&nats.Msg{Subject: op.Subject(h.prefix), Reply: "victim", Data: pairs(t, "thread_id", "t")}); err != nil {
		t.Fatal(err)
	}
	before := h.answered.Load()
	refused(h, ckpt.Internal, op, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
	if n := h.answered.Load() - before; n != 1 {
		t.Errorf("%d answers, want none to a subject that is no inbox", n)
	}
}
