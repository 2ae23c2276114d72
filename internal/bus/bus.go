// Package bus runs a NATS server inside this process: the one that `ckpt
// serve` and `ckpt replay` start where no other is named, and the one that
// every test talks to.
package bus

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Options choose how the server listens. The zero value listens on a free port
// of the loopback interface and carries 1 MiB in one message.
type Options struct {
	Listen     string // host:port; port 0 picks a free one; empty means 127.0.0.1:0
	MaxPayload int    // bytes that one message may have; 0 means 1 MiB, the default of NATS
}

// Server is a running NATS server.
type Server struct {
	ns  *server.Server
	url string
}

// startTimeout bounds the start; it takes some milliseconds where nothing is wrong.
const startTimeout = 10 * time.Second

// Start starts a server. It logs nothing and handles no signals.
func Start(o Options) (*Server, error) {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	host, port, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen address %q: %w", o.Listen, err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("listen address %q: port %q is no number", o.Listen, port)
	}
	opts := &server.Options{
		Host:       host,
		Port:       int(n),
		MaxPayload: int32(o.MaxPayload),
		NoLog:      true,
		NoSigs:     true,
	}
	if host == "" {
		opts.Host = "127.0.0.1" // the server's own default is every interface
	}
	if n == 0 {
		opts.Port = server.RANDOM_PORT
	} else if err := free(net.JoinHostPort(opts.Host, port)); err != nil {
		return nil, err
	}
	ns, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("embedded NATS server: %w", err)
	}
	ns.Start()
	if !ns.ReadyForConnections(startTimeout) {
		ns.Shutdown()
		return nil, fmt.Errorf("embedded NATS server: not ready on %s within %v: is the address free?", o.Listen, startTimeout)
	}
	return &Server{ns, localURL(ns.Addr())}, nil
}

// free reports why nothing can listen on addr. The server itself would tell
// that only to its log, and let the start run into its timeout.
func free(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return l.Close()
}

// URL returns the address that clients on this machine connect to.
func (s *Server) URL() string { return s.url }

// localURL returns the URL of a listener on addr, as seen from this machine.
func localURL(addr net.Addr) string {
	host, port, _ := net.SplitHostPort(addr.String())
	if net.ParseIP(host).IsUnspecified() {
		host = "127.0.0.1" // every interface is no address to connect to
	}
	return "nats://" + net.JoinHostPort(host, port)
}

// Stop shuts the server down and waits until it is.
func (s *Server) Stop() {
	s.ns.Shutdown()
	s.ns.WaitForShutdown()
}
