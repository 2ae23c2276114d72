package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/nats-io/nats.go"
)

func TestInfo(t *testing.T) {
	t.Parallel()
	_, url := serve(t)
	c := dial(t, url)
	for range 3 {
		if _, err := c.PutState(t.Context(), "t", ckpt.Raw{1}); err != nil {
			t.Fatal(err)
		}
	}
	got := cli(t, "", "info", "--nats", url, "--wait", "20ms", "--json")
	var a ckpt.InfoReply
	if err := json.Unmarshal([]byte(got.stdout), &a); err != nil || got.code != exitOK || got.stderr != "" {
		t.Fatalf("%+v: %v", got, err)
	}
	if a.Revision != 3 || a.Last != 3 || a.Threads != 1 || !a.Serving || a.StoreID == "" || a.Replica == "" || a.StartedAt.IsZero() || a.Requests < 3 {
		t.Errorf("%+v", a)
	}
	got = cli(t, "", "info", "--nats", url, "--wait", "20ms")
	lines := strings.Split(got.stdout, "\n")
	if got.code != exitOK || got.stderr != "" || len(lines) != 3 || !strings.HasPrefix(lines[0], "REPLICA ") {
		t.Fatalf("%+v", got)
	}
	fields := strings.Fields(lines[1])
	if len(fields) != 11 || fields[0] != a.Replica || fields[3] != a.StoreID || fields[4] != "3" || fields[5] != "0" || fields[10] != "yes" {
		t.Errorf("fields %q", fields)
	}
}

// Replicas that disagree, answered by hand.
func TestInfoOfSeveral(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	at := time.Date(2025, 4, 1, 12, 30, 5, 0, time.Local)
	reply := func(r ckpt.InfoReply) {
		t.Helper()
		r.Version, r.Journal, r.StartedAt = "0.1.0", "local", at
		b, err := ckpt.Append(nil, &r)
		if err != nil {
			t.Fatal(err)
		}
		nc := bustest.Connect(t, srv)
		if _, err := nc.Subscribe("ckpt.info", func(m *nats.Msg) { _ = m.Respond(b) }); err != nil {
			t.Fatal(err)
		}
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	reply(ckpt.InfoReply{Reply: ckpt.Reply{Revision: 7, StoreID: "S1"}, Replica: "R2", Last: 9, Reason: "it lags\x1b[2J\tfar"})
	reply(ckpt.InfoReply{Reply: ckpt.Reply{Revision: 9, StoreID: "S2"}, Replica: "R1", Last: 9, Serving: true, Requests: 12, Threads: 3})
	got := cli(t, "", "info", "--nats", srv.URL(), "--wait", "1s")
	want := `REPLICA  VERSION  JOURNAL  STORE  POSITION  LAG  THREADS  REQUESTS  UP SINCE             SERVING
R1       0.1.0    local    S2     9         0    3        12        2025-04-01 12:30:05  yes
R2       0.1.0    local    S1     7         2    0        0         2025-04-01 12:30:05  no: it lags [2J far
`
	if got.code != exitOK || got.stdout != want || !strings.Contains(got.stderr, `Warning: the replicas hold 2 different stores, "S1", "S2"`) {
		t.Errorf("%+v, want\n%s", got, want)
	}
	got = cli(t, "", "info", "--nats", srv.URL(), "--wait", "1s", "--json")
	if lines := strings.Split(got.stdout, "\n"); len(lines) != 3 || !strings.Contains(lines[0], `"replica":"R1"`) || !strings.Contains(got.stderr, "Warning: ") {
		t.Errorf("%+v", got)
	}
}

func TestInfoOfNobody(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	if got := cli(t, "", "info", "--nats", srv.URL()); got.code != exitFailed || got.stdout != "" || !strings.Contains(got.stderr, "ckpt: UNAVAILABLE") {
		t.Errorf("%+v", got)
	}
}
