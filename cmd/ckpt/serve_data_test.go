package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
)

// What was answered is there after a restart, whatever is said of syncing.
func TestServeData(t *testing.T) {
	t.Parallel()
	for sync, want := range map[string]string{
		"always": "each write is on disk before it is answered",
		"1s":     "synced to disk each 1s",
	} {
		t.Run(sync, func(t *testing.T) {
			t.Parallel()
			args := []string{"--data", t.TempDir(), "--sync", sync, "--log-level", "warn"}
			s, url := serve(t, args...)
			s.stdout.line(t, "jetstream, at position 0")
			if _, err := dial(t, url).PutState(t.Context(), "t", ckpt.Raw{0x07}); err != nil {
				t.Fatal(err)
			}
			if got := s.stop(); got.code != exitOK || !strings.Contains(got.stdout, want) || got.stderr != "" {
				t.Errorf("%+v", got)
			}
			_, url = serve(t, args...)
			wantState(t, url, "t", 0x07)
		})
	}
}

// A start tells how far it has come.
func TestServeDataLogs(t *testing.T) {
	t.Parallel()
	s, _ := serve(t, "--data", t.TempDir())
	s.stderr.line(t, "msg=serving")
	if got := s.stop(); got.code != exitOK || !strings.Contains(got.stderr, "msg=stopped") {
		t.Errorf("%+v", got)
	}
}

func wantState(t *testing.T, url, thread string, want byte) {
	t.Helper()
	got, err := dial(t, url).GetState(t.Context(), thread, client.Linearizable(true)) // whichever replica answers
	if err != nil || string(got.Value) != string([]byte{want}) {
		t.Errorf("the state is %v, %v, want %d", got.Value, err, want)
	}
}

// Two processes on the same files would ruin them.
func TestServeDataTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	serve(t, "--data", dir)
	got := cli(t, "", "serve", "--data", dir, "--listen", "127.0.0.1:0")
	if got.code != exitFailed || got.stdout != "" || !strings.Contains(got.stderr, "is used by another server: stop it, or name another folder") {
		t.Errorf("%+v", got)
	}
}

// What was answered is there after the process was killed.
func TestServeDataKilled(t *testing.T) {
	t.Parallel()
	program, dir := build(t), t.TempDir()
	for _, sync := range []string{"always", "1m"} {
		cmd, url := startProgram(t, program, "serve", "--listen", "127.0.0.1:0", "--data", dir, "--sync", sync)
		c := dial(t, url)
		for i := range 100 {
			if _, err := c.PutState(t.Context(), "killed-"+sync, ckpt.Raw{byte(i)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it tells of the signal
	}
	_, url := serve(t, "--data", dir)
	wantState(t, url, "killed-always", 99)
	wantState(t, url, "killed-1m", 99)
}

// What is over the bound of the stream is refused, and nothing is forgotten.
func TestServeMaxStore(t *testing.T) {
	t.Parallel()
	_, url := serve(t, "--data", t.TempDir(), "--max-store", "65536")
	c := dial(t, url, client.WithRetry(client.Retry{Attempts: 1}))
	if _, err := c.PutState(t.Context(), "t", ckpt.Raw{0x07}); err != nil {
		t.Fatal(err)
	}
	large := append(ckpt.Raw{0xc6, 0, 1, 0, 0}, make([]byte, 1<<16)...) // bin 32
	if _, err := c.PutState(t.Context(), "large", large); !errors.Is(err, ckpt.ErrUnavailable) {
		t.Errorf("got %v, want that it is refused", err)
	}
	wantState(t, url, "t", 0x07)
}

// A replica can be stopped while its NATS is gone.
func TestServeStopsWithoutNATS(t *testing.T) {
	t.Parallel()
	server := bustest.StartJetStream(t, bus.Options{})
	s := start(t, "serve", "--nats", server.URL(), "--journal", "jetstream", "--reconnects", "-1")
	s.stdout.line(t, "Ctrl-C")
	server.Stop()
	s.stderr.line(t, "left the queue group")
	if got := s.stop(); got.code != exitFailed || !strings.Contains(got.stderr, "stop: NATS is gone") {
		t.Errorf("%+v", got)
	}
}
