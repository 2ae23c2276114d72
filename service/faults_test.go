package service

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/ckptbus/ckpt/service/internal/journal"
	"github.com/nats-io/nats.go"
)

// group is the replicas of one store, to which things happen.
type group struct {
	testing.TB
	urls   string
	stream Stream
	tune   func(*journal.Options)
	js     nats.JetStreamContext
	more   []Option // of each replica
}

// replica is one of them.
type replica struct {
	*Service
	nc *nats.Conn
}

// impatient makes a journal notice faults in less time than it takes outside of
// tests, and one that compacts soon.
func impatient(o *journal.Options) {
	o.Patience, o.Heartbeat, o.Grace = 500*time.Millisecond, 100*time.Millisecond, 500*time.Millisecond
	o.Slack = 64 << 10
}

// newGroup returns a group on a server of its own, in memory.
func newGroup(t testing.TB, o bus.Options) *group {
	t.Helper()
	return groupOn(t, bustest.StartJetStream(t, o).URL(), Stream{Memory: true})
}

func groupOn(t testing.TB, urls string, stream Stream) *group {
	t.Helper()
	g := &group{TB: t, urls: urls, stream: stream, tune: impatient}
	var err error
	if g.js, err = g.connect().JetStream(); err != nil {
		t.Fatal(err)
	}
	return g
}

// connect returns a connection that comes back after whatever happened.
func (g *group) connect() *nats.Conn {
	g.Helper()
	return g.connectTo(g.urls)
}

func (g *group) connectTo(urls string) *nats.Conn {
	g.Helper()
	nc, err := nats.Connect(urls, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // which would print them
	if err != nil {
		g.Fatal(err)
	}
	g.Cleanup(nc.Close)
	return nc
}

// client returns a client with a connection of its own.
func (g *group) client(opts ...client.Option) *client.Client[ckpt.Raw] {
	g.Helper()
	opts = append([]client.Option{client.WithRetry(client.Retry{Answer: time.Second}), client.WithTimeout(patience)}, opts...)
	c, err := client.New[ckpt.Raw](g.connect(), opts...)
	if err != nil {
		g.Fatal(err)
	}
	g.Cleanup(c.Close)
	return c
}

// start starts a replica, which is stopped when the test ends unless it was before.
func (g *group) start() *replica {
	g.Helper()
	r, err := g.startOn(g.connect())
	if err != nil {
		g.Fatal(err)
	}
	return r
}

func (g *group) startOn(nc *nats.Conn, opts ...Option) (*replica, error) {
	g.Helper()
	all := slices.Concat([]Option{quiet, WithJetStream(g.stream), withJournal(g.tune)}, g.more, opts)
	s, err := Start(nc, all...)
	if err != nil {
		return nil, err
	}
	g.Cleanup(func() { // where the test has not: what is under way then may find no stream any more
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.Stop(ctx)
	})
	return &replica{s, nc}, nil
}

// startAll starts n replicas.
func (g *group) startAll(n int) []*replica {
	g.Helper()
	list := make([]*replica, n)
	for i := range list {
		list[i] = g.start()
	}
	return list
}

// stop stops a replica as its operator would.
func (g *group) stop(r *replica) {
	g.Helper()
	stop(g, r.Service)
	r.nc.Close()
}

// kill ends a replica in the midst of what it does.
func (g *group) kill(r *replica) {
	g.Helper()
	r.nc.Close()
	select {
	case <-r.Done():
	case <-time.After(patience):
		g.Fatal("a replica goes on without its connection")
	}
}

// eventually waits until done reports true.
func (g *group) eventually(what string, done func() bool) {
	g.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(3 * patience)
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			g.Fatalf("waited in vain for %s", what)
		}
	}
}

// converge waits until each replica knows of all that any of them does.
func (g *group) converge(replicas ...*replica) {
	g.Helper()
	var last uint64
	for _, r := range replicas {
		g.wait("a barrier", r.journal.Barrier)
		last = max(last, r.journal.Status().Applied)
	}
	for _, r := range replicas {
		g.wait("a replica to catch up", func(then func(error)) { r.journal.Await(last, then) })
	}
}

// wait waits for what is called back.
func (g *group) wait(what string, begin func(then func(error))) {
	g.Helper()
	done := make(chan error, 1)
	begin(func(err error) { done <- err })
	select {
	case err := <-done:
		if err != nil {
			g.Fatalf("%s: %v", what, err)
		}
	case <-time.After(3 * patience):
		g.Fatalf("waited in vain for %s", what)
	}
}

// view is all that a replica has of the threads that hold anything, by their
// IDs: also what it remembers of requests.
type view map[string]string

func (r *replica) view(t testing.TB) view {
	t.Helper()
	v := make(view)
	for _, id := range r.threads(t) {
		e, ok := r.store.Snapshot(id, 0)
		if !ok {
			t.Fatalf("thread %s is listed and not there", id)
		}
		b, err := e.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		v[id] = string(b)
	}
	return v
}

// threads returns the IDs of the replica's threads in their order.
func (r *replica) threads(t testing.TB) (ids []string) {
	t.Helper()
	for more := true; more; {
		q := ckpt.ThreadsListRequest{Page: ckpt.Page{Offset: len(ids)}}
		var a ckpt.ThreadsListReply
		if err := r.store.ThreadsList(&q, &a, r.millis()); err != nil {
			t.Fatal(err)
		}
		for _, raw := range a.Threads {
			ids = append(ids, decodeInfo(t, raw).ThreadID)
		}
		more = a.HasMore
	}
	return ids
}

// same checks that all replicas have come to the same store, and returns it. A
// replica that starts now, with what is left of the journal, is one of them.
func (g *group) same(replicas ...*replica) view {
	g.Helper()
	replicas = append(slices.Clone(replicas), g.start())
	g.converge(replicas...)
	first := replicas[0].view(g)
	order := replicas[0].threads(g)
	for i, r := range replicas[1:] {
		if other := r.view(g); !maps.Equal(first, other) {
			g.Errorf("replica %d has another view: %s", i+1, difference(first, other))
		}
		if other := r.threads(g); !slices.Equal(order, other) {
			g.Errorf("replica %d lists its threads in another order", i+1)
		}
	}
	return first
}

// difference names some threads of which two views differ.
func difference(a, b view) (ids []string) {
	for id := range a {
		if a[id] != b[id] && len(ids) < 5 {
			ids = append(ids, id)
		}
	}
	for id := range b {
		if _, ok := a[id]; !ok && len(ids) < 10 {
			ids = append(ids, "+"+id)
		}
	}
	return ids
}
