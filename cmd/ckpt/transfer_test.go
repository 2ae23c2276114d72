package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/nats-io/nats.go"
)

// A store goes through a file, and through a pipe, into others.
func TestExportAndImport(t *testing.T) {
	t.Parallel()
	_, url := serve(t)
	if got := cli(t, "", "replay", samples+"garden.jsonl", "--nats", url, "--thread-prefix", "g"); got.code != exitOK {
		t.Fatalf("%+v", got)
	}
	const all = " 3 threads with 3 states, 3 cached states and 15 messages, "
	file := filepath.Join(t.TempDir(), "store.jsonl")
	got := cli(t, "", "export", "--nats", url, "--output", file)
	if got.code != exitOK || got.stdout != "" || !strings.HasPrefix(got.stderr, "Exported"+all) {
		t.Fatalf("%+v", got)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	start(t, "serve", "--nats", url, "--prefix", "b").stdout.line(t, "Ctrl-C")
	got = cli(t, "", "import", file, "--nats", url, "--prefix", "b")
	if got.code != exitOK || got.stderr != "" || !strings.HasPrefix(got.stdout, "Imported"+all) || !strings.Contains(got.stdout, "; 3 threads read back and found the same\n") {
		t.Fatalf("%+v", got)
	}

	got = cli(t, "", "import", file, "--nats", url)
	if got.code != exitFailed || !strings.HasPrefix(got.stderr, `ckpt: nothing was written, since 3 of the 3 threads are there already: "g-1", "g-2", "g-3"`) {
		t.Errorf("%+v", got)
	}

	one := cli(t, "", "export", "g-2", "--nats", url, "--prefix", "b")
	if one.code != exitOK || strings.Count(one.stdout, `"kind":"message"`) != 2 || !strings.HasPrefix(one.stderr, "Exported 1 threads") {
		t.Fatalf("%+v", one)
	}
	for _, flags := range []string{"--replace", "--merge", "--merge --verify=false"} {
		got := cli(t, one.stdout, append([]string{"import", "-", "--nats", url}, strings.Fields(flags)...)...)
		if got.code != exitOK || !strings.HasPrefix(got.stdout, "Imported 1 threads") || strings.Contains(got.stdout, "read back") != !strings.Contains(flags, "false") {
			t.Errorf("%s: %+v", flags, got)
		}
	}
	if info, err := dial(t, url, client.WithPrefix("b")).GetThread(t.Context(), "g-1"); err != nil || info.Value.UserID != "tomas" {
		t.Errorf("%+v, %v", info, err)
	}
}

// A file that is not whole is refused before anything is written.
func TestImportErrors(t *testing.T) {
	t.Parallel()
	_, url := serve(t)
	c := dial(t, url)
	for _, thread := range []string{"a", "b"} {
		if _, err := c.PutState(t.Context(), thread, ckpt.Raw{0xc0}); err != nil {
			t.Fatal(err)
		}
	}
	whole := cli(t, "", "export", "--nats", url).stdout
	for _, thread := range []string{"a", "b"} {
		if _, err := c.CleanThread(t.Context(), thread); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	for name, test := range map[string]struct{ in, args, want string }{
		"cut off":       {whole[:len(whole)-20], "", "ckpt: standard input: line 6: the file ends without its footer"},
		"altered":       {strings.Replace(whole, "wA==", "ww==", 1), "", "ckpt: standard input: line 6: the checksum of the lines is "},
		"later format":  {strings.Replace(whole, `export":1`, `export":9`, 1), "-", "ckpt: standard input: line 1: an export of format 9, this program reads 1"},
		"nothing":       {"", "", "ckpt: standard input: line 1: the file is empty"},
		"no file":       {"", "no-such-file.jsonl", "ckpt: open no-such-file.jsonl: "},
		"directory":     {"", dir, "ckpt: " + dir + ": is a directory"},
		"another file":  {"", samples + "garden.jsonl", "ckpt: " + samples + "garden.jsonl: line 1: not an export of ckpt"},
		"nobody serves": {whole, "--prefix none", "ckpt: no store is served under the prefix"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := cli(t, test.in, append([]string{"import", "--nats", url}, strings.Fields(test.args)...)...)
			if got.code != exitFailed || !strings.HasPrefix(got.stderr, test.want) || got.stdout != "" {
				t.Errorf("want %q, got %+v", test.want, got)
			}
			if list, err := c.ListThreads(t.Context()); err != nil || list.Total != 0 {
				t.Errorf("%d threads, %v", list.Total, err)
			}
		})
	}
}

func TestExportErrors(t *testing.T) {
	t.Parallel()
	_, url := serve(t)
	for args, want := range map[string]string{
		"none":                         `ckpt: no such thread: "none"`,
		"--output no-such-dir/x.jsonl": "ckpt: open no-such-dir/",
		"--prefix none":                "ckpt: no store is served under the prefix",
	} {
		got := cli(t, "", append([]string{"export", "--nats", url}, strings.Fields(args)...)...)
		if got.code != exitFailed || !strings.HasPrefix(got.stderr, want) || got.stdout != "" {
			t.Errorf("export %s: want %q, got %+v", args, want, got)
		}
	}
}

// An export that is interrupted leaves no file and spares the one before it.
func TestExportInterrupted(t *testing.T) {
	t.Parallel()
	server := bustest.Start(t)
	nc := bustest.Connect(t, server)
	start(t, "serve", "--nats", server.URL(), "--prefix", "behind").stdout.line(t, "Ctrl-C")
	c := dial(t, server.URL(), client.WithPrefix("behind"))
	if _, err := c.PutState(t.Context(), "t", ckpt.Raw{0xc0}); err != nil {
		t.Fatal(err)
	}
	asked := make(chan struct{}, 10)
	for _, op := range ckpt.Operations() {
		if _, err := nc.Subscribe(op.Subject(ckpt.DefaultPrefix), func(m *nats.Msg) {
			if op.Name == ckpt.StateGet.Name {
				asked <- struct{}{} // and is never answered
				return
			}
			if reply, err := nc.RequestMsgWithContext(t.Context(), &nats.Msg{Subject: op.Subject("behind"), Data: m.Data}); err == nil {
				_ = m.RespondMsg(&nats.Msg{Data: reply.Data, Header: reply.Header})
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "store.jsonl")
	if err := os.WriteFile(file, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	export := start(t, "export", "--nats", server.URL(), "--output", file)
	<-asked
	if got := export.stop(); got.code != exitFailed || got.stderr != "ckpt: interrupted\n" {
		t.Errorf("%+v", got)
	}
	entries, err := os.ReadDir(dir)
	b, readErr := os.ReadFile(file)
	if err != nil || readErr != nil || len(entries) != 1 || string(b) != "before" {
		t.Errorf("%v, %v: %v holds %q", err, readErr, entries, b)
	}
}

// An import that waits for its input ends when it is told to.
func TestImportInterruptedBefore(t *testing.T) {
	t.Parallel()
	_, url := serve(t)
	ctx, cancel := context.WithCancel(t.Context())
	stdin, typed := io.Pipe()
	defer typed.Close()
	go func() {
		_, _ = typed.Write([]byte("{")) // returns when it was read
		cancel()
	}()
	stdout, stderr := newOutput(), newOutput()
	if code := run(ctx, []string{"import", "--nats", url}, stdin, stdout, stderr); code != exitFailed || stderr.String() != "ckpt: interrupted\n" {
		t.Errorf("code %d, said %q", code, stderr)
	}
}
