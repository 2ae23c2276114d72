package service

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/bus"
)

// largeState returns a state of 8 KiB that differs from others.
func largeState(t testing.TB, i int) ckpt.Raw {
	return pack(t, fmt.Sprintf("%06d%s", i, strings.Repeat("x", 8<<10)))
}

// stored returns how many bytes the journal has.
func (g *group) stored() int64 {
	g.Helper()
	info, err := g.js.StreamInfo(journalStream)
	if err != nil {
		g.Fatal(err)
	}
	return int64(info.State.Bytes)
}

// compacted waits until the journal holds little more than twice what is live.
func (g *group) compacted(r *replica) {
	g.Helper()
	g.eventually(fmt.Sprintf("the journal to be compacted: %d live", r.store.Live()), func() bool {
		return g.stored() <= 2*int64(r.store.Live())+128<<10
	})
}

// A state that is written again and again does not make the journal grow, also
// while it is written.
func TestCompactionOfRewrites(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	replicas := g.startAll(2) // which compact at once
	c := g.client()
	var most int64
	for i := range 4000 {
		if _, err := c.PutState(t.Context(), "t", largeState(t, i)); err != nil {
			t.Fatal(err)
		}
		if i%100 == 0 {
			most = max(most, g.stored())
		}
	}
	t.Logf("%d MiB at most of %d written", most>>20, 4000*8>>10)
	g.compacted(replicas[0])
	g.same(replicas...)
}

// The messages that were deleted from a long conversation leave the journal.
func TestCompactionOfMessages(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	replicas := g.startAll(2)
	c := g.client()
	text := strings.Repeat("x", 200)
	for i := 0; i < 5000; i += 10 {
		list := make([]ckpt.Message, 10)
		for k := range list {
			list[k] = ckpt.TextMessage(ckpt.RoleUser, text)
			list[k].MessageID = ckpt.IntID(int64(i + k))
		}
		if _, err := c.PutMessages(t.Context(), "t", list); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 4000 {
		if f := c.DeleteMessageAsync(t.Context(), "t", ckpt.IntID(int64(i))); i%100 == 99 {
			if _, err := f.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	g.converge(replicas...)
	g.eventually("the deletions", func() bool { return len(replicas[0].texts(t, "t")) == 1000 })
	g.compacted(replicas[0])
	g.same(replicas...)
}

// Threads that were cleaned leave the journal, when it is forgotten that they were.
func TestCompactionOfThreads(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	clock := newClock()
	g.more = []Option{withClock(clock.now, 20*time.Millisecond)}
	replicas := g.startAll(2)
	c := g.client()
	const threads = 3000
	for i := range threads {
		id := fmt.Sprint(i)
		if _, err := c.PutState(t.Context(), id, ckpt.Raw{1}); err != nil {
			t.Fatal(err)
		}
		if i%10 != 0 {
			if _, err := c.CleanThread(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
	}
	clock.advance(3 * time.Minute)
	for i := range 1100 { // more than a plan may be behind
		if _, err := c.PutState(t.Context(), "last", ckpt.Raw{byte(i & 0x7f)}); err != nil {
			t.Fatal(err)
		}
	}
	g.compacted(replicas[0])
	if view := g.same(replicas...); len(view) != threads/10+1 {
		t.Errorf("%d threads, want %d", len(view), threads/10+1)
	}
}

// Replicas that end in the midst of compaction leave a journal that makes the
// same store, while clients go on.
func TestKilledDuringCompaction(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	replicas := g.startAll(2)
	l := g.load(4)
	c := g.client()
	first := uint64(1)
	for n := range 3 {
		for i := 0; ; i++ {
			if _, err := c.PutState(t.Context(), fmt.Sprint("large-", i%4), largeState(t, i)); err != nil {
				t.Fatal(err)
			}
			info, err := g.js.StreamInfo(journalStream)
			if err != nil {
				t.Fatal(err)
			}
			if info.State.FirstSeq > first { // somebody is at it
				first = info.State.FirstSeq
				break
			}
		}
		g.kill(replicas[n%2])
		replicas[n%2] = g.start()
	}
	l.unfailing()
	l.verify(replicas...)
}
