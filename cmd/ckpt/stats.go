package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/spf13/cobra"
)

type statsFlags struct {
	connection
	json bool
	top  int
}

func newStats() *cobra.Command {
	var o statsFlags
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Count what a store holds and tell how fast it answers",
		Long: `Count the threads, messages and bytes of a store, list its largest threads and
users, and how often each operation was asked for and how long it took. The last
are those of the replica that answers, since its start.

Without --nats or --context it connects to ` + "nats://" + defaultListen + `.`,
		Example: `  ckpt stats
  ckpt stats --top 50
  ckpt stats --json | jq .largest`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	o.addFlags(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print one line of JSON")
	cmd.Flags().IntVar(&o.top, "top", 10, "how many of the largest threads and users to list")
	return cmd
}

func (o *statsFlags) run(cmd *cobra.Command) error {
	if o.top < 1 || o.top > ckpt.MaxTop {
		return usagef("--top %d: want 1 to %d", o.top, ckpt.MaxTop)
	}
	store, err := o.open(cmd)
	if err != nil {
		return err
	}
	defer store.close()
	s, err := store.Stats(cmd.Context(), client.Top(o.top))
	switch {
	case err != nil:
		return err
	case o.json:
		return json.NewEncoder(cmd.OutOrStdout()).Encode(&s)
	}
	return printStats(cmd.OutOrStdout(), &s)
}

// printStats prints tables, whose IDs come last, since they may have any length.
func printStats(w io.Writer, s *ckpt.StatsReply) error {
	fmt.Fprintf(w, "threads   %d\nmessages  %d\nbytes     %d, in %d of memory\nposition  %d, lag %d\nreplica   %s, up since %s\n",
		s.Threads, s.Messages, s.LiveBytes, s.HeldBytes, s.Revision, s.Lag(), cell(s.Replica), s.StartedAt.Local().Format(time.DateTime))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if len(s.Largest) > 0 {
		fmt.Fprintln(t, "\nBYTES\tMESSAGES\tTHREAD")
	}
	for i := range s.Largest {
		fmt.Fprintf(t, "%d\t%d\t%s\n", s.Largest[i].Bytes, s.Largest[i].Messages, cell(s.Largest[i].ThreadID))
	}
	if len(s.Users) > 0 {
		fmt.Fprintln(t, "\nBYTES\tMESSAGES\tTHREADS\tUSER")
	}
	for i := range s.Users {
		u := &s.Users[i]
		fmt.Fprintf(t, "%d\t%d\t%d\t%s\n", u.Bytes, u.Messages, u.Threads, cell(u.UserID))
	}
	if len(s.Operations) > 0 {
		fmt.Fprintln(t, "\nREQUESTS\tERRORS\tMEAN\tP50\tP99\tMAX\tOPERATION")
	}
	for i := range s.Operations {
		op := &s.Operations[i]
		fmt.Fprintf(t, "%d\t%d\t%v\t%v\t%v\t%v\t%s\n", op.Requests, op.Errors, op.Mean, op.P50, op.P99, op.Max, cell(op.Operation))
	}
	return t.Flush()
}
