package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"syscall"
	"time"

	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// clusterFlags make the embedded server one of a cluster.
type clusterFlags struct {
	cluster       string
	clusterListen string
	routes        []string
	name          string
}

func (c *clusterFlags) addClusterFlags(f *pflag.FlagSet) {
	f.StringVar(&c.cluster, "cluster", "", "with --data, the `NAME` of the cluster that processes like this one form, the same in all")
	f.StringVar(&c.clusterListen, "cluster-listen", "", "`HOST:PORT` for the other servers of the cluster")
	f.StringSliceVar(&c.routes, "routes", nil, "`URLS` of all servers of the cluster, joined by commas: nats-route://HOST:PORT of their --cluster-listen")
	f.StringVar(&c.name, "name", "", "`NAME` of this server of the cluster, its own, and the same after a restart")
}

// check refuses a cluster that is not told as a whole, and lets three of its
// servers keep the stream where nothing else was said.
func (c *clusterFlags) check(f *pflag.FlagSet, j *journalFlags) error {
	parts := []string{"name", "cluster-listen", "routes"}
	if !f.Changed("cluster") {
		for _, name := range parts {
			if f.Changed(name) {
				return usagef("--%s is of a cluster: give --cluster NAME too", name)
			}
		}
		return nil
	}
	switch {
	case c.cluster == "":
		return usagef("--cluster is empty: give all servers of the cluster the same name")
	case j.data == "":
		return usagef("--cluster needs --data FOLDER, where this server of the cluster keeps its share")
	}
	for _, name := range parts {
		if f.Lookup(name).Value.String() == "" || !f.Changed(name) {
			return usagef("--cluster needs --%s too", name)
		}
	}
	if !f.Changed("replicas") {
		j.replicas = 3
	}
	return nil
}

// startServer starts the embedded server and says what to do where it cannot.
func (o *serveFlags) startServer(cmd *cobra.Command) (*bus.Server, error) {
	opts := bus.Options{Listen: o.listen, Name: o.name, Data: o.data, SyncAlways: o.syncAlways(), SyncInterval: o.interval}
	if o.cluster != "" {
		opts.Cluster = &bus.Cluster{Name: o.cluster, Listen: o.clusterListen, Routes: o.routes}
	}
	server, err := bus.Start(opts)
	switch {
	case err == nil:
		warnIfOpen(cmd.ErrOrStderr(), o.listen)
		if o.cluster != "" {
			warnIfOpen(cmd.ErrOrStderr(), o.clusterListen)
		}
		return server, nil
	case o.cluster != "" || !errors.Is(err, syscall.EADDRINUSE):
		return nil, err
	case cmd.Flags().Changed("listen"):
		return nil, fmt.Errorf("--listen: %w", err)
	}
	return nil, fmt.Errorf(`%w
If "ckpt serve" runs there, a store is up already. If another NATS server does,
put a store on it with --nats nats://%s. Otherwise choose another address
with --listen HOST:PORT, or a free one with --listen 127.0.0.1:0`, err, o.listen)
}

// progressEvery is how often a start that waits says for what.
const progressEvery = time.Second

// waitCluster waits until the servers of the cluster have elected a leader. The
// first time, when none knows anything, that takes all of them.
func (c *clusterFlags) waitCluster(ctx context.Context, server *bus.Server, log *slog.Logger) error {
	if c.cluster == "" {
		return nil
	}
	for {
		wait, cancel := context.WithTimeout(ctx, progressEvery)
		err := server.WaitJetStream(wait)
		cancel()
		if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		log.Info("waiting for a leader: all servers must be there the first time, more than half later", "cluster", c.cluster, "routes", c.routes)
	}
}

// noPeers is what JetStream calls a cluster in which a new stream finds fewer
// servers than are to keep it.
const noPeers nats.ErrorCode = 10005

// tooFewServers reports whether a stream could not be made for want of servers.
func tooFewServers(err error) bool {
	var api *nats.APIError
	return errors.As(err, &api) && api.ErrorCode == noPeers
}

// warnIfOpen warns of a listen address that more than this machine can reach.
func warnIfOpen(w io.Writer, listen string) {
	if loopback(listen) {
		return
	}
	fmt.Fprintf(w, `Warning: %s can be reached from other machines, and there is no authentication:
whoever reaches it may read and write everything. To say who may, run a NATS
server with accounts and name it with --nats.
`, listen)
}

// loopback reports whether only this machine can reach the listen address.
func loopback(listen string) bool {
	host, _, _ := net.SplitHostPort(listen)
	return host == "" || host == "localhost" || net.ParseIP(host).IsLoopback()
}
