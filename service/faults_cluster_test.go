package service

import (
	"context"
	"testing"
	"time"

	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/nats-io/nats.go"
)

// The stream's leader steps down, its server is stopped and comes back: clients
// wait for the election, and nothing else.
func TestStreamLeaderChanges(t *testing.T) {
	t.Parallel()
	c := bustest.StartCluster(t, 3)
	g := groupOn(t, c.URLs(), Stream{Replicas: 3})
	replicas := g.startAll(2)
	l := g.load(4)

	nc := g.connect()
	if _, err := nc.Request("$JS.API.STREAM.LEADER.STEPDOWN."+journalStream, nil, patience); err != nil {
		t.Fatal(err)
	}
	l.progress()

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	leader := stopLeader(ctx, t, c)
	l.progress()
	c.RestartServer(leader)
	if err := c.WaitStreamCurrent(ctx, journalStream); err != nil {
		t.Fatal(err)
	}
	l.progress()
	l.unfailing()
	l.verify(replicas...)
}

// Replicas read the stream where its leader is. Chance would have three of eight there.
func TestConsumersAreNearTheLeader(t *testing.T) {
	t.Parallel()
	c := bustest.StartCluster(t, 3)
	g := groupOn(t, c.URLs(), Stream{Replicas: 3})
	g.startAll(8)
	js, err := g.connect().JetStream()
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.StreamInfo(journalStream)
	if err != nil {
		t.Fatal(err)
	}
	near := 0
	for consumer := range js.Consumers(journalStream) {
		if consumer.Cluster.Leader == stream.Cluster.Leader {
			near++
		}
	}
	if near < 5 { // once in 200,000 runs
		t.Errorf("%d of 8 consumers are on the server of the stream's leader", near)
	}
}

// stopLeader stops the server that leads the stream, and returns which one it is.
func stopLeader(ctx context.Context, t *testing.T, c *bustest.Cluster) int {
	t.Helper()
	leader, err := c.WaitStreamLeader(ctx, journalStream)
	if err != nil {
		t.Fatal(err)
	}
	c.StopServer(leader)
	return leader
}

// All servers stop at once and start again from their files. The replicas come
// back by themselves, with all that was acknowledged.
func TestClusterRestarts(t *testing.T) {
	t.Parallel()
	c := bustest.StartClusterWith(t, 3, bus.Options{})
	g := groupOn(t, c.URLs(), Stream{Replicas: 3})
	replicas := g.startAll(2)
	l := g.load(4)
	c.StopAll()
	for _, r := range replicas {
		g.eventually("a replica to notice", func() bool { return r.nc.Status() != nats.CONNECTED })
	}
	c.StartAll()
	l.progress()
	g.serving(replicas...)
	l.verify(replicas...)
}

// Of five servers that keep the stream, any two may stop, the leader among them.
func TestFiveServers(t *testing.T) {
	t.Parallel()
	c := bustest.StartCluster(t, 5)
	g := groupOn(t, c.URLs(), Stream{Replicas: 5})
	replicas := g.startAll(2)
	l := g.load(3)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	leader := stopLeader(ctx, t, c)
	other := (leader + 1) % 5
	c.StopServer(other)
	l.progress()
	c.RestartServer(leader)
	c.RestartServer(other)
	if err := c.WaitStreamCurrent(ctx, journalStream); err != nil {
		t.Fatal(err)
	}
	l.progress()
	l.unfailing()
	l.verify(replicas...)
}
