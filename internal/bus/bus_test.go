package bus

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"
)

func TestStart(t *testing.T) {
	t.Parallel()
	for _, listen := range []string{"", ":0", "127.0.0.1:0", "localhost:0"} {
		s, err := Start(Options{Listen: listen, MaxPayload: 4096})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Stop()
		if !strings.HasPrefix(s.URL(), "nats://127.0.0.1:") && !strings.HasPrefix(s.URL(), "nats://[::1]:") {
			t.Errorf("%q: the URL is %s, want a loopback address", listen, s.URL())
		}
		nc, err := nats.Connect(s.URL())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		if nc.MaxPayload() != 4096 {
			t.Errorf("the payload limit is %d, want 4096", nc.MaxPayload())
		}
	}
}

func TestStartTaken(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Start(Options{Listen: l.Addr().String()}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("got %v, want an address in use", err)
	}
}

func TestStartBadAddress(t *testing.T) {
	t.Parallel()
	for _, listen := range []string{"4222", "127.0.0.1", "127.0.0.1:", "127.0.0.1:nats", "127.0.0.1:65536", "127.0.0.1:-1"} {
		if s, err := Start(Options{Listen: listen}); err == nil || !strings.Contains(err.Error(), listen) {
			t.Errorf("%q: got %v, want an error that names it", listen, err)
			if err == nil {
				s.Stop()
			}
		}
	}
}

func TestLocalURL(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"127.0.0.1:4222": "nats://127.0.0.1:4222",
		"10.0.0.7:4222":  "nats://10.0.0.7:4222",
		"0.0.0.0:4222":   "nats://127.0.0.1:4222",
		"[::]:4222":      "nats://127.0.0.1:4222",
		"[::1]:4222":     "nats://[::1]:4222",
	} {
		tcp, err := net.ResolveTCPAddr("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if got := localURL("nats", tcp); got != want {
			t.Errorf("%s: got %s, want %s", addr, got, want)
		}
	}
}
