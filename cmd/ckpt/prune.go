package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/spf13/cobra"
)

type pruneFlags struct {
	connection
	olderThan time.Duration
	before    string
	owner     string
	metadata  []string
	pinned    bool
	dryRun    bool
	limit     int
}

func newPrune() *cobra.Command {
	var o pruneFlags
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove threads by age, user and metadata",
		Long: `Remove the threads that meet all of --older-than, --before, --owner and
--metadata that are given, of which one must be; those that have not changed for
longest first. Each is a change with its event. Pinned threads stay unless
--pinned is given. With --dry-run nothing is removed, and the counts are those of
what would be.

Without --nats or --context it connects to ` + "nats://" + defaultListen + `.`,
		Example: `  ckpt prune --older-than 720h --dry-run
  ckpt prune --older-than 720h --owner user-42
  ckpt prune --metadata team=support --before 2026-01-01T00:00:00Z --limit 1000`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	o.addFlags(cmd)
	f := cmd.Flags()
	f.DurationVar(&o.olderThan, "older-than", 0, "threads that have not changed for that long, such as 720h")
	f.StringVar(&o.before, "before", "", "threads whose latest change was before that `TIME`, such as 2026-01-31T12:00:00Z")
	f.StringVar(&o.owner, "owner", "", "threads that belong to that `USER`")
	f.StringArrayVar(&o.metadata, "metadata", nil, "threads whose record has that metadata, as `KEY=VALUE`: a value that is JSON is what it says, any other is text; repeat it for more")
	f.BoolVar(&o.pinned, "pinned", false, "remove pinned threads too")
	f.BoolVar(&o.dryRun, "dry-run", false, "only count")
	f.IntVar(&o.limit, "limit", 0, "how many threads to remove at the most; 0 is all")
	return cmd
}

func (o *pruneFlags) run(cmd *cobra.Command) error {
	opts, err := o.filters()
	if err != nil {
		return err
	}
	store, err := o.open(cmd)
	if err != nil {
		return err
	}
	defer store.close()
	var total ckpt.Removed
	for left := o.limit; ; {
		limit := left
		if !o.dryRun && (limit == 0 || limit > store.setup.Limits.Prune) {
			limit = store.setup.Limits.Prune
		}
		a, err := store.PruneThreads(cmd.Context(), append(opts, client.Limit(limit))...)
		total.Add(a.Removed)
		left -= a.Removed.Threads
		if err != nil || !a.HasMore || o.dryRun || o.limit > 0 && left <= 0 {
			o.print(cmd, &total, a.HasMore)
			return err
		}
	}
}

// filters returns the options of each request.
func (o *pruneFlags) filters() (opts []client.PruneThreadsOption, err error) {
	switch {
	case o.olderThan < 0:
		return nil, usagef("--older-than %v: want more than 0", o.olderThan)
	case o.limit < 0:
		return nil, usagef("--limit %d: want 0, for all, or more", o.limit)
	case o.olderThan == 0 && o.before == "" && o.owner == "" && len(o.metadata) == 0:
		return nil, usagef("every thread would go: give --older-than, --before, --owner or --metadata")
	}
	opts = []client.PruneThreadsOption{client.OlderThan(o.olderThan), client.User(o.owner), client.Pinned(o.pinned), client.DryRun(o.dryRun)}
	if o.before != "" {
		at, err := time.Parse(time.RFC3339, o.before)
		if err != nil {
			return nil, usagef("--before %q: want a time such as 2026-01-31T12:00:00Z", o.before)
		}
		opts = append(opts, client.UpdatedBefore(at))
	}
	metadata := client.Metadata{}
	for _, pair := range o.metadata {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, usagef("--metadata %q: want KEY=VALUE", pair)
		}
		var v any
		if json.Unmarshal([]byte(value), &v) != nil {
			v = value
		}
		metadata[key] = v
	}
	return append(opts, metadata), nil
}

func (o *pruneFlags) print(cmd *cobra.Command, n *ckpt.Removed, more bool) {
	verb := "Removed"
	if o.dryRun {
		verb = "Would remove"
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s %d threads with %d states, %d cached states, %d messages and %d records.\n",
		verb, n.Threads, n.States, n.Caches, n.Messages, n.Records)
	if more {
		fmt.Fprintln(cmd.OutOrStdout(), "There are more.")
	}
}
