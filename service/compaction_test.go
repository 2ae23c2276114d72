package service

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/wire"
)

// stored returns how many bytes the stream holds.
func (g *group) stored() int {
	g.Helper()
	info, err := g.js.StreamInfo("CKPT_" + ckpt.DefaultPrefix)
	if err != nil {
		g.Fatal(err)
	}
	return int(info.State.Bytes)
}

// constant is what the stream may hold beside twice what is live, with the slack
// of impatient: the slack, a record of snapshots, and what is under way.
const constant = 1 << 20

// compacted waits until the stream holds about twice what is live at the most,
// and checks that what is left makes the same store.
func (g *group) compacted(replicas ...*replica) view {
	g.Helper()
	g.eventually("the journal to be compacted", func() bool {
		return g.stored() <= 2*replicas[0].store.Live()+constant
	})
	return g.same(replicas...)
}

// write makes n writes, many at once.
func (g *group) write(n int, write func(c *client.Client[ckpt.Raw], i int) error) {
	g.Helper()
	c := g.client()
	const atOnce = 64
	var workers sync.WaitGroup
	for w := range atOnce {
		workers.Go(func() {
			for i := w; i < n; i += atOnce {
				if err := write(c, i); err != nil {
					g.Errorf("write %d: %v", i, err)
					return
				}
			}
		})
	}
	workers.Wait()
}

// A state that is rewritten 10,000 times, by two replicas that compact at once.
func TestCompactionOfOneState(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	replicas := g.startAll(2)
	most := 0
	state := wire.AppendBin(nil, make([]byte, 1000))
	g.write(10_000, func(c *client.Client[ckpt.Raw], i int) error {
		_, err := c.PutState(t.Context(), "t", state)
		if i%1000 == 0 {
			most = max(most, g.stored())
		}
		return err
	})
	if limit := 10_000 * len(state) / 2; most > limit {
		t.Errorf("the stream had %d bytes, want less than %d: it was not compacted meanwhile", most, limit)
	}
	if v := g.compacted(replicas...); len(v) != 1 {
		t.Errorf("%d threads", len(v))
	}
}

// A conversation of 5,000 messages of which most are deleted again.
func TestCompactionOfOneConversation(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	replicas := g.startAll(2)
	const messages = 5000
	id := func(i int) ckpt.MessageID { return ckpt.StringID(fmt.Sprint("m", i)) }
	c := g.client()
	for i := 0; i < messages; i += 10 {
		var list []ckpt.Message
		for k := range 10 {
			m := ckpt.TextMessage(ckpt.RoleUser, strings.Repeat("x", 200))
			m.MessageID = id(i + k)
			list = append(list, m)
		}
		if _, err := c.PutMessages(t.Context(), "t", list); err != nil {
			t.Fatal(err)
		}
	}
	g.write(messages, func(c *client.Client[ckpt.Raw], i int) error {
		if i%10 == 0 {
			return nil // it stays
		}
		_, err := c.DeleteMessage(t.Context(), "t", id(i))
		if errors.Is(err, ckpt.ErrNotFound) { // of a retry: eight other writes later its answer is forgotten
			return nil
		}
		return err
	})
	g.compacted(replicas...)
	list, err := g.client().ListMessages(t.Context(), "t", client.Linearizable(true))
	if err != nil || len(list.Items) != messages/10 {
		t.Fatalf("%d messages, %v", len(list.Items), err)
	}
	for i, m := range list.Items {
		if m.MessageID != id(10*i) {
			t.Fatalf("message %d is %v", i, m.MessageID)
		}
	}
}

// 10,000 threads of which most are cleaned. A replica ends in the midst of it.
func TestCompactionOfManyThreads(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	replicas := g.startAll(3)
	const threads = 10_000
	id := func(i int) string { return fmt.Sprint("t", i) }
	state := wire.AppendBin(nil, make([]byte, 500))
	g.write(threads, func(c *client.Client[ckpt.Raw], i int) error {
		if i == threads/2 {
			g.kill(replicas[2])
		}
		_, err := c.PutState(t.Context(), id(i), state)
		return err
	})
	g.write(threads, func(c *client.Client[ckpt.Raw], i int) error {
		if i%20 == 0 {
			return nil // it stays
		}
		_, err := c.CleanThread(t.Context(), id(i))
		return err
	})
	v := g.compacted(replicas[:2]...)
	for i := range threads {
		if _, there := v[id(i)]; there != (i%20 == 0) {
			t.Fatalf("thread %d: there is %v", i, there)
		}
	}
}
