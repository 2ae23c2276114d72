package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/cmd/ckpt/internal/replay"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/nats-io/nats.go"
)

const samples = "../../testdata/conversations/"

const (
	verdictSupport = "OK: 5 of 5 conversations with 49 messages read back, "
	verdictGarden  = "OK: 3 of 3 conversations with 15 messages read back, "
	verdictBoth    = "OK: 8 of 8 conversations with 64 messages read back, "
)

func TestReplay(t *testing.T) {
	t.Parallel()
	garden, err := os.ReadFile(samples + "garden.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	_, url := serve(t, "--thread-ttl", "1h", "--history", "3") // which the records tell of
	for name, test := range map[string]struct {
		stdin string
		args  []string
		want  string
	}{
		"array":           {"", []string{samples + "support.json"}, verdictSupport},
		"JSONL":           {"", []string{samples + "garden.jsonl", "--workers", "1"}, verdictGarden},
		"standard input":  {string(garden), nil, verdictGarden},
		"a dash":          {string(garden), []string{samples + "support.json", "-"}, verdictBoth},
		"running service": {"", []string{samples + "support.json", samples + "garden.jsonl", "--nats", url}, verdictBoth},
		"prefix":          {"", []string{samples + "support.json", "--prefix", "a.b"}, verdictSupport},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := cli(t, test.stdin, append([]string{"replay"}, test.args...)...)
			if got.code != exitOK || got.stderr != "" || !strings.Contains(got.stdout, test.want) {
				t.Errorf("want %q, got %+v", test.want, got)
			}
			for _, op := range []string{"messages.put", "cache.put", "state.put", "threads.put", "leases.acquire", "leases.release", "state.get", "cache.get", "messages.list", "threads.get"} {
				if !strings.Contains(got.stdout, op+" ") {
					t.Errorf("the table has no %s", op)
				}
			}
		})
	}
}

func TestReplayJSON(t *testing.T) {
	t.Parallel()
	got := cli(t, "", "replay", samples+"support.json", "--json")
	var report replay.Report
	if err := json.Unmarshal([]byte(got.stdout), &report); err != nil || got.code != exitOK {
		t.Fatalf("%v in %+v", err, got)
	}
	if report.Messages != 49 || report.Bytes == 0 || len(report.Operations) != 10 || !report.OK() {
		t.Errorf("%+v", report)
	}
}

