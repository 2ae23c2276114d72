package bus

import (
	"fmt"
	"net"
	"strconv"

	"github.com/nats-io/nats-server/v2/server"
)

// parseListen returns the host and the port of addr as the server takes them.
// An address that something else listens on is an error.
func parseListen(addr string) (host string, port int, err error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("listen address %q: %w", addr, err)
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("listen address %q: port %q is no number from 0 to 65535", addr, text)
	}
	if host == "" {
		host = "127.0.0.1" // the server's own default is every interface
	}
	if n == 0 {
		return host, server.RANDOM_PORT, nil
	}
	return host, int(n), free(net.JoinHostPort(host, text))
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

// localURL returns the URL of a listener on addr, as seen from this machine.
func localURL(scheme string, addr net.Addr) string {
	host, port, _ := net.SplitHostPort(addr.String())
	if net.ParseIP(host).IsUnspecified() {
		host = "127.0.0.1" // every interface is no address to connect to
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}
