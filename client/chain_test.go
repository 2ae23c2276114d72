package client

import (
	"strconv"
	"testing"

	"github.com/ckptbus/ckpt"
)

// However many threads change, the memory is bounded, and the latest of them
// are remembered.
func TestChainForgetsOldThreads(t *testing.T) {
	t.Parallel()
	var c chain
	event := func(thread int, revision uint64) *ckpt.Event {
		return &ckpt.Event{ThreadID: strconv.Itoa(thread), Kind: "state.put", Revision: revision, StoreID: "s"}
	}
	const threads = 5*rememberThreads + rememberThreads/2
	for i := range threads {
		c.remember(event(i, uint64(i+1)))
		if n := len(c.recent) + len(c.older); n > 2*rememberThreads {
			t.Fatalf("remembers %d threads", n)
		}
	}
	for _, i := range []int{threads - rememberThreads, threads - 1} {
		e := event(i, threads+2)
		e.Previous = threads + 1 // not what was seen
		if v, last := c.next(e); v != missed || last != uint64(i+1) {
			t.Fatalf("thread %d of %d: verdict %d after %d", i, threads, v, last)
		}
	}
}
