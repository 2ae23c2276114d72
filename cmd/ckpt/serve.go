package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service"
	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
)

// defaultListen is where NATS clients look when they are told nothing.
const defaultListen = "127.0.0.1:4222"

// stopTimeout bounds the stop: requests that are under way take milliseconds,
// and a NATS that is gone must not hold the process for ever.
const stopTimeout = 20 * time.Second

// lostTimeout bounds the stop where NATS is gone when it begins.
const lostTimeout = time.Second

type serveFlags struct {
	connection
	journalFlags
	clusterFlags
	retentionFlags
	listen       string
	allowRelease bool
	eventRing    int // events that the service keeps
	history      int
	maxValue     byteSize // 0: the default
	maxUploads   int
}

func newServe() *cobra.Command {
	var o serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve a store",
		Long: `Serve a store until SIGINT or SIGTERM. The service runs on a NATS server inside
this process, unless --nats or --context names one that runs already.

Without more flags the store is in memory, and ends with the process.

With --data the changes are kept in files in that folder, and are there again
after a restart. With --sync always, which is the default, each write is on disk
before it is answered: it survives the loss of power, and waits for the disk.
With an interval, such as --sync 1s, writes are faster; what was answered
survives the end of the process, also by force, and the last interval is lost
with the power.

With --journal jetstream, on a NATS with JetStream, several of these commands
are replicas of one store: start as many as you like. --replicas tells how many
NATS servers keep the changes: of 3, one may be lost.

With --cluster, processes like this one are a NATS cluster by themselves, and
each serves. Start three, each with a --name and a folder of its own, and with the
addresses of all for the others, --routes. The first time they wait for all; from
then on one may be lost, since what is answered is with two of them.

With a journal, --log-level is info where it is not given, so that a long start
shows how far it has come.`,
		Example: `  ckpt serve
  ckpt serve --listen 127.0.0.1:0                # any free port
  ckpt serve --data /var/lib/ckpt                # keep it
  ckpt serve --nats nats://nats.internal:4222 --creds service.creds
  ckpt serve --context production --prefix team.ckpt
  ckpt serve --nats nats://nats.internal:4222 --journal jetstream --replicas 3
  ckpt serve --data /var/lib/ckpt --name a --listen 10.0.0.1:4222 --cluster ckpt --cluster-listen 10.0.0.1:6222 \
    --routes nats-route://10.0.0.1:6222,nats-route://10.0.0.2:6222,nats-route://10.0.0.3:6222`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	o.addFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", defaultListen, "`HOST:PORT` of the embedded NATS server; port 0 takes a free one")
	f.IntVar(&o.eventRing, "event-ring", service.DefaultEventRing, "keep the latest `N` events for watchers that missed some, at most 32 MiB")
	f.BoolVar(&o.allowRelease, "allow-release", false, "let a client empty the store")
	f.IntVar(&o.history, "history", 0, "keep the last `N` earlier states of each thread, to be read and restored")
	f.Var(&o.maxValue, "max-value", "the largest state or message, such as 100MiB; what is over one message of the bus travels in parts (default 64MiB)")
	f.IntVar(&o.maxUploads, "max-uploads", ckpt.DefaultUploads, "how many requests may come in parts at once, and replies go so: each takes up to --max-value of memory")
	o.addJournalFlags(f)
	o.addClusterFlags(f)
	o.addRetentionFlags(f)
	return cmd
}

func (o *serveFlags) run(cmd *cobra.Command) error {
	if o.chosen() && cmd.Flags().Changed("listen") {
		return usagef("--listen is for an embedded server and does not go with --nats or --context: give one")
	}
	if o.eventRing < 0 {
		return usagef("--event-ring is %d: want 0 or more", o.eventRing)
	}
	if err := o.clusterFlags.check(cmd.Flags(), &o.journalFlags); err != nil {
		return err
	}
	if err := o.journalFlags.check(cmd.Flags(), o.chosen()); err != nil {
		return err
	}
	if o.maxUploads < 1 {
		return usagef("--max-uploads %d: want 1 or more", o.maxUploads)
	}
	if err := o.retentionFlags.check(); err != nil {
		return err
	}
	embedded, err := o.embedded(cmd.Flags())
	if err != nil {
		return err
	}
	if o.replicated() && !cmd.Flags().Changed("log-level") {
		o.level = slog.LevelInfo
	}
	err = o.serve(cmd, newLogger(cmd, o.level), embedded)
	if errors.Is(err, errNotStarted) {
		fmt.Fprintln(cmd.OutOrStdout(), "Stopped before it served.")
		return nil
	}
	return err
}

