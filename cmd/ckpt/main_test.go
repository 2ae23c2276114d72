package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	for _, name := range []string{"NATS_URL", "NATS_USER", "NATS_PASSWORD"} {
		os.Unsetenv(name) // the tests say where to connect
	}
	goleak.VerifyTestMain(m)
}

// result is what became of one command line.
type result struct {
	code           int
	stdout, stderr string
}

// cli runs a command line to its end.
func cli(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	stdout, stderr := newOutput(), newOutput()
	code := run(t.Context(), args, strings.NewReader(stdin), stdout, stderr)
	return result{code, stdout.String(), stderr.String()}
}

// command is a command line that runs until it is stopped.
type command struct {
	stdout, stderr *output
	cancel         context.CancelFunc
	done           chan struct{}
	code           int
}

// start starts a command line; it is stopped when the test ends, if not before.
func start(t *testing.T, args ...string) *command {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := &command{newOutput(), newOutput(), cancel, make(chan struct{}), 0}
	c.stdout.beside, c.stderr.beside = c.stderr, c.stdout
	go func() {
		defer close(c.done)
		c.code = run(ctx, args, strings.NewReader(""), c.stdout, c.stderr)
		c.stdout.end() // both are written before either ends
		c.stderr.end()
	}()
	t.Cleanup(func() { c.stop() })
	return c
}

// wait waits until the command ends by itself.
func (c *command) wait() result {
	<-c.done
	return result{c.code, c.stdout.String(), c.stderr.String()}
}

// stop stops the command as a signal does and waits for its end.
func (c *command) stop() result {
	c.cancel()
	return c.wait()
}

// serve starts a service on a NATS server of its own and returns its URL.
func serve(t *testing.T, args ...string) (c *command, url string) {
	t.Helper()
	c = start(t, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	return c, strings.Fields(c.stdout.line(t, "nats://"))[1]
}

// output takes what a command writes, from many goroutines perhaps, and lets a
// test wait for a line of it.
type output struct {
	mu    sync.Mutex
	more  *sync.Cond
	text  []byte
	read  int // how much of it line has passed
	ended bool

	beside *output // the other one of the command
}

func newOutput() *output {
	o := new(output)
	o.more = sync.NewCond(&o.mu)
	return o
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, b...)
	o.more.Broadcast()
	return len(b), nil
}

func (o *output) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	o.more.Broadcast()
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text)
}

// line returns the next line that holds the part.
func (o *output) line(t *testing.T, part string) string {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		end := bytes.IndexByte(o.text[o.read:], '\n')
		switch {
		case end >= 0:
			line := string(o.text[o.read : o.read+end])
			if o.read += end + 1; strings.Contains(line, part) {
				return line
			}
		case o.ended:
			t.Fatalf("the command ended without a line with %q; it wrote %s, and beside it %s", part, o.text, o.beside)
		default:
			o.more.Wait()
		}
	}
}
