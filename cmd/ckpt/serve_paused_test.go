//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/service"
	"github.com/nats-io/nats.go"
)

// A NATS server, and the replica in its process, stand still for longer than anybody
// waits, and go on: what had been sent to them is done then, after callers have sent
// it again. Each write is there once, at both replicas, in its order.
func TestServePaused(t *testing.T) {
	t.Parallel()
	cmd, url := startProgram(t, build(t), "serve", "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--sync", "1s")
	lines := make(logLines, 1000)
	nc, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	s, err := service.Start(nc, service.WithJetStream(service.Stream{}), service.WithLogger(slog.New(slog.NewTextHandler(lines, nil))))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop(context.Background())

	w := &writers{t: t, quit: make(chan struct{})}
	for i := range 4 {
		c := dial(t, url, client.WithRetry(client.Retry{Answer: 200 * time.Millisecond})) // it sends again several times meanwhile
		w.Go(func() { w.write(c, fmt.Sprint("paused-", i)) })
	}
	w.progress()
	for range 2 {
		if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		lines.await(t, "left the queue group")
		if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		lines.await(t, "joined the queue group again")
		w.progress()
	}
	close(w.quit)
	w.Wait()
}

// startProgram starts the program, waits until it serves, and returns the URL of its
// NATS server.
func startProgram(t *testing.T, program string, args ...string) (cmd *exec.Cmd, url string) {
	t.Helper()
	cmd = exec.Command(program, args...)
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // fails where it has ended
		_ = cmd.Wait()         // it tells of the signal
	})
	for lines := bufio.NewScanner(stdout); lines.Scan() && !strings.Contains(lines.Text(), "Ctrl-C"); {
		if _, rest, found := strings.Cut(lines.Text(), "NATS     "); found {
			url = strings.Fields(rest)[0]
		}
	}
	return cmd, url
}

// patience bounds what is waited for; none takes that long.
const patience = time.Minute

// logLines hands on what is logged.
type logLines chan string

func (l logLines) Write(b []byte) (int, error) {
	select {
	case l <- string(b):
	default: // nobody looks
	}
	return len(b), nil
}

// await waits for a line with the text.
func (l logLines) await(t *testing.T, text string) {
	t.Helper()
	for deadline := time.After(patience); ; {
		select {
		case line := <-l:
			if strings.Contains(line, text) {
				return
			}
		case <-deadline:
			t.Fatalf("nothing with %q was logged", text)
		}
	}
}

// writers put messages one after the other, each to a thread of its own, and look
// whether all that was acknowledged is there.
type writers struct {
	sync.WaitGroup
	t    *testing.T
	quit chan struct{}
	done atomic.Int64
}

// progress waits until something was written by a request that was sent after the
// call.
func (w *writers) progress() {
	w.t.Helper()
	from, deadline := w.done.Load(), time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for w.done.Load() < from+100 {
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatal("the writers do not go on")
		}
	}
}

func (w *writers) write(c *client.Client[ckpt.Raw], thread string) {
	var acknowledged []string
	for going := true; going; {
		text := fmt.Sprint(thread, "/", len(acknowledged))
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		_, err := c.PutMessages(ctx, thread, []ckpt.Message{ckpt.TextMessage(ckpt.RoleUser, text)}) // without an ID: it could be there twice
		cancel()
		if err != nil {
			w.t.Errorf("%s: %v", text, err)
			return
		}
		acknowledged = append(acknowledged, text)
		w.done.Add(1)
		select {
		case <-w.quit:
			going = false
		default:
		}
	}
	for range 20 { // one or the other replica answers
		page, err := c.ListMessages(context.Background(), thread, client.Linearizable(true))
		var got []string
		for _, m := range page.Items {
			got = append(got, m.Text())
		}
		if err != nil || !slices.Equal(got, acknowledged) {
			w.t.Errorf("%s has %d messages, %v, and %d were acknowledged", thread, len(got), err, len(acknowledged))
			return
		}
	}
}