// errNotStarted is the end of a start that was called off.
var errNotStarted = errors.New("called off")

func (o *serveFlags) serve(cmd *cobra.Command, log *slog.Logger, embedded bool) error {
	ctx := cmd.Context()
	if embedded {
		server, err := o.startServer(cmd)
		if err != nil {
			return err
		}
		defer server.Stop()
		o.url = server.URL()
		if err := o.waitCluster(ctx, server, log); err != nil {
			return calledOff(ctx, err)
		}
	}
	nc, err := o.connect(log)
	if err != nil {
		return err
	}
	defer nc.Close()
	svc, err := o.startService(ctx, nc, log)
	if err != nil {
		return calledOff(ctx, err)
	}
	o.printStarted(cmd.OutOrStdout(), nc, svc.StoreID(), embedded)
	if err := waitAndStop(ctx, nc, svc); err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), "Stopped; every request that came in was answered.")
	return nil
}

// calledOff returns errNotStarted in place of an error that came when the start
// was to end anyway.
func calledOff(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errNotStarted
	}
	return err
}

func (o *serveFlags) options(ctx context.Context, nc *nats.Conn, log *slog.Logger) []service.Option {
	opts := []service.Option{service.WithPrefix(o.prefix), service.WithLogger(log), service.WithStartContext(ctx),
		service.WithMaxValue(int(o.maxValue)), service.WithMaxUploads(o.maxUploads), service.WithEventRing(o.eventRing)}
	if inbox := nc.Opts.InboxPrefix; inbox != "" { // which callers here may share
		opts = append(opts, service.WithInboxPrefix(inbox+"."))
	}
	if o.history != 0 {
		opts = append(opts, service.WithHistory(o.history))
	}
	if o.allowRelease {
		opts = append(opts, service.AllowRelease())
	}
	opts = append(opts, o.retention()...)
	if o.replicated() {
		opts = append(opts, service.WithJetStream(o.stream()))
	}
	return opts
}

// startService starts the service. In a cluster of our own the stream is made
// when enough servers are there, so that is waited for.
func (o *serveFlags) startService(ctx context.Context, nc *nats.Conn, log *slog.Logger) (*service.Service, error) {
	opts := o.options(ctx, nc, log)
	for {
		svc, err := service.Start(nc, opts...)
		if o.cluster == "" || !tooFewServers(err) || ctx.Err() != nil {
			return svc, err
		}
		log.Info("waiting for more servers to keep the journal", "cluster", o.cluster, "replicas", o.replicas)
		select {
		case <-time.After(progressEvery):
		case <-ctx.Done():
		}
	}
}

// waitAndStop waits until ctx ends and stops the service then; that a service
// stops by itself is an error.
func waitAndStop(ctx context.Context, nc *nats.Conn, svc *service.Service) error {
	select {
	case <-ctx.Done():
	case <-svc.Done():
		if err := svc.Err(); err != nil {
			return fmt.Errorf("the service stopped by itself: %w", err)
		}
		return errors.New("the service stopped by itself")
	}
	timeout := stopTimeout
	if !nc.IsConnected() { // no answer would leave
		timeout = lostTimeout
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	if err := svc.Stop(ctx); err != nil {
		if !nc.IsConnected() {
			return fmt.Errorf("stop: NATS is gone, and what was under way is not answered: %w", err)
		}
		return fmt.Errorf("stop: %w", err)
	}
	return nil
}

// printStarted says where the store is and what to try next.
func (o *serveFlags) printStarted(w io.Writer, nc *nats.Conn, storeID string, embedded bool) {
	where := "a NATS that runs already"
	if embedded {
		where = "embedded, without authentication"
	}
	flags := o.args(nc)
	fmt.Fprintf(w, `%s
  NATS     %s (%s)
  prefix   %s
  store    %s
  journal  %s

Try next, in another terminal:
  %s watch %s
  %s replay %s %s

Ctrl-C stops it.
`, o.durability(), nc.ConnectedUrlRedacted(), where, o.prefix, storeID, o.position(nc, o.prefix),
		self(), flags, self(), sample(), flags)
}
