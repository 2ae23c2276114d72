package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ckptbus/ckpt/cmd/ckpt/internal/transfer"
	"github.com/spf13/cobra"
)

type importFlags struct {
	connection
	workers        int
	replace, merge bool
	verify         bool
}

func newImport() *cobra.Command {
	var o importFlags
	cmd := &cobra.Command{
		Use:   "import [FILE...]",
		Short: "Put threads from files of ckpt export into a store",
		Long: `Put the threads from files that ckpt export wrote into a store, read them back
and compare byte for byte. Without a file, or for -, the export is read from
standard input, which is copied to a temporary file first.

Every file is checked to its end before anything is written: one that was cut
off or altered, or that the store cannot hold, is refused. So are files with
threads that are there already, unless --replace or --merge says what to do with
them. An import that is interrupted names the threads that it did not finish.

Without --nats or --context it connects to ` + "nats://" + defaultListen + `.`,
		Example: `  ckpt import store.jsonl
  ckpt import --replace --workers 16 store.jsonl --nats nats://nats.internal:4222
  zcat store.jsonl.gz | ckpt import --prefix team.ckpt`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	o.addFlags(cmd)
	f := cmd.Flags()
	f.IntVar(&o.workers, "workers", 4, "how many threads are written at once; with 1 they are created in the order of the file")
	f.BoolVar(&o.replace, "replace", false, "remove threads that are there already before they are written")
	f.BoolVar(&o.merge, "merge", false, "write over threads that are there already and keep what the file does not have")
	f.BoolVar(&o.verify, "verify", true, "read each thread back and compare")
	return cmd
}

func (o *importFlags) mode() transfer.Mode {
	switch {
	case o.replace:
		return transfer.Replace
	case o.merge:
		return transfer.Merge
	}
	return transfer.Refuse
}

func (o *importFlags) run(cmd *cobra.Command, names []string) error {
	if o.workers < 1 {
		return usagef("--workers %d: want 1 or more", o.workers)
	}
	if o.replace && o.merge {
		return usagef("--replace and --merge both say what to do with threads that are there: give one")
	}
	if len(names) == 0 {
		names = []string{"-"}
	}
	store, err := o.open(cmd)
	if err != nil {
		return err
	}
	defer store.close()
	var files []*transfer.File
	lines := 0
	for _, name := range names {
		in, title, err := openInput(cmd.Context(), cmd.InOrStdin(), name)
		if err != nil {
			return err
		}
		defer in.Close()
		f, err := transfer.Check(cmd.Context(), title, in, store.setup.Limits)
		if err != nil {
			return err
		}
		files = append(files, f)
		lines += f.Lines()
	}
	if o.verify {
		lines *= 2
	}
	return o.load(cmd, store, files, lines)
}

func (o *importFlags) load(cmd *cobra.Command, store *opened, files []*transfer.File, lines int) error {
	bar := newBar(cmd.ErrOrStderr(), lines, "values written, read back")
	done, err := transfer.Import(cmd.Context(), store.Client, files, transfer.ImportOptions{
		Limits: store.setup.Limits, Workers: o.workers, Mode: o.mode(), Verify: o.verify,
		Progress: func(n int) { _ = bar.Add(n) }, // a bar that cannot be drawn is no reason to stop
	})
	_ = bar.Clear()
	printImported(cmd.OutOrStdout(), &done, o.verify)
	switch {
	case err != nil:
		return err
	case done.Differ > 0:
		return errors.New("what came back is not what was written")
	case !done.OK():
		return errors.New("not everything could be written and read back")
	}
	return nil
}

// printImported prints the summary, which tells what is in the store now also
// where the import ended early.
func printImported(w io.Writer, done *transfer.Imported, verify bool) {
	fmt.Fprintf(w, "Imported %s in %s", counts(&done.Counts), done.Took.Round(time.Millisecond))
	if verify {
		fmt.Fprintf(w, "; %d threads read back and found the same", done.Verified)
	}
	fmt.Fprintln(w)
	if done.Expired > 0 {
		fmt.Fprintf(w, "%d cached states have expired and were left out, with %d threads that held nothing else\n", done.Expired, done.Skipped)
	}
	for _, failure := range done.Failures {
		fmt.Fprintf(w, "  %s\n", failure)
	}
	if more := done.Failed + done.Differ - len(done.Failures); more > 0 {
		fmt.Fprintf(w, "  and %d more\n", more)
	}
	if n := len(done.Unfinished); n > 0 {
		fmt.Fprintf(w, "%d threads are unfinished: %s; import again with --replace or --merge\n", n, transfer.Some(done.Unfinished))
	}
}
