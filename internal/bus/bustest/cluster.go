package bustest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ckptbus/ckpt/internal/bus"
)

// poll is how often a condition is looked at.
const poll = 20 * time.Millisecond

// patience bounds what the helpers wait for. An election takes up to 9 s where
// a leader did not hand over, and 100 ms where it did.
const patience = 60 * time.Second

// StartJetStream starts a server on its own with JetStream, and stops it when
// the test ends. Its files are in o.Data, or in a folder of the test.
func StartJetStream(t testing.TB, o bus.Options) *bus.Server {
	t.Helper()
	if o.Data == "" {
		o.Data = t.TempDir()
	}
	return StartWith(t, o)
}

// Cluster is some servers with JetStream that form a cluster. Its methods are
// for the goroutine of the test: they end the test where something fails.
type Cluster struct {
	Servers []*bus.Server // what was started last at each index; it may be stopped

	t       testing.TB
	options []bus.Options
	running []bool
}

// StartCluster starts n servers on free loopback ports with files in a folder
// of the test, waits until each can be used, and stops them when the test ends.
func StartCluster(t testing.TB, n int) *Cluster {
	t.Helper()
	return StartClusterWith(t, n, bus.Options{})
}

// StartClusterWith is [StartCluster] with what the servers share of options:
// how they keep streams, and their limits.
func StartClusterWith(t testing.TB, n int, o bus.Options) *Cluster {
	t.Helper()
	data := t.TempDir()
	var err error
	for range 5 { // others may take a port between its choice and its use
		c := &Cluster{Servers: make([]*bus.Server, n), t: t, running: make([]bool, n)}
		c.options = clusterOptions(t, n, data, o)
		if err = c.startAll(); err == nil {
			t.Cleanup(c.stopAll)
			c.waitReady()
			return c
		}
		c.stopAll()
		if !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	t.Fatal(err)
	return nil
}

// clusterOptions returns the options of n servers. Their ports are fixed, so
// that clients and the other servers find one again that was restarted.
func clusterOptions(t testing.TB, n int, data string, shared bus.Options) []bus.Options {
	t.Helper()
	addrs := FreeAddrs(t, 2*n)
	routes := make([]string, n)
	for i := range routes {
		routes[i] = "nats-route://" + addrs[n+i]
	}
	options := make([]bus.Options, n)
	for i := range options {
		name := fmt.Sprintf("server-%d", i)
		o := shared
		o.Listen, o.Name, o.Data = addrs[i], name, filepath.Join(data, name)
		o.Cluster = &bus.Cluster{Name: "test", Listen: addrs[n+i], Routes: routes}
		options[i] = o
	}
	return options
}

// URLs returns the addresses of all servers, stopped ones too, as
// [nats.Connect] takes them.
func (c *Cluster) URLs() string {
	urls := make([]string, len(c.Servers))
	for i, s := range c.Servers {
		urls[i] = s.URL()
	}
	return strings.Join(urls, ",")
}

// StopServer stops one server, and does not wait for the others to notice.
func (c *Cluster) StopServer(i int) {
	c.Servers[i].Stop()
	c.running[i] = false
}

// RestartServer starts a server again, stopping it first if it runs, with its
// ports and its files. It waits until the server knows the cluster's leader, for
// which more than half of the servers must run.
func (c *Cluster) RestartServer(i int) {
	c.t.Helper()
	c.StopServer(i)
	if err := c.start(i); err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	if err := c.Servers[i].WaitJetStream(ctx); err != nil {
		c.t.Fatal(err)
	}
}

// StopAll stops all servers at once.
func (c *Cluster) StopAll() { c.stopAll() }

// StartAll starts all servers that are stopped and waits until each can be used.
func (c *Cluster) StartAll() {
	c.t.Helper()
	if err := c.startAll(); err != nil {
		c.t.Fatal(err)
	}
	c.waitReady()
}

func (c *Cluster) stopAll() {
	var wg sync.WaitGroup
	for i, s := range c.Servers {
		if c.running[i] {
			c.running[i] = false
			wg.Go(s.Stop)
		}
	}
	wg.Wait()
}

func (c *Cluster) startAll() error {
	for i, running := range c.running {
		if running {
			continue
		}
		if err := c.start(i); err != nil {
			return err
		}
	}
	return nil
}

// start starts a server. Where it ran before, another process may have its port
// for a moment, as the near end of a connection; so that is tried again.
func (c *Cluster) start(i int) error {
	ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
	defer cancel()
	var s *bus.Server
	var err error
	_ = wait(ctx, "the port", func() bool { // what stays in the end is the error of the last start
		s, err = bus.Start(c.options[i])
		return c.Servers[i] == nil || !errors.Is(err, syscall.EADDRINUSE)
	})
	if err != nil {
		return fmt.Errorf("server %d: %w", i, err)
	}
	c.Servers[i], c.running[i] = s, true
	return nil
}

// waitReady waits until all servers are current, and the leader knows all: so
// many replicas can a stream have.
func (c *Cluster) waitReady() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	for i, s := range c.Servers {
		if err := s.WaitJetStream(ctx); err != nil {
			c.t.Fatalf("server %d: %v", i, err)
		}
	}
	err := wait(ctx, "all servers in the cluster", func() bool {
		for _, s := range c.Servers {
			if s.JetStreamPeers() == len(c.Servers) {
				return true
			}
		}
		return false
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

// wait waits until done reports true.
func wait(ctx context.Context, what string, done func() bool) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}
