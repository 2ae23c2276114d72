package bustest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// The ports of FreeAddrs: below those that systems give to outgoing connections
// and to listeners on port 0 (from 32768 on Linux, from 49152 elsewhere). One of
// those may be gone between its choice and its use, since other tests run.
const (
	firstPort = 10000
	lastPort  = 32000
)

// FreeAddrs returns n different loopback addresses on which nothing listens, for
// servers whose addresses others must know before they run.
func FreeAddrs(t testing.TB, n int) []string {
	t.Helper()
	addrs := make([]string, 0, n)
	for range 100 * n {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(lastPort-firstPort)))
		if err != nil {
			continue
		}
		defer l.Close() // only in the end, so that none comes twice
		if addrs = append(addrs, l.Addr().String()); len(addrs) == n {
			return addrs
		}
	}
	t.Fatalf("found %d free ports of %d", len(addrs), n)
	return nil
}
