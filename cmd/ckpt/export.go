package main

import (
	"fmt"
	"io"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/cmd/ckpt/internal/transfer"
	"github.com/spf13/cobra"
)

type exportFlags struct {
	connection
	output string
}

func newExport() *cobra.Command {
	var o exportFlags
	cmd := &cobra.Command{
		Use:   "export [THREAD...]",
		Short: "Write threads to a file, for backup or for another store",
		Long: `Write all threads of a store, or those that are named, as JSON Lines to standard
output or to a file, for ckpt import to read. States, messages and records are
in it byte for byte, as msgpack in base64, and a checksum at the end.

Each thread is exported as it was at one moment, and the threads one after
another. A thread that is removed before its turn comes is left out; one that
changes all the time is told in the summary. A file gets its name when it is
complete.

Without --nats or --context it connects to ` + "nats://" + defaultListen + `.`,
		Example: `  ckpt export --output store.jsonl
  ckpt export support-42 support-43 --output two.jsonl
  ckpt export --nats nats://nats.internal:4222 | gzip > store.jsonl.gz`,
		Args: func(_ *cobra.Command, args []string) error {
			for _, thread := range args {
				if err := ckpt.CheckID(thread); err != nil {
					return usagef("thread %q %w", thread, err)
				}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	o.addFlags(cmd)
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "`FILE` to write, replaced if it is there (default standard output)")
	return cmd
}

func (o *exportFlags) run(cmd *cobra.Command, names []string) error {
	store, err := o.open(cmd)
	if err != nil {
		return err
	}
	defer store.close()
	var threads []string
	if len(names) > 0 {
		threads, err = transfer.Find(cmd.Context(), store.Client, names)
	} else {
		threads, err = transfer.List(cmd.Context(), store.Client, 0)
	}
	if err != nil {
		return err
	}
	if o.output == "" {
		return o.export(cmd, store, threads, cmd.OutOrStdout())
	}
	return replaceFile(o.output, func(w io.Writer) error { return o.export(cmd, store, threads, w) })
}

func (o *exportFlags) export(cmd *cobra.Command, store *opened, threads []string, w io.Writer) error {
	bar := newBar(cmd.ErrOrStderr(), len(threads), "threads exported")
	done, err := transfer.Export(cmd.Context(), store.Client, w, threads, transfer.ExportOptions{
		Store: store.setup, Prefix: o.prefix,
		Progress: func() { _ = bar.Add(1) }, // a bar that cannot be drawn is no reason to stop
	})
	_ = bar.Clear()
	if err != nil {
		return err
	}
	printExported(cmd.ErrOrStderr(), &done)
	return nil
}

// printExported prints the summary, which goes to standard error since the
// threads may go to standard output.
func printExported(w io.Writer, done *transfer.Exported) {
	fmt.Fprintf(w, "Exported %s in %s\n", counts(&done.Counts), done.Took.Round(time.Millisecond))
	if done.Gone > 0 {
		fmt.Fprintf(w, "%d threads were removed before their turn came and are not in it\n", done.Gone)
	}
	if n := len(done.Changed); n > 0 {
		fmt.Fprintf(w, "%d threads changed while they were read, what is in it of each is not of one moment: %s\n", n, transfer.Some(done.Changed))
	}
}

// counts tells what was written in words.
func counts(c *transfer.Counts) string {
	return fmt.Sprintf("%d threads with %d states, %d cached states and %d messages, %d bytes",
		c.Threads, c.States, c.Caches, c.Messages, c.Bytes)
}
