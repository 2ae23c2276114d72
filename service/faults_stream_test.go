package service

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/service/internal/journal"
	"github.com/nats-io/nats.go"
)

var journalStream = journal.StreamName(ckpt.DefaultPrefix)

// deleteStream deletes the journal under the replicas.
func (g *group) deleteStream() {
	g.Helper()
	if err := g.js.DeleteStream(journalStream); err != nil {
		g.Fatal(err)
	}
}

// info returns what the replica tells of itself.
func (g *group) info(c *client.Client[ckpt.Raw], r *replica) ckpt.InfoReply {
	g.Helper()
	list, err := c.Info(g.Context())
	if err != nil {
		g.Fatal(err)
	}
	for _, a := range list {
		if a.Replica == r.replica {
			return a
		}
	}
	g.Fatalf("the replica is not among the %d that answer", len(list))
	return ckpt.InfoReply{}
}

// Where the stream is gone the replicas do not answer any more, and say why. A
// new replica makes a new store, which the others take over.
func TestStreamDeleted(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	old := g.startAll(2)
	c := g.client()
	for i := range 50 {
		if _, err := c.PutState(t.Context(), fmt.Sprint(i), ckpt.Raw{1}); err != nil {
			t.Fatal(err)
		}
	}
	before := c.Position()
	g.deleteStream()
	for _, r := range old {
		g.notServing(r)
		if a := g.info(c, r); a.Serving || !strings.Contains(a.Reason, journalStream) {
			t.Errorf("without a stream: %+v", a)
		}
	}
	hasty := g.client(client.WithRetry(client.Retry{Attempts: 1}))
	if _, err := hasty.GetState(t.Context(), "1"); !errors.Is(err, ckpt.ErrUnavailable) {
		t.Errorf("a read without a stream: %v", err)
	}

	fresh := g.start()
	g.serving(old...)
	replicas := append(old, fresh)
	if _, err := c.GetState(t.Context(), "1"); !errors.Is(err, ckpt.ErrNotFound) {
		t.Errorf("what the old store had: %v", err)
	}
	if _, err := c.PutState(t.Context(), "new", ckpt.Raw{2}); err != nil {
		t.Fatal(err)
	}
	after := c.Position()
	if after.StoreID == before.StoreID || after.StoreID != fresh.StoreID() || after.Revision >= before.Revision {
		t.Errorf("the client is at %+v, and was at %+v before", after, before)
	}
	if view := g.same(replicas...); len(view) != 1 {
		t.Errorf("%d threads, want the new one", len(view))
	}
}

// The stream is replaced in the midst of requests. No request hangs, and the new
// store has what it acknowledged.
func TestStreamReplacedUnderLoad(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	replicas := g.startAll(2)
	for range 3 {
		lost := g.load(4)
		g.deleteStream()
		g.eventually("a replica with a new store", func() bool {
			r, err := g.startOn(g.connect())
			if err != nil { // while the others serve the old one
				return false
			}
			replicas = append(replicas[:2], r)
			return true
		})
		g.serving(replicas...)
		lost.progress()
		lost.stop()
		l := g.load(4)
		for _, r := range replicas {
			if r.StoreID() != replicas[2].StoreID() {
				t.Errorf("store %s, want %s", r.StoreID(), replicas[2].StoreID())
			}
		}
		g.converge(replicas...)
		l.stop()
		l.unfailing()
		g.stop(replicas[2])
		g.same(replicas[:2]...)
	}
}

// A stream that is not this store's is refused, and says what is wrong with it.
func TestForeignStreamRefused(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]nats.StreamConfig{
		"no store":      {},
		"later format":  {Metadata: map[string]string{"ckpt_store_id": "S", "ckpt_format": "2"}},
		"forgets":       {Metadata: map[string]string{"ckpt_store_id": "S", "ckpt_format": "1"}, Discard: nats.DiscardOld},
		"other storage": {Metadata: map[string]string{"ckpt_store_id": "S", "ckpt_format": "1"}, Storage: nats.FileStorage, Discard: nats.DiscardNew},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGroup(t, bus.Options{})
			config.Name, config.Subjects = journalStream, []string{ckpt.DefaultPrefix + ".log"}
			if name != "other storage" {
				config.Storage = nats.MemoryStorage
			}
			if _, err := g.js.AddStream(&config); err != nil {
				t.Fatal(err)
			}
			_, err := g.startOn(g.connect())
			if !errors.Is(err, ckpt.ErrConflict) || !strings.Contains(err.Error(), journalStream) {
				t.Errorf("error %v, want a conflict", err)
			}
		})
	}
}

// Where the stream is changed under a replica so that it forgets, the replica
// stops to serve until it is mended.
func TestStreamReconfigured(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	r := g.start()
	l := g.load(2)
	l.stop()
	info, err := g.js.StreamInfo(journalStream)
	if err != nil {
		t.Fatal(err)
	}
	mended := info.Config
	foreign := mended
	foreign.MaxMsgs = 1 << 40
	if _, err := g.js.UpdateStream(&foreign); err != nil {
		t.Fatal(err)
	}
	_, err = g.startOn(g.connect())
	if !errors.Is(err, ckpt.ErrConflict) {
		t.Errorf("a replica starts: %v", err)
	}
	if _, err := g.js.UpdateStream(&mended); err != nil {
		t.Fatal(err)
	}
	l.verify(r)
}

// A record that this version cannot read ends the serving, and the reason tells
// that a later version wrote it.
func TestRecordOfLaterVersion(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	r := g.start()
	l := g.load(2)
	l.stop()
	if _, err := g.js.Publish(ckpt.DefaultPrefix+".log", []byte{99, 0x90}); err != nil {
		t.Fatal(err)
	}
	g.notServing(r)
	g.eventually("the reason", func() bool { return strings.Contains(r.journal.Status().Reason, "version 99") })
	_, err := g.client(client.WithRetry(client.Retry{Attempts: 1})).GetState(t.Context(), "worker-0")
	if !errors.Is(err, ckpt.ErrUnavailable) {
		t.Errorf("a read: %v", err)
	}
}
