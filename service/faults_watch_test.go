package service

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
)

// watched takes events from a watch.
type watched struct {
	testing.TB
	next func() (ckpt.Event, error, bool)
	stop func()
}

func (g *group) watched(opts ...client.WatchOption) *watched {
	g.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	opts = append([]client.WatchOption{client.Silence(100 * time.Millisecond)}, opts...)
	next, stop := iter.Pull2(g.client().Watch(ctx, opts...))
	w := &watched{g, next, func() { stop(); cancel() }}
	g.Cleanup(w.stop)
	return w
}

// want takes the events of a thread at these revisions, behind one another.
func (w *watched) want(thread string, revisions ...uint64) {
	w.Helper()
	for _, revision := range revisions {
		e, err, _ := w.next()
		if err != nil || e.Kind == ckpt.KindGap || e.ThreadID != thread || e.Revision != revision {
			w.Fatalf("event %+v, %v; want %s at %d", e, err, thread, revision)
		}
	}
}

// gap takes a gap of all threads.
func (w *watched) gap() {
	w.Helper()
	if e, err, _ := w.next(); err != nil || e.Kind != ckpt.KindGap || e.ThreadID != "" {
		w.Fatalf("event %+v, %v; want a gap of all", e, err)
	}
}

func (g *group) put(c *client.Client[ckpt.Raw], thread string) uint64 {
	g.Helper()
	a, err := c.PutState(context.Background(), thread, ckpt.Raw{1})
	if err != nil {
		g.Fatal(err)
	}
	return a.Revision
}

// A replica that ends between a change and its event leaves no hole: another tells
// it, when nothing else shows that it is missing, and when the next event does.
func TestWatchOutlivesReplica(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	var loses atomic.Bool
	g.more = []Option{withLostEvents(loses.Load)}
	first := g.start()
	c := g.client()
	w := g.watched()
	before := g.put(c, "t")
	w.want("t", before)
	loses.Store(true)
	silent := g.put(c, "t")
	g.kill(first)
	loses.Store(false)
	second := g.start()
	w.want("t", silent)
	loses.Store(true)
	lost := []uint64{g.put(c, "t"), g.put(c, "t")}
	g.kill(second)
	loses.Store(false)
	g.start()
	w.want("t", append(lost, g.put(c, "t"))...)
}

// A watch that lost its connection tells what came meanwhile, and one that resumes
// goes on where the one before was.
func TestWatchGoesOn(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	g.startAll(2)
	c := g.client()
	nc := g.connect()
	watching, err := client.New[ckpt.Raw](nc, client.WithRetry(client.Retry{Answer: 200 * time.Millisecond}))
	if err != nil {
		t.Fatal(err)
	}
	defer watching.Close()
	var position ckpt.Position
	begin := func(opts ...client.WatchOption) *watched {
		ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
		next, stop := iter.Pull2(watching.Watch(ctx, append(opts, client.Silence(100*time.Millisecond), client.Progress(func(p ckpt.Position) { position = p }))...))
		w := &watched{t, next, func() { stop(); cancel() }}
		t.Cleanup(w.stop)
		return w
	}
	started := time.Now()
	w := begin()
	first := g.put(c, "a")
	w.want("a", first)
	if err := nc.ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	second, third := g.put(c, "a"), g.put(c, "a")
	w.want("a", second, third)
	w.stop()
	away := []uint64{g.put(c, "a"), g.put(c, "a")}
	w = begin(client.From(position))
	for {
		e, err, _ := w.next()
		if err != nil || e.Kind == ckpt.KindGap {
			t.Fatalf("event %+v, %v", e, err)
		}
		if e.Revision == away[0] {
			break
		}
		if e.Revision <= position.Revision || e.Revision > third { // those may come again that came last
			t.Fatalf("event %+v behind %d", e, position.Revision)
		}
	}
	w.want("a", away[1], g.put(c, "a"))
	w.stop()
	w = begin(client.Since(started.Add(-time.Hour)), client.Thread("a"), client.Kinds{"state.put"})
	w.want("a", first, second, third, away[0], away[1])
}

