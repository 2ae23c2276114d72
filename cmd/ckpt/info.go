package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/spf13/cobra"
)

type infoFlags struct {
	connection
	json bool
}

func newInfo() *cobra.Command {
	var o infoFlags
	cmd := &cobra.Command{
		Use:   "info",
		Short: "Print how the replicas of a store do",
		Long: `Ask all replicas of a store how they do, and print one line for each: its
position in the journal, how many changes it is behind, how many requests it
answered, how many threads it holds, since when it runs and, where it does not
serve, why. The exit code tells whether all serve.

Without --nats or --context it connects to ` + "nats://" + defaultListen + `.`,
		Example: `  ckpt info
  ckpt info --nats nats://nats.internal:4222 --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	o.addFlags(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print the replies as JSON")
	return cmd
}

func (o *infoFlags) run(cmd *cobra.Command) error {
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
	replicas, err := c.Info(cmd.Context())
	if printErr := o.print(cmd.OutOrStdout(), replicas); printErr != nil {
		return printErr
	}
	if err != nil {
		return err
	}
	for i := range replicas {
		if !replicas[i].Serving {
			return errors.New("not all replicas serve")
		}
	}
	return nil
}

func (o *infoFlags) print(w io.Writer, replicas []ckpt.InfoReply) error {
	if len(replicas) == 0 {
		return nil
	}
	if o.json {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(replicas)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "replica\tversion\tjournal\tposition\tlag\trequests\tthreads\tsince\tserving")
	for i := range replicas {
		r := &replicas[i]
		serving := "yes"
		if !r.Serving {
			serving = "no: " + r.Reason
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\n", r.Replica, r.Version, r.Journal, r.Revision, r.Lag(),
			r.Requests, r.Threads, r.StartedAt.Local().Format(time.DateTime), serving)
	}
	return tw.Flush()
}
