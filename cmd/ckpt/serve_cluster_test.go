package main

import (
	"strings"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/nats-io/nats.go"
)

// clusterArgs returns the command lines of the servers of a cluster.
func clusterArgs(t *testing.T, n int) (args [][]string, urls []string) {
	t.Helper()
	addrs := bustest.FreeAddrs(t, 2*n)
	routes := "nats-route://" + strings.Join(addrs[n:], ",nats-route://")
	for i := range n {
		args = append(args, []string{"serve", "--data", t.TempDir(), "--listen", addrs[i], "--name", string(rune('a' + i)),
			"--cluster", "test", "--cluster-listen", addrs[n+i], "--routes", routes})
		urls = append(urls, "nats://"+addrs[i])
	}
	return args, urls
}

// Three processes are a cluster by themselves, of which one may be lost.
func TestServeCluster(t *testing.T) {
	t.Parallel()
	args, urls := clusterArgs(t, 3)
	var servers []*command
	for _, a := range args {
		servers = append(servers, start(t, a...))
	}
	for _, s := range servers {
		s.stdout.line(t, "jetstream, at position")
	}
	c := dial(t, strings.Join(urls, ","))
	if _, err := c.PutState(t.Context(), "t", ckpt.Raw{0x07}); err != nil {
		t.Fatal(err)
	}
	if got := cli(t, "", "info", "--nats", urls[2]); got.code != exitOK || strings.Count(got.stdout, "  yes\n") != 3 {
		t.Errorf("%+v", got)
	}
	if got := servers[0].stop(); got.code != exitOK || !strings.Contains(got.stdout, "Stopped; ") {
		t.Errorf("%+v", got)
	}
	wantState(t, urls[1], "t", 0x07)
	if _, err := c.PutState(t.Context(), "t", ckpt.Raw{0x08}); err != nil {
		t.Fatal(err)
	}
	again := start(t, args[0]...)
	again.stdout.line(t, "jetstream, at position")
	wantState(t, urls[0], "t", 0x08)
}

// A server of a cluster waits for the others, says so, and can be stopped.
func TestServeClusterWaits(t *testing.T) {
	t.Parallel()
	args, _ := clusterArgs(t, 3)
	s := start(t, args[0]...)
	s.stderr.line(t, "waiting for a leader")
	if got := s.stop(); got.code != exitOK || got.stdout != "Stopped before it served.\n" {
		t.Errorf("%+v", got)
	}
}

// A stream that more servers are to keep than are there yet is waited for.
func TestTooFewServers(t *testing.T) {
	t.Parallel()
	c := bustest.StartCluster(t, 3)
	js, err := bustest.Connect(t, c.Servers[0]).JetStream()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.AddStream(&nats.StreamConfig{Name: "S", Replicas: 5}); !tooFewServers(err) {
		t.Errorf("%v is not known for what it is", err)
	}
}
