package service

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/bus"
)

// largeState returns a state of 8 KiB that differs from others.
func largeState(t testing.TB, i int) ckpt.Raw {
	return pack(t, fmt.Sprintf("%06d%s", i, strings.Repeat("x", 8<<10)))
}

// Replicas that end in the midst of compaction leave a journal that makes the
// same store, while clients go on.
func TestKilledDuringCompaction(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	replicas := g.startAll(2)
	l := g.load(4)
	c := g.client()
	first := uint64(1)
	for n := range 3 {
		for i := 0; ; i++ {
			if _, err := c.PutState(t.Context(), fmt.Sprint("large-", i%4), largeState(t, i)); err != nil {
				t.Fatal(err)
			}
			info, err := g.js.StreamInfo(journalStream)
			if err != nil {
				t.Fatal(err)
			}
			if info.State.FirstSeq > first { // somebody is at it
				first = info.State.FirstSeq
				break
			}
		}
		g.kill(replicas[n%2])
		replicas[n%2] = g.start()
	}
	l.unfailing()
	l.verify(replicas...)
}
