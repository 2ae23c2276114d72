package service

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// proxy is a way to a server that can be held up: what the server sends stays on
// its way, and neither side is told. The other direction stays open, since a
// replica could not leave the queue group without it.
type proxy struct {
	testing.TB
	server   string
	listener net.Listener
	running  sync.WaitGroup

	mu    sync.Mutex
	held  chan struct{} // closed while nothing is held up
	ended bool
	conns []net.Conn
}

func newProxy(t testing.TB, url string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{TB: t, server: strings.TrimPrefix(url, "nats://"), listener: l, held: make(chan struct{})}
	close(p.held)
	p.running.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

func (p *proxy) url() string { return "nats://" + p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.server)
		if err != nil {
			near.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, near, far)
		if p.ended {
			near.Close()
			far.Close()
		}
		p.mu.Unlock()
		p.running.Go(func() { p.pass(near, far, p.wait) })
		p.running.Go(func() { p.pass(far, near, func() {}) })
	}
}

// pass passes on what comes from one side, when it may.
func (p *proxy) pass(to, from net.Conn, wait func()) {
	defer to.Close()
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		wait()
		if _, failed := to.Write(b[:n]); failed != nil || err != nil {
			_, _ = io.Copy(io.Discard, from)
			return
		}
	}
}

// wait waits while things are held up.
func (p *proxy) wait() {
	p.mu.Lock()
	held := p.held
	p.mu.Unlock()
	<-held
}

// hold holds up all that the server sends from now on.
func (p *proxy) hold() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = make(chan struct{})
}

// resume lets go of it.
func (p *proxy) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.held:
	default:
		close(p.held)
	}
}

func (p *proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	p.ended = true
	for _, c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.resume()
	p.running.Wait()
}
