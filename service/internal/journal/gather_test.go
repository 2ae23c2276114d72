package journal

import (
	"testing"
	"time"
)

// TestGather has the callers of one record share the next, and no record wait for
// callers that do not come back.
func TestGather(t *testing.T) {
	t.Parallel()
	var g gather
	over := make(chan int, 1)
	expect := func(waiting int, want bool) {
		t.Helper()
		if got := g.holds(waiting); got != want {
			t.Errorf("with %d waiting, a record is held: %v, want %v", waiting, got, want)
		}
	}
	expect(1, false) // there was none before it

	g.begin(4, 3, time.Hour, func(int) {})
	expect(3, true)
	expect(6, true)
	expect(7, false)
	expect(1, false)

	for _, skipped := range []int{1, 3, 7} { // each wait in vain leaves out more
		g.least = 0
		g.begin(4, 0, time.Millisecond, func(round int) { over <- round })
		expect(3, true)
		g.vain(<-over)
		expect(3, false)
		for range skipped {
			g.begin(4, 0, time.Millisecond, func(int) { t.Error("a record waited that was not to") })
			expect(3, false)
		}
	}

	g.begin(2, 0, time.Hour, func(round int) { over <- round })
	expect(2, false)
	if g.skips != 3 {
		t.Errorf("after a wait that was worth it %d records are left out, want 3", g.skips)
	}
	g.vain(g.round) // its timer, if it ran meanwhile
	if g.skips != 3 {
		t.Error("a wait that had ended counts as in vain")
	}

	g.begin(2, 0, time.Hour, func(round int) { over <- round })
	g.end() // a reader came
	expect(1, false)
	for range 20 {
		g.skip, g.target = 0, 1
		g.timer = time.NewTimer(0)
		g.vain(g.round)
	}
	if g.skip != gatherSkips {
		t.Errorf("%d records do not wait, want at most %d", g.skip, gatherSkips)
	}
}

// TestGatherBounds bounds a wait by what a record takes where little else goes on.
func TestGatherBounds(t *testing.T) {
	t.Parallel()
	var g gather
	g.skip = 1 << 20
	for _, took := range []time.Duration{8, 4, 6} {
		g.begin(1, 0, took*time.Millisecond, nil)
	}
	if ms := time.Millisecond; g.least < 4*ms || g.least > 5*ms {
		t.Errorf("the least time is %v, want that of the quickest record, about 4 ms", g.least)
	}
	for range 2 * gatherDrift {
		g.begin(1, 0, 8*time.Millisecond, nil)
	}
	if g.least != 8*time.Millisecond {
		t.Errorf("the least time is %v long after the records have become slower, want 8 ms", g.least)
	}
	over := make(chan int, 1)
	g.skip, g.least = 0, time.Hour
	g.begin(1, 0, time.Hour, func(round int) { over <- round })
	g.vain(<-over) // within [gatherMost], or this test does not end
}
