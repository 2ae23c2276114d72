package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/ckptbus/ckpt"
	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // the command could not do its work, or a replay or an import found a difference
	exitUsage  = 2 // the command line makes no sense
)

// usageError is a command line that makes no sense.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run runs one command line and returns the exit code. It ends when ctx does.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	fmt.Fprintf(stderr, "ckpt: %s\n", strings.TrimPrefix(err.Error(), "ckpt: ")) // which errors of the store say too
	if errors.As(err, new(usageError)) {
		fmt.Fprintf(stderr, "Run '%s --help' for its flags and examples.\n", cmd.CommandPath())
		return exitUsage
	}
	return exitFailed
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "ckpt",
		Short: "The checkpoint store for AI agents on NATS",
		Long: `ckpt keeps what AI agents must not lose: the state, the messages and the
record of each thread, served over NATS.`,
		Example: `  ckpt demo                                 # three replicas, restarted while agents work
  ckpt serve                                # a store, with a NATS server of its own
  ckpt replay testdata/conversations/*.json # play conversations through a store and compare
  ckpt watch                                # see threads change
  ckpt export --output store.jsonl          # back a store up; ckpt import restores it
  ckpt info                                 # list the replicas and how they do`,
		Args:              func(_ *cobra.Command, args []string) error { return unknownCommand(args) },
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors:     true, // run prints them
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(newServe(), newReplay(), newWatch(), newExport(), newImport(), newInfo(), newPrune(), newStats(), newDemo(), newVersion())
	return root
}

func unknownCommand(args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usagef("unknown command %q", args[0])
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program and of its protocol",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "ckpt %s, protocol %d\n", ckpt.Version, ckpt.Protocol)
			return err
		},
	}
}

// noArgs refuses arguments as a usage error, which cobra's own check is not.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no arguments, got %q", cmd.Name(), args[0])
	}
	return nil
}

// newLogger returns the log of a command. It goes to standard error, so that
// standard output holds the command's results alone.
func newLogger(cmd *cobra.Command, level slog.Leveler) *slog.Logger {
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
}