// What is behind the ring is a gap, and what is not follows it.
func TestWatchBehindTheRing(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	g.more = []Option{WithEventRing(3)}
	g.startAll(2)
	c := g.client()
	var revisions []uint64
	for range 6 {
		revisions = append(revisions, g.put(c, "t"))
	}
	w := g.watched(client.From(ckpt.Position{StoreID: c.Position().StoreID, Revision: revisions[0]}))
	w.gap()
	w.want("t", revisions[3:]...)
	w.want("t", g.put(c, "t"))
	w = g.watched(client.From(ckpt.Position{StoreID: "another", Revision: 99}))
	w.gap()
}

// A watch whose store is replaced says so and tells what is new in the other one.
func TestWatchOfReplacedStore(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	local := func() *Service {
		s, err := Start(g.connect(), quiet)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first := local()
	c := g.client()
	w := g.watched()
	w.want("t", g.put(c, "t"))
	stop(t, first)
	second := local()
	defer stop(t, second)
	new := g.put(c, "t")
	w.gap()
	w.want("t", new)
}

// Whatever is lost, cut off and begun again: a watcher sees each change, and those
// of a thread in their order.
func TestWatchSeesAll(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	g.more = []Option{withLostEvents(func() bool { return rand.IntN(4) == 0 })}
	replicas := g.startAll(2)
	const threads, writes = 5, 300
	var writers sync.WaitGroup
	defer writers.Wait()
	var done atomic.Bool
	for i := range threads {
		c := g.client()
		writers.Go(func() {
			for n := range writes {
				id := fmt.Sprint("t", i)
				var err error
				if n%50 == 49 {
					_, err = c.CleanThread(context.Background(), id)
				} else {
					_, err = c.PutState(context.Background(), id, ckpt.Raw{byte(n % 100)})
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() { writers.Wait(); done.Store(true) }()
	nc := g.connect()
	c, err := client.New[ckpt.Raw](nc, client.WithRetry(client.Retry{Answer: 200 * time.Millisecond}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 6*patience)
	defer cancel()
	var position ckpt.Position
	seen := make(map[string]uint64) // by thread, the chain that was seen
	total, sessions := 0, 0
	last := func() uint64 { // the position of the store
		return replicas[0].journal.Status().Applied
	}
	for finished := false; !finished; sessions++ {
		opts := []client.WatchOption{client.Silence(50 * time.Millisecond), client.Backlog(1 + rand.IntN(100)),
			client.Progress(func(p ckpt.Position) { position = p })}
		if position.StoreID != "" || sessions > 0 {
			opts = append(opts, client.From(position))
		} else {
			opts = append(opts, client.From{})
		}
		session := make(map[string]uint64)
		left := 1 + rand.IntN(200)
		whole := done.Load()
		watch, stop := context.WithCancel(ctx)
		for e, err := range c.Watch(watch, opts...) {
			if err != nil {
				if watch.Err() != nil && ctx.Err() == nil {
					break
				}
				t.Fatal(err)
			}
			if e.Kind == ckpt.KindGap {
				t.Fatalf("a gap %+v behind %+v", e, position)
			}
			if e.Revision <= session[e.ThreadID] {
				t.Fatalf("%s at %d behind %d", e.ThreadID, e.Revision, session[e.ThreadID])
			}
			session[e.ThreadID] = e.Revision
			if e.Revision > seen[e.ThreadID] {
				if e.Previous != seen[e.ThreadID] {
					t.Fatalf("%s at %d follows %d, and %d was seen last", e.ThreadID, e.Revision, e.Previous, seen[e.ThreadID])
				}
				seen[e.ThreadID] = e.Revision
				total++
			}
			if total == threads*writes {
				finished = true
				break
			}
			if left--; left == 0 && !whole {
				if rand.IntN(2) == 0 {
					break
				}
				if err := nc.ForceReconnect(); err != nil {
					t.Fatal(err)
				}
				left = 1 + rand.IntN(200)
			}
		}
		stop()
	}
	if n := last(); position.Revision > n {
		t.Errorf("the position is %d, and the last revision %d", position.Revision, n)
	}
	t.Logf("%d changes in %d sessions", total, sessions)
}
