package service

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
)

// largeGroup is a group on a bus of small messages.
func largeGroup(t *testing.T) *group {
	g := newGroup(t, bus.Options{MaxPayload: 64 << 10})
	g.more = []Option{WithMaxValue(8 << 20)}
	return g
}

// A replica that ends while a request comes to it in parts takes nothing with it:
// the client begins anew with another, and the request is carried out once. So it
// is with one that stops, and with replies.
func TestReplicaEndsDuringUpload(t *testing.T) {
	t.Parallel()
	g := largeGroup(t)
	replicas := g.startAll(3)
	c := g.client()
	state := random(6 << 20)
	for i, end := range []func(*replica){g.kill, g.stop} {
		id := fmt.Sprint("t", i)
		put, hit := g.begun(replicas, func() *client.Future[ckpt.StatePutReply] { return c.PutStateAsync(t.Context(), id, state) })
		end(replicas[hit])
		replicas[hit] = g.start()
		a, err := put.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.GetState(t.Context(), id)
		if err != nil || !bytes.Equal(got.Value, state) || got.Revision != a.Revision {
			t.Errorf("%d bytes at %d, %v, want %d at %d", len(got.Value), got.Revision, err, len(state), a.Revision)
		}
	}
	g.same(replicas...)
}

// begun begins a put in parts and returns while these come to a replica: again where
// it was over before that was noticed.
func (g *group) begun(replicas []*replica, put func() *client.Future[ckpt.StatePutReply]) (f *client.Future[ckpt.StatePutReply], hit int) {
	g.Helper()
	for f = put(); ; runtime.Gosched() {
		for i, r := range replicas {
			if uploads, _ := (&harness{Service: r.Service}).inPartsNow(); uploads > 0 {
				return f, i
			}
		}
		select {
		case <-f.Done():
			if _, err := f.Wait(g.Context()); err != nil {
				g.Fatal(err)
			}
			f = put()
		default:
		}
	}
}

// A replica that begins to follow anew in the midst of a record goes on with it.
func TestFollowAnewWithinRecord(t *testing.T) {
	t.Parallel()
	g := largeGroup(t)
	replicas := g.startAll(2)
	c := g.client()
	state := random(6 << 20)
	for i := range 10 {
		from := replicas[1].journal.Status().Applied
		put := c.PutStateAsync(t.Context(), fmt.Sprint("t", i), state)
		g.eventually("some parts of the record", func() bool { return replicas[1].journal.Status().Applied > from+10 })
		for name := range g.js.ConsumerNames(journalStream) {
			_ = g.js.DeleteConsumer(journalStream, name) // it may be gone already
		}
		if _, err := put.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	g.same(replicas...)
}

// Large values under load, while replicas are replaced: all that was acknowledged
// is on each, and the journal is compacted.
func TestLargeValuesUnderLoad(t *testing.T) {
	t.Parallel()
	g := largeGroup(t)
	replicas := g.startAll(2)
	l := g.load(2)
	done := make(chan error, 2)
	last := make([]ckpt.Raw, 2)
	for w := range last {
		c := g.client()
		go func() {
			for i := range 12 {
				last[w] = random(200_000 + 150_000*i + w)
				if _, err := c.PutState(t.Context(), fmt.Sprint("large", w), last[w]); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for i := range 3 {
		g.kill(replicas[i%2])
		replicas[i%2] = g.start()
		l.progress()
	}
	if err := errors.Join(<-done, <-done); err != nil {
		t.Fatal(err)
	}
	l.unfailing()
	c := g.client()
	for w := range last {
		if got, err := c.GetState(t.Context(), fmt.Sprint("large", w), client.Linearizable(true)); err != nil || !bytes.Equal(got.Value, last[w]) {
			t.Errorf("worker %d: %d bytes, %v, want %d", w, len(got.Value), err, len(last[w]))
		}
	}
	l.stop()
	g.compacted(replicas...)
}

// A snapshot of a thread that is many times what one message carries, in more
// parts than records of the first version may be behind, takes the place of its
// records.
func TestCompactionOfLargeThread(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{MaxPayload: 16 << 10})
	r := g.start()
	c := g.client()
	for i := range 40 {
		m := ckpt.TextMessage(ckpt.RoleUser, strings.Repeat(string(rune('a'+i%26)), 1<<20))
		m.MessageID = ckpt.IntID(int64(i % 18))
		if _, err := c.PutMessages(t.Context(), "large", []ckpt.Message{m}); err != nil {
			t.Fatal(err)
		}
	}
	if live := r.store.Live(); live < 18<<20 {
		t.Errorf("%d bytes are live", live)
	}
	g.compacted(r)
}
