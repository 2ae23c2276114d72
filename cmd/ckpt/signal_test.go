package main

import (
	"bufio"
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/nats-io/nats.go"
)

// build builds the program as users run it.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ckpt.exe")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// A service that is told to stop under load answers every request that it took:
// a caller has a reply or is told that nobody serves, and never waits in vain.
func TestSignalsUnderLoad(t *testing.T) {
	t.Parallel()
	program := build(t)
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			server := bustest.Start(t)
			cmd := exec.Command(program, "serve", "--nats", server.URL())
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Process.Kill()
			lines := bufio.NewScanner(stdout)
			for lines.Scan() && !strings.Contains(lines.Text(), "Ctrl-C") {
			}

			l := newLoad(t, server.URL())
			l.run(64, func() {
				if err := cmd.Process.Signal(signal); err != nil {
					t.Error(err)
				}
			})
			var rest strings.Builder
			for lines.Scan() {
				rest.WriteString(lines.Text())
			}
			if err := cmd.Wait(); err != nil || !strings.Contains(rest.String(), "Stopped") {
				t.Errorf("the service ended with %v and said %q, %q", err, rest.String(), stderr.String())
			}
			t.Logf("%d requests answered", l.answered.Load())
		})
	}
}

// load puts states without pause until nobody serves any more.
type load struct {
	t        *testing.T
	nc       *nats.Conn
	payload  []byte
	answered atomic.Int64
}

func newLoad(t *testing.T, url string) *load {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	q := &ckpt.StatePutRequest{State: ckpt.Raw{0xc0}}
	q.ThreadID = "t"
	payload, err := ckpt.Append(nil, q)
	if err != nil {
		t.Fatal(err)
	}
	return &load{t: t, nc: nc, payload: payload}
}

// run keeps so many requests in flight, calls stop after a while, and returns
// when every caller has been told that nobody serves.
func (l *load) run(callers int, stop func()) {
	const before = 2_000 // requests to be answered before the stop
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for {
				reply, err := l.nc.Request(ckpt.StatePut.Subject(ckpt.DefaultPrefix), l.payload, 20*time.Second)
				if errors.Is(err, nats.ErrNoResponders) {
					return
				}
				if err != nil || len(reply.Header) > 0 {
					l.t.Errorf("a request was lost: %v %v", err, reply)
					return
				}
				if l.answered.Add(1) == before {
					stop()
				}
			}
		})
	}
	wg.Wait()
}
