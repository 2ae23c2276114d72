package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/spf13/cobra"
)

type watchFlags struct {
	connection
	json    bool
	since   string
	from    string
	name    string
	ofUser  string
	kinds   []string
	changes bool
}

func newWatch() *cobra.Command {
	var o watchFlags
	cmd := &cobra.Command{
		Use:   "watch [THREAD]",
		Short: "Print the changes of threads as they happen",
		Long: `Print the changes of all threads, or of the one that is named, one line for
each: time, thread, operation, revision, then the user and the messages where
there are any. What was missed on the way is fetched; what no replica has any more is
printed as a gap. Ends on Ctrl-C, and with an error where the connection is lost
for good.

With --since or --from it begins with what has changed since then. With --name the
store keeps how far it has come, and the next watch of that name goes on there.

Without --nats or --context it connects to ` + "nats://" + defaultListen + `.`,
		Example: `  ckpt watch
  ckpt watch support-42 --nats nats://nats.internal:4222
  ckpt watch --since 10m --kind messages.put --user-id ann
  ckpt watch --name indexer --changes --json | jq .change.messages`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("watch takes one thread at the most, got %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, strings.Join(args, "")) },
	}
	o.addFlags(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.json, "json", false, "print each event as one line of JSON")
	f.StringVar(&o.since, "since", "", "begin with the changes since `TIME`: a duration such as 10m, or 2006-01-02T15:04:05Z")
	f.StringVar(&o.from, "from", "", "begin behind `STORE:REVISION`")
	f.StringVar(&o.name, "name", "", "keep the position in the store under `NAME`, and go on there")
	f.StringVar(&o.ofUser, "user-id", "", "only changes of threads that belong to `USER`")
	f.StringSliceVar(&o.kinds, "kind", nil, "only changes of these `KINDS`, such as state.put")
	f.BoolVar(&o.changes, "changes", false, "with --json, print the change itself too")
	return cmd
}

func (o *watchFlags) run(cmd *cobra.Command, thread string) error {
	opts, err := o.watchOptions(thread)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
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
	events := c.Watch(ctx, opts...)
	fmt.Fprintf(cmd.ErrOrStderr(), "Watching %s on %s\n", o.subject(thread), nc.ConnectedUrlRedacted())
	for event, err := range events {
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if err := o.print(cmd.OutOrStdout(), event); err != nil {
			return err
		}
	}
	return nil
}

// watchOptions returns what the flags say.
func (o *watchFlags) watchOptions(thread string) ([]client.WatchOption, error) {
	if o.changes && !o.json {
		return nil, usagef("--changes prints the changes as JSON: give --json too")
	}
	if o.since != "" && o.from != "" {
		return nil, usagef("--since and --from both say where to begin: give one")
	}
	opts := []client.WatchOption{client.WithChanges(o.changes), client.User(o.ofUser), client.Kinds(o.kinds)}
	if thread != "" {
		opts = append(opts, client.Thread(thread))
	}
	if o.name != "" {
		opts = append(opts, client.Named(o.name))
	}
	if o.since != "" {
		at, err := time.Parse(time.RFC3339, o.since)
		if d, notDuration := time.ParseDuration(o.since); notDuration == nil && d >= 0 {
			at, err = time.Now().Add(-d), nil
		}
		if err != nil {
			return nil, usagef("--since %q: want a duration such as 10m, or a time such as 2006-01-02T15:04:05Z", o.since)
		}
		opts = append(opts, client.Since(at))
	}
	if o.from != "" {
		store, revision, _ := strings.Cut(o.from, ":")
		n, err := strconv.ParseUint(revision, 10, 64)
		if err != nil || store == "" {
			return nil, usagef("--from %q: want the store's ID and a revision, such as %s:42", o.from, "ab12")
		}
		opts = append(opts, client.From{StoreID: store, Revision: n})
	}
	return opts, nil
}

// subject returns the subject of the events that are watched.
func (o *watchFlags) subject(thread string) string {
	if thread == "" {
		return ckpt.EventsSubject(o.prefix)
	}
	return ckpt.EventSubject(o.prefix, thread)
}

// print prints one event.
func (o *watchFlags) print(w io.Writer, e ckpt.Event) error {
	if o.json {
		return json.NewEncoder(w).Encode(e)
	}
	_, err := fmt.Fprintln(w, line(e))
	return err
}

// timeFormat is the time of day in milliseconds, as exact as events are.
const timeFormat = "15:04:05.000"

// line returns an event as a line for people.
func line(e ckpt.Event) string {
	var b strings.Builder
	b.WriteString(e.At.Local().Format(timeFormat))
	if e.Kind == ckpt.KindGap {
		b.WriteString("  GAP: ")
		b.WriteString(gap(e))
		return b.String()
	}
	fmt.Fprintf(&b, "  %s  %s  revision %d", e.ThreadID, e.Kind, e.Revision)
	if e.UserID != "" {
		fmt.Fprintf(&b, "  user %s", e.UserID)
	}
	if len(e.MessageIDs) > 0 {
		fmt.Fprintf(&b, "  messages %s", joinIDs(e.MessageIDs))
	}
	return b.String()
}

// gap says what was missed.
func gap(e ckpt.Event) string {
	if e.ThreadID == "" {
		return "events of any thread may have been missed; read anew what matters"
	}
	return fmt.Sprintf("events of %s between revisions %d and %d were missed; read it anew", e.ThreadID, e.Previous, e.Revision)
}

// maxLineIDs is how many message IDs a line shows; with --json it is all.
const maxLineIDs = 8

func joinIDs(ids []ckpt.MessageID) string {
	text := make([]string, 0, maxLineIDs)
	for _, id := range ids[:min(len(ids), maxLineIDs)] {
		text = append(text, id.String())
	}
	if more := len(ids) - maxLineIDs; more > 0 {
		text = append(text, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(text, " ")
}
