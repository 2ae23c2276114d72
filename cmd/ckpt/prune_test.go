package main

import (
	"strings"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
)

func TestPrune(t *testing.T) {
	t.Parallel()
	_, url := serve(t)
	c := dial(t, url)
	for id, metadata := range map[string]map[string]any{"a": {"team": "x", "n": 1}, "b": {"team": "x", "n": "1"}, "c": {"team": "y"}} {
		if _, err := c.PutThread(t.Context(), ckpt.ThreadInfo{ThreadID: id, UserID: "ann", Metadata: metadata}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.RetainThread(t.Context(), "c", client.Pinned(true)); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour).Format(time.RFC3339)
	for _, test := range []struct{ args, want string }{
		{"--older-than 1h", "Removed 0 threads"},
		{"--owner ann --dry-run", "Would remove 2 threads with 0 states, 0 cached states, 0 messages and 2 records."},
		{"--owner ann --dry-run --limit 1", "Would remove 1 threads with 0 states, 0 cached states, 0 messages and 1 records.\nThere are more."},
		{"--pinned --dry-run --before " + later, "Would remove 3 threads"},
		{"--metadata n=2", "Removed 0 threads"},
		{"--metadata n=1 --metadata team=x", "Removed 1 threads"},
		{"--metadata n=\"1\" --limit 5", "Removed 1 threads"},
		{"--owner ann", "Removed 0 threads"},
	} {
		got := cli(t, "", append([]string{"prune", "--nats", url}, strings.Fields(test.args)...)...)
		if got.code != exitOK || !strings.HasPrefix(got.stdout, test.want) || got.stderr != "" {
			t.Errorf("prune %s: %+v, want %q", test.args, got, test.want)
		}
	}
	if list, err := c.ListThreads(t.Context()); err != nil || len(list.Items) != 1 || list.Items[0].ThreadID != "c" {
		t.Errorf("left: %+v, %v", list.Items, err)
	}
}
