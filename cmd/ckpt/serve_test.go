package main

import (
	"bytes"
	"net"
	"strings"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/nats-io/nats.go"
)

// dial returns a client of the service at url.
func dial(t *testing.T, url string, opts ...client.Option) *client.Client[ckpt.Raw] {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	c, err := client.New[ckpt.Raw](nc, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestServe(t *testing.T) {
	t.Parallel()
	s, url := serve(t)
	replayHint, watchHint := s.stdout.line(t, "watch"), s.stdout.line(t, "replay")
	for _, hint := range []string{replayHint, watchHint} {
		if !strings.Contains(hint, "--nats "+url) || strings.Contains(hint, "--prefix") {
			t.Errorf("the hint %q does not lead to %s", hint, url)
		}
	}
	c := dial(t, url)
	if _, err := c.PutState(t.Context(), "t", ckpt.Raw{0x07}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Release(t.Context(), "ckpt"); err == nil {
		t.Error("the store was emptied without --allow-release")
	}
	if got := s.stop(); got.code != exitOK || !strings.Contains(got.stdout, "Stopped") || got.stderr != "" {
		t.Errorf("%+v", got)
	}
}

// What --history keeps can be read and restored.
func TestServeHistory(t *testing.T) {
	t.Parallel()
	_, url := serve(t, "--history", "1")
	c := dial(t, url)
	for i := range 3 {
		if _, err := c.PutState(t.Context(), "t", ckpt.Raw{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := c.ListStateHistory(t.Context(), "t", client.WithStates(true))
	if err != nil || len(got) != 2 || got[1].State[0] != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if got := cli(t, "", "serve", "--listen", "127.0.0.1:0", "--history", "-1"); got.code == exitOK || !strings.Contains(got.stderr, "history") {
		t.Errorf("%+v", got)
	}
}

func TestServeOnNATS(t *testing.T) {
	t.Parallel()
	url := bustest.Start(t).URL()
	s := start(t, "serve", "--nats", url, "--prefix", "team.ckpt", "--allow-release")
	s.stdout.line(t, "(a NATS that runs already)")
	if hint := s.stdout.line(t, "watch"); !strings.Contains(hint, "--nats "+url+" --prefix team.ckpt") {
		t.Errorf("the hint %q does not lead there", hint)
	}
	c := dial(t, url, client.WithPrefix("team.ckpt"))
	if _, err := c.Release(t.Context(), "team.ckpt"); err != nil {
		t.Error(err)
	}
	if got := s.stop(); got.code != exitOK {
		t.Errorf("%+v", got)
	}
}

// A second store under the same subjects would split the data.
func TestServeSecond(t *testing.T) {
	t.Parallel()
	_, url := serve(t)
	got := cli(t, "", "serve", "--nats", url)
	if got.code != exitFailed || got.stdout != "" || got.stderr == "" {
		t.Errorf("%+v", got)
	}
	t.Log(got.stderr)
	start(t, "serve", "--nats", url, "--prefix", "other").stdout.line(t, "Ctrl-C")
}

// The service ends where its NATS is lost for good, and says so.
func TestServeLosesNATS(t *testing.T) {
	t.Parallel()
	server, err := bus.Start(bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, "serve", "--nats", server.URL(), "--reconnects", "0")
	s.stdout.line(t, "Ctrl-C")
	server.Stop()
	if got := s.wait(); got.code != exitFailed || !strings.Contains(got.stderr, "the service stopped by itself: ") {
		t.Errorf("%+v", got)
	}
}

func TestServeWithoutNATS(t *testing.T) {
	t.Parallel()
	got := cli(t, "", "serve", "--nats", "nats://127.0.0.1:1")
	if got.code != exitFailed || !strings.Contains(got.stderr, "connect to nats://127.0.0.1:1: ") {
		t.Errorf("%+v", got)
	}
}

func TestServeAddressTaken(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	got := cli(t, "", "serve", "--listen", taken)
	if got.code != exitFailed || !strings.Contains(got.stderr, "--listen: ") || !strings.Contains(got.stderr, taken) {
		t.Errorf("%+v", got)
	}
	// The same with no flag given, where the address is the default.
	_, err = (&serveFlags{listen: taken}).startServer(newServe())
	if err == nil || !strings.Contains(err.Error(), "put a store on it with --nats nats://"+taken) || !strings.Contains(err.Error(), "--listen HOST:PORT") {
		t.Errorf("got %v, want to be told what to do", err)
	}
}

func TestServeBadAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"4222", "127.0.0.1:port", "127.0.0.1:99999"} {
		if got := cli(t, "", "serve", "--listen", address); got.code != exitFailed || !strings.Contains(got.stderr, address) {
			t.Errorf("%s: %+v", address, got)
		}
	}
}

func TestWarnIfOpen(t *testing.T) {
	t.Parallel()
	for address, open := range map[string]bool{
		"127.0.0.1:4222": false,
		"127.8.0.1:0":    false,
		"[::1]:4222":     false,
		"localhost:4222": false,
		":4222":          false, // the embedded server takes loopback for nothing
		"0.0.0.0:4222":   true,
		"[::]:4222":      true,
		"10.0.0.7:4222":  true,
		"example:4222":   true,
	} {
		var out bytes.Buffer
		warnIfOpen(&out, address)
		if warned := strings.Contains(out.String(), "no authentication"); warned != open {
			t.Errorf("%s: warned %v, want %v", address, warned, open)
		}
	}
}
