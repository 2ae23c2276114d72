package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/spf13/cobra"
)

type infoFlags struct {
	connection
	json bool
	wait time.Duration
}

func newInfo() *cobra.Command {
	var o infoFlags
	cmd := &cobra.Command{
		Use:   "info",
		Short: "List the replicas of a store and how they do",
		Long: `List the replicas of a store, one line for each: its ID, version, journal and
store, the position up to which it has applied the journal, how many changes it
lags behind, its threads, the requests that it answered, since when it is up,
and whether it serves. Warns where the replicas hold different stores. Fails
where none answers.

Without --nats or --context it connects to ` + "nats://" + defaultListen + `.`,
		Example: `  ckpt info
  ckpt info --nats nats://nats.internal:4222 --wait 2s
  ckpt info --json | jq 'select(.serving | not)'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	o.addFlags(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print each replica as one line of JSON")
	cmd.Flags().DurationVar(&o.wait, "wait", client.DefaultQuiet, "how long to wait for one more replica after the latest")
	return cmd
}

func (o *infoFlags) run(cmd *cobra.Command) error {
	if o.wait <= 0 {
		return usagef("--wait %v: want more than 0", o.wait)
	}
	nc, err := o.connect(newLogger(cmd, o.level))
	if err != nil {
		return err
	}
	defer nc.Close()
	c, err := client.New[ckpt.Raw](nc, client.WithPrefix(o.prefix))
	if err != nil {
		return err
	}
	defer c.Close()
	replicas, failed := c.Info(cmd.Context(), client.Quiet(o.wait))
	if err := o.print(cmd.OutOrStdout(), replicas); err != nil {
		return err
	}
	warnIfSplit(cmd.ErrOrStderr(), replicas)
	return failed
}

func (o *infoFlags) print(w io.Writer, replicas []ckpt.InfoReply) error {
	if !o.json {
		return printReplicas(w, replicas)
	}
	e := json.NewEncoder(w)
	for i := range replicas {
		if err := e.Encode(&replicas[i]); err != nil {
			return err
		}
	}
	return nil
}

// printReplicas prints a table, whose last column alone may have any length.
func printReplicas(w io.Writer, replicas []ckpt.InfoReply) error {
	if len(replicas) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "REPLICA\tVERSION\tJOURNAL\tSTORE\tPOSITION\tLAG\tTHREADS\tREQUESTS\tUP SINCE\tSERVING")
	for i := range replicas {
		r := &replicas[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\n", cell(r.Replica), cell(r.Version), cell(r.Journal), cell(r.StoreID),
			r.Revision, r.Lag(), r.Threads, r.Requests, r.StartedAt.Local().Format(time.DateTime), serving(r))
	}
	return t.Flush()
}

func serving(r *ckpt.InfoReply) string {
	switch {
	case r.Serving:
		return "yes"
	case r.Reason == "":
		return "no"
	}
	return "no: " + cell(r.Reason)
}

// cell returns a text of a replica's that can stand in the table: it is
// whatever answers on the subject, and a terminal obeys control characters.
func cell(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, s)
}

// warnIfSplit warns of replicas that do not hold the same data.
func warnIfSplit(w io.Writer, replicas []ckpt.InfoReply) {
	var stores []string
	for _, r := range replicas {
		stores = append(stores, strconv.Quote(r.StoreID))
	}
	slices.Sort(stores)
	if stores = slices.Compact(stores); len(stores) > 1 {
		fmt.Fprintf(w, `Warning: the replicas hold %d different stores, %s:
each answers from data of its own. Stop those that do not belong here.
`, len(stores), strings.Join(stores, ", "))
	}
}
