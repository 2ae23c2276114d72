package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
)

func TestStats(t *testing.T) {
	t.Parallel()
	_, url := serve(t)
	c := dial(t, url)
	if _, err := c.PutMessages(t.Context(), "large", []ckpt.Message{ckpt.TextMessage(ckpt.RoleUser, strings.Repeat("x", 1000))}, client.User("ann")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PutState(t.Context(), "small", ckpt.Raw{1}); err != nil {
		t.Fatal(err)
	}
	got := cli(t, "", "stats", "--nats", url)
	for _, want := range []string{"threads   2\n", "messages  1\n", "  large\n", "  small\n", "  ann\n", "  messages.put\n", "position  2, lag 0\n"} {
		if got.code != exitOK || got.stderr != "" || !strings.Contains(got.stdout, want) {
			t.Errorf("%+v lacks %q", got, want)
		}
	}
	got = cli(t, "", "stats", "--nats", url, "--json", "--top", "1")
	var s ckpt.StatsReply
	if err := json.Unmarshal([]byte(got.stdout), &s); err != nil || len(s.Largest) != 1 || s.Largest[0].ThreadID != "large" || s.Largest[0].Bytes < 1000 || s.Threads != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}