// A replay leaves what it played on the service that it was played to, and
// does not meet what another one left.
func TestReplayThreads(t *testing.T) {
	t.Parallel()
	_, url := serve(t)
	for _, threads := range []string{"mine", "mine", "", ""} {
		args := []string{"replay", samples + "garden.jsonl", "--nats", url}
		if threads != "" {
			args = append(args, "--thread-prefix", threads)
		}
		if got := cli(t, "", args...); got.code != exitOK {
			t.Fatalf("%+v", got)
		}
	}
	c := dial(t, url)
	threads, err := c.ListThreads(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(threads.Items) != 9 { // mine, which replaced itself, and two with names of their own
		t.Errorf("%d threads, want 9", len(threads.Items))
	}
	got, err := c.GetThread(t.Context(), "mine-1")
	if err != nil {
		t.Fatal(err)
	}
	info := got.Value
	if info.UserID != "tomas" || info.Metadata["source"] != "garden.jsonl" || info.ThreadName != "What grows here?" {
		t.Errorf("%+v", info)
	}
}

// A replay waits for the threads that other workers have, and goes on with those of
// one that died from where it came to.
func TestReplayTakesOver(t *testing.T) {
	t.Parallel()
	_, url := serve(t)
	c := dial(t, url)
	for _, thread := range []string{"mine-1", "mine-3"} { // of one that left nothing behind
		if _, err := c.AcquireLease(t.Context(), thread, "dead", 4*time.Second, client.User("tomas")); err != nil {
			t.Fatal(err)
		}
	}
	alive, err := c.HoldLease(t.Context(), "mine-2", "alive", 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	events := c.Watch(t.Context(), client.Thread("mine-1"))
	released := make(chan error, 1)
	go func() {
		for range events { // the first was taken over, after the time of the second's lease
			released <- alive.Release(context.Background())
			return
		}
	}()
	got := cli(t, "", "replay", samples+"garden.jsonl", "--nats", url, "--thread-prefix", "mine", "--workers", "3")
	if got.code != exitOK || !strings.Contains(got.stdout, "died or lost their lease: 2.") || !strings.Contains(got.stdout, verdictGarden) {
		t.Errorf("%+v", got)
	}
	if err := <-released; err != nil {
		t.Error(err)
	}
}

// tamper stands between callers of ckpt and the service at behind, and lets
// change alter the replies of one operation.
func tamper(t *testing.T, url, behind, operation string, change func(reply []byte) []byte) {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	for _, op := range ckpt.Operations() {
		if _, err := nc.Subscribe(op.Subject(ckpt.DefaultPrefix), func(m *nats.Msg) {
			reply, err := nc.RequestMsgWithContext(t.Context(), &nats.Msg{Subject: op.Subject(behind), Data: m.Data, Header: m.Header})
			if err != nil {
				return
			}
			if op.Name == operation {
				reply.Data = change(reply.Data)
			}
			_ = m.RespondMsg(&nats.Msg{Data: reply.Data, Header: reply.Header})
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
}

func TestReplayFindsCorruption(t *testing.T) {
	t.Parallel()
	const differs = "ckpt: what came back is not what was sent\n"
	replace := func(old, new string) func([]byte) []byte {
		return func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(old), []byte(new)) }
	}
	for name, test := range map[string]struct {
		operation string
		change    func([]byte) []byte
		want      []string // of the report
		says      string   // of standard error
	}{
		"message": {"messages.list", replace("mid May", "mid Mai"),
			[]string{"garden.jsonl, conversation 2 (thread replay-", "): message 2: ", "different from byte ", "FAILED: 3 of 3 conversations", " 1 mismatches, 0 errors"}, differs},
		"state":  {"state.get", replace("completed", "comqleted"), []string{"): state: ", " 3 mismatches, 0 errors"}, differs},
		"cache":  {"cache.get", replace("running", "runninG"), []string{"): cached state: ", " 3 mismatches, 0 errors"}, differs},
		"record": {"threads.get", replace("garden.jsonl", "garten.jsonl"), []string{"): record: ", " 3 mismatches, 0 errors"}, differs},
		"lost messages": {"messages.list", func([]byte) []byte {
			b, _ := ckpt.Append(nil, &ckpt.MessagesListReply{})
			return b
		}, []string{"9 messages were sent, 0 came back", " 3 mismatches, 0 errors"}, differs},
		"no sense": {"messages.put", func([]byte) []byte { return nil },
			[]string{"FAILED: 0 of 3 conversations", " 0 mismatches, "}, "ckpt: given up: ckpt: UNKNOWN: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := bustest.Start(t).URL()
			start(t, "serve", "--nats", url, "--prefix", "behind").stdout.line(t, "Ctrl-C")
			tamper(t, url, "behind", test.operation, test.change)
			got := cli(t, "", "replay", samples+"garden.jsonl", "--nats", url)
			if got.code != exitFailed || !strings.HasPrefix(got.stderr, test.says) {
				t.Errorf("the exit code is %d, said %q", got.code, got.stderr)
			}
			for _, want := range test.want {
				if !strings.Contains(got.stdout, want) {
					t.Errorf("no %q in %s", want, got.stdout)
				}
			}
		})
	}
}

func TestReplayErrors(t *testing.T) {
	t.Parallel()
	url := bustest.Start(t).URL()
	for name, test := range map[string]struct {
		stdin string
		args  string
		want  string
	}{
		"no file":       {"", "no-such-file.json", "no-such-file.json: no such file"},
		"bad file":      {"[\n{\"traj\":7}]", "-", "standard input: conversation 1 (line 2): traj is 7, want an array"},
		"empty":         {"", "", "standard input: no conversation in it"},
		"no NATS":       {`[{"role":"user"}]`, "--nats nats://127.0.0.1:1", "connect to nats://127.0.0.1:1"},
		"nobody serves": {`[{"role":"user"}]`, "--nats " + url, "no store is served under the prefix"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := cli(t, test.stdin, append([]string{"replay"}, strings.Fields(test.args)...)...)
			if got.code != exitFailed || !strings.Contains(got.stderr, test.want) {
				t.Errorf("want %q, got %+v", test.want, got)
			}
		})
	}
}

// What the service refuses ends its own conversation and no other.
func TestReplayTooLarge(t *testing.T) {
	t.Parallel()
	_, url := serve(t, "--max-value", "1000KiB")
	large := `{"messages":[{"role":"user","content":"` + strings.Repeat("x", 1<<20) + `"}]}`
	got := cli(t, large+"\n"+`{"messages":[{"role":"user","content":"small"}]}`, "replay", "--workers", "1", "--nats", url)
	if got.code != exitFailed || got.stderr != "ckpt: not everything could be played and read back\n" {
		t.Errorf("code %d, said %q", got.code, got.stderr)
	}
	for _, want := range []string{"standard input, conversation 1 (thread replay-", "TOO_LARGE", "FAILED: 1 of 2 conversations with 1 messages", " 0 mismatches, 1 errors"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("no %q in %s", want, got.stdout)
		}
	}
}

// A replay that is interrupted ends at once and prints what it has.
func TestReplayInterrupted(t *testing.T) {
	t.Parallel()
	server := bustest.Start(t)
	nc := bustest.Connect(t, server)
	answer := func(op ckpt.OpInfo, do func(m *nats.Msg)) {
		t.Helper()
		if _, err := nc.Subscribe(op.Subject(ckpt.DefaultPrefix), do); err != nil {
			t.Fatal(err)
		}
	}
	asked := make(chan struct{}, 100)
	answer(ckpt.Setup.OpInfo, func(m *nats.Msg) {
		b, _ := ckpt.Append(nil, &ckpt.SetupReply{Protocol: ckpt.Protocol})
		_ = m.Respond(b)
	})
	answer(ckpt.LeasesAcquire.OpInfo, func(m *nats.Msg) {
		b, _ := ckpt.Append(nil, &ckpt.LeaseReply{Token: 1, Owner: "w", ExpiresAt: time.Now().Add(time.Hour)})
		_ = m.Respond(b)
	})
	answer(ckpt.MessagesPut.OpInfo, func(*nats.Msg) { asked <- struct{}{} })
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	c := start(t, "replay", samples+"support.json", "--nats", server.URL())
	<-asked
	got := c.stop()
	if got.code != exitFailed || got.stderr != "ckpt: interrupted\n" || !strings.Contains(got.stdout, "FAILED: 0 of 5 conversations") {
		t.Errorf("%+v", got)
	}
}

// The same while it waits for its input.
func TestReplayInterruptedBefore(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	stdin, typed := io.Pipe()
	defer typed.Close()
	go func() {
		_, _ = typed.Write([]byte("[")) // returns when it was read
		cancel()
	}()
	stdout, stderr := newOutput(), newOutput()
	if code := run(ctx, []string{"replay"}, stdin, stdout, stderr); code != exitFailed || stderr.String() != "ckpt: interrupted\n" {
		t.Errorf("code %d, said %q", code, stderr)
	}
}
