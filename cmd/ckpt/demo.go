package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/cmd/ckpt/internal/replay"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
)

// demoReplicas is how many replicas the demo has.
const demoReplicas = 3

type demoFlags struct {
	data    string
	workers int
	rounds  int
}

func newDemo() *cobra.Command {
	var o demoFlags
	cmd := &cobra.Command{
		Use:   "demo [FILE...]",
		Short: "Restart replicas while agents work, and show that nothing is lost",
		Long: `Start a NATS server with JetStream and three replicas of a store on it, all in
this process. While workers play conversations through the store, each under a
lease of its thread, stop and start one replica after the other; let a worker die,
and another take over its conversation. Then let each replica serve alone and compare all
that was written with what it returns. The exit code tells whether nothing was
lost. It takes some seconds and leaves nothing behind.

The conversations are those of the files, in the formats of ckpt replay, or some
that are built in.`,
		Example: `  ckpt demo
  ckpt demo --rounds 10 --workers 16
  ckpt demo testdata/conversations/support.json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	f := cmd.Flags()
	f.StringVar(&o.data, "data", "", "keep the stream in this `FOLDER`, and leave it there (default one that is removed)")
	f.IntVar(&o.workers, "workers", 4, "how many conversations are played at once")
	f.IntVar(&o.rounds, "rounds", 2, "how often each replica is restarted")
	return cmd
}

func (o *demoFlags) run(cmd *cobra.Command, files []string) (err error) {
	switch {
	case o.workers < 1:
		return usagef("--workers %d: want 1 or more", o.workers)
	case o.rounds < 1:
		return usagef("--rounds %d: want 1 or more", o.rounds)
	}
	list := builtIn()
	if len(files) > 0 {
		if list, err = readAll(cmd.Context(), cmd.InOrStdin(), files); err != nil {
			return err
		}
	}
	data := o.data
	if data == "" {
		if data, err = os.MkdirTemp("", "ckpt-demo-"); err != nil {
			return err
		}
		defer os.RemoveAll(data)
	}
	server, err := bus.Start(bus.Options{Data: data})
	if err != nil {
		return err
	}
	defer server.Stop()
	return o.play(cmd, server, list)
}

// play plays the conversations on the server while the replicas are restarted,
// and reads all back.
func (o *demoFlags) play(cmd *cobra.Command, server *bus.Server, list []replay.Conversation) error {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	nc, err := nats.Connect(server.URL())
	if err != nil {
		return err
	}
	defer nc.Close()
	c, err := client.New[ckpt.Raw](nc)
	if err != nil {
		return err
	}
	defer c.Close()
	// That replicas leave and join is no trouble here: the log tells of errors only.
	f := &fleet{url: server.URL(), client: c, log: newLogger(cmd, slog.LevelError), replicas: make([]replica, demoReplicas)}
	defer f.stopAll()
	if err := f.startAll(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d replicas serve a store on %s.\n", demoReplicas, server.URL())

	l := &demoLoad{client: c, list: list, workers: o.workers, steps: make(chan int)}
	if err := l.playDuring(ctx, func(ctx context.Context) error { return f.roll(ctx, out, o.rounds, l.progress) }); err != nil {
		return err
	}
	n := l.takenOver()
	if n == 0 {
		return errors.New("a worker died, and no other took its conversation over")
	}
	fmt.Fprintf(out, "A worker died in the midst of a conversation; when its lease of %v had run out, another took the thread over and went on (%d in all).\n", demoLease, n)
	lost := 0
	for i := range f.replicas {
		if err := f.alone(ctx, i); err != nil {
			return err
		}
		failed, err := l.verify(ctx, out)
		if err != nil {
			return err
		}
		if lost += failed; failed == 0 {
			fmt.Fprintf(out, "Replica %d, alone, returns all of %d conversations.\n", i+1, len(l.runs)*len(list))
		}
	}
	if err := f.halt(ctx, demoReplicas-1); err != nil { // which was the last alone
		return err
	}
	f.print(out)
	if lost > 0 {
		fmt.Fprintln(out, "FAILED: not all that was written came back.")
		return errors.New("what came back is not what was sent")
	}
	fmt.Fprintf(out, "OK: nothing was lost: %d conversations with %d messages came back from each of %d replicas after %d restarts.\n",
		len(l.runs)*len(list), l.messages(), demoReplicas, o.rounds*demoReplicas)
	return nil
}
