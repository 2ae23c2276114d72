package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
)

// Replicas on one NATS are one store, and info lists them all.
func TestInfoReplicas(t *testing.T) {
	t.Parallel()
	url := bustest.StartJetStream(t, bus.Options{}).URL()
	for range 3 {
		s := start(t, "serve", "--nats", url, "--journal", "jetstream", "--replicas", "1", "--storage", "memory")
		s.stdout.line(t, "jetstream, at position")
	}
	if _, err := dial(t, url).PutState(t.Context(), "t", ckpt.Raw{0x07}); err != nil {
		t.Fatal(err)
	}
	got := cli(t, "", "info", "--nats", url)
	if got.code != exitOK || strings.Count(got.stdout, "  yes\n") != 3 || got.stderr != "" {
		t.Errorf("%+v", got)
	}
	var replicas []ckpt.InfoReply
	got = cli(t, "", "info", "--nats", url, "--json")
	if err := json.Unmarshal([]byte(got.stdout), &replicas); err != nil || len(replicas) != 3 {
		t.Fatalf("%v in %+v", err, got)
	}
	for _, r := range replicas {
		if !r.Serving || r.Journal != "jetstream" || r.StoreID != replicas[0].StoreID {
			t.Errorf("%+v", r)
		}
	}
	// A stream that is there is not changed by what another replica was told.
	got = cli(t, "", "serve", "--nats", url, "--journal", "jetstream")
	if got.code != exitFailed || !strings.Contains(got.stderr, "memory storage, and this replica was told otherwise") {
		t.Errorf("%+v", got)
	}
}

func TestInfoWithoutStore(t *testing.T) {
	t.Parallel()
	got := cli(t, "", "info", "--nats", bustest.Start(t).URL())
	if got.code != exitFailed || got.stdout != "" || !strings.Contains(got.stderr, "no replica answered") {
		t.Errorf("%+v", got)
	}
}

func TestInfoTellsWhy(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := (&infoFlags{}).print(&out, []ckpt.InfoReply{{Replica: "r", Last: 7, Reason: "it is stopping"}})
	if err != nil || !strings.Contains(out.String(), "no: it is stopping\n") {
		t.Errorf("%v, %q", err, out.String())
	}
}
