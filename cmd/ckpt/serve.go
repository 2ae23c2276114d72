package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/service"
	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
)

// defaultListen is where NATS clients look when they are told nothing.
const defaultListen = "127.0.0.1:4222"

// stopTimeout bounds the stop: requests that are under way take milliseconds,
// and a NATS that is gone must not hold the process for ever.
const stopTimeout = 20 * time.Second

type serveFlags struct {
	connection
	listen       string
	allowRelease bool
}

func newServe() *cobra.Command {
	var o serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve a store",
		Long: `Serve a store from memory until SIGINT or SIGTERM.

The service runs on a NATS server inside this process, unless --nats or
--context names one that runs already. What is stored ends with the process.`,
		Example: `  ckpt serve
  ckpt serve --listen 127.0.0.1:0                # any free port
  ckpt serve --nats nats://nats.internal:4222 --creds service.creds
  ckpt serve --context production --prefix team.ckpt`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	o.addFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", defaultListen, "`HOST:PORT` of the embedded NATS server; port 0 takes a free one")
	f.BoolVar(&o.allowRelease, "allow-release", false, "let a client empty the store")
	return cmd
}

func (o *serveFlags) run(cmd *cobra.Command) error {
	if o.chosen() && cmd.Flags().Changed("listen") {
		return usagef("--listen is for an embedded server and does not go with --nats or --context: give one")
	}
	embedded, err := o.embedded(cmd.Flags())
	if err != nil {
		return err
	}
	log := newLogger(cmd, o.level)
	if embedded {
		server, err := o.startServer(cmd)
		if err != nil {
			return err
		}
		defer server.Stop()
		o.url = server.URL()
	}
	nc, err := o.connect(log)
	if err != nil {
		return err
	}
	defer nc.Close()
	svc, err := service.Start(nc, o.options(nc, log)...)
	if err != nil {
		return err
	}
	o.printStarted(cmd.OutOrStdout(), nc, svc.StoreID(), embedded)
	if err := waitAndStop(cmd.Context(), svc); err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), "Stopped; every request that came in was answered.")
	return nil
}

func (o *serveFlags) options(nc *nats.Conn, log *slog.Logger) []service.Option {
	opts := []service.Option{service.WithPrefix(o.prefix), service.WithLogger(log)}
	if inbox := nc.Opts.InboxPrefix; inbox != "" { // which callers here may share
		opts = append(opts, service.WithInboxPrefix(inbox+"."))
	}
	if o.allowRelease {
		opts = append(opts, service.AllowRelease())
	}
	return opts
}

// startServer starts the embedded server and says what to do where it cannot.
func (o *serveFlags) startServer(cmd *cobra.Command) (*bus.Server, error) {
	server, err := bus.Start(bus.Options{Listen: o.listen})
	if err != nil && !cmd.Flags().Changed("listen") {
		return nil, fmt.Errorf(`%w
If "ckpt serve" runs there, a store is up already. If another NATS server does,
put a store on it with --nats nats://%s. Otherwise choose another address
with --listen HOST:PORT, or a free one with --listen 127.0.0.1:0`, err, o.listen)
	}
	if err != nil {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	warnIfOpen(cmd.ErrOrStderr(), o.listen)
	return server, nil
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

// waitAndStop waits until ctx ends and stops the service then; that a service
// stops by itself is an error.
func waitAndStop(ctx context.Context, svc *service.Service) error {
	select {
	case <-ctx.Done():
	case <-svc.Done():
		if err := svc.Err(); err != nil {
			return fmt.Errorf("the service stopped by itself: %w", err)
		}
		return errors.New("the service stopped by itself")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := svc.Stop(ctx); err != nil {
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
	fmt.Fprintf(w, `Serving from memory.
  NATS    %s (%s)
  prefix  %s
  store   %s

Try next, in another terminal:
  %s watch %s
  %s replay %s %s

Ctrl-C stops it.
`, nc.ConnectedUrlRedacted(), where, o.prefix, storeID, self(), flags, self(), sample(), flags)
}
