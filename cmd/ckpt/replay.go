package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/cmd/ckpt/internal/replay"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/service"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
)

type replayFlags struct {
	connection
	workers int
	threads string
	json    bool
}

func newReplay() *cobra.Command {
	var o replayFlags
	cmd := &cobra.Command{
		Use:   "replay [FILE...]",
		Short: "Play recorded conversations through a store and check what comes back",
		Long: `Play recorded conversations through a store as agent workers do: after each
step put the step's messages and the state into the cache, at the end the state
and the thread's record, all under a lease of the thread. Where another worker has
it, wait; where that one has died, go on from where it came to. Then read everything back, compare it byte for byte
with what was sent, and print how long each operation took. The exit code tells
whether all came back.

A file is a JSON array or JSONL of conversations: objects that hold their
messages under traj or messages, or arrays of messages, in OpenAI's chat
format. Without a file, or for -, conversations are read from standard input.

The store is one of its own, gone afterwards, unless --nats or --context names a
NATS on which one is served; what was played stays there.`,
		Example: `  ckpt replay testdata/conversations/support.json
  ckpt replay --workers 8 --nats nats://127.0.0.1:4222 *.jsonl
  zcat conversations.jsonl.gz | ckpt replay --json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	o.addFlags(cmd)
	f := cmd.Flags()
	f.IntVar(&o.workers, "workers", 4, "how many conversations are played at once")
	f.StringVar(&o.threads, "thread-prefix", "", "what the thread IDs begin with; played again with the same one, "+
		"conversations replace themselves (default replay- and a random name)")
	f.BoolVar(&o.json, "json", false, "print the report as JSON")
	return cmd
}

func (o *replayFlags) run(cmd *cobra.Command, files []string) error {
	if o.workers < 1 {
		return usagef("--workers %d: want 1 or more", o.workers)
	}
	if o.threads == "" {
		o.threads = "replay-" + uuid.NewString()[:8]
	}
	if err := ckpt.CheckID(o.threads); err != nil {
		return usagef("--thread-prefix %w", err)
	}
	embedded, err := o.embedded(cmd.Flags())
	if err != nil {
		return err
	}
	list, err := readAll(cmd.Context(), cmd.InOrStdin(), files)
	if err != nil {
		return err
	}
	if embedded {
		stop, err := o.startStore(cmd)
		if err != nil {
			return err
		}
		defer stop()
	}
	nc, err := o.connect(newLogger(cmd, o.level))
	if err != nil {
		return err
	}
	defer nc.Close()
	return o.replay(cmd, nc, list)
}

// startStore starts a store of the command's own and returns how to stop it.
func (o *replayFlags) startStore(cmd *cobra.Command) (func(), error) {
	server, err := bus.Start(bus.Options{})
	if err != nil {
		return nil, err
	}
	o.url = server.URL()
	log := newLogger(cmd, o.level)
	nc, err := o.connect(log)
	if err != nil {
		server.Stop()
		return nil, err
	}
	svc, err := service.Start(nc, service.WithPrefix(o.prefix), service.WithLogger(log))
	if err != nil {
		nc.Close()
		server.Stop()
		return nil, err
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), stopTimeout)
		defer cancel()
		_ = svc.Stop(ctx) // nothing is under way, and the store ends here
		nc.Close()
		server.Stop()
	}, nil
}

// replay plays the conversations, reads them back and prints the report, even
// where it ends early.
func (o *replayFlags) replay(cmd *cobra.Command, nc *nats.Conn, list []replay.Conversation) error {
	ctx := cmd.Context()
	c, err := client.New[ckpt.Raw](nc, client.WithPrefix(o.prefix))
	if err != nil {
		return err
	}
	defer c.Close()
	bar := newBar(cmd.ErrOrStderr(), steps(list), "messages played, read back")
	run, err := o.prepare(ctx, c, list, replay.Options{
		Workers: o.workers, Threads: o.threads,
		Progress: func(n int) { _ = bar.Add(n) }, // a bar that cannot be drawn is no reason to stop
	})
	if err != nil {
		return err
	}
	err = run.Play(ctx)
	if err == nil {
		err = run.Verify(ctx)
	}
	_ = bar.Clear()
	report := run.Report()
	if printErr := o.print(cmd.OutOrStdout(), &report); printErr != nil {
		return printErr
	}
	switch {
	case err != nil:
		return err
	case report.Mismatches > 0:
		return errors.New("what came back is not what was sent")
	case !report.OK():
		return errors.New("not everything could be played and read back")
	}
	return nil
}

func (o *replayFlags) prepare(ctx context.Context, c *client.Client[ckpt.Raw], list []replay.Conversation, ro replay.Options) (*replay.Run, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	run, err := replay.Start(ctx, c, list, ro)
	return run, o.explain(err)
}

func (o *replayFlags) print(w io.Writer, report *replay.Report) error {
	if o.json {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(report)
	}
	return report.Print(w)
}

// steps returns how many steps a replay has: each message is played and read
// back.
func steps(list []replay.Conversation) (n int) {
	for i := range list {
		n += 2 * len(list[i].Messages)
	}
	return n
}
