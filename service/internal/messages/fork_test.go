package messages

import (
	"bytes"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/ckptbus/ckpt"
)

func fillSized(h *Heap, l *List, n, size int) {
	for i := range n {
		l.Put(h, numbered(i), message(numbered(i), size), false)
	}
}

// A fork has the bytes of the list that it was made of, and costs its references
// and its index.
func TestForkSharesBytes(t *testing.T) {
	var h, other Heap
	var l List
	fillSized(&h, &l, 100_000, 300)
	before := heapBytes()
	f := l.Fork(&h, &other)
	cost := heapBytes() - before
	t.Logf("a fork of %d messages of %d bytes in all costs %d bytes", l.Len(), h.Live(), cost)
	if other.Live() != h.Live() || cost > int64(h.Live()/10) {
		t.Errorf("a fork of %d bytes costs %d", h.Live(), cost)
	}
	next, _ := pull(f.From(&other, 0))
	for body := range l.From(&h, 0) {
		if twin := next(); &twin[0] != &body[0] || len(twin) != len(body) {
			t.Fatal("a message has other bytes")
		}
	}
	runtime.KeepAlive(f)
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// pull returns the messages one after the other.
func pull(seq func(func([]byte) bool)) (next func() []byte, all [][]byte) {
	all = slices.Collect(seq)
	at := -1
	return func() []byte { at++; return all[at] }, all
}

func heapBytes() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// What keeps a few messages of a segment that all others have left moves them out,
// although it did not change itself.
func TestForkLetsGoOfSegments(t *testing.T) {
	t.Parallel()
	for name, to := range map[string]*Heap{"another heap": new(Heap), "the same heap": nil} {
		var h Heap
		var all, few List
		for i := range 40_000 { // every tenth message is of the list that is forked
			l := &all
			if i%10 == 0 {
				l = &few
			}
			l.Put(&h, numbered(i), message(numbered(i), 300), false)
		}
		if to == nil {
			to = &h
		}
		f := few.Fork(&h, to)
		want := slices.Collect(f.From(to, 0))
		if to.Look(); to.Fragmented() {
			t.Errorf("%s: fragmented while all is live", name)
		}
		for c := NewCompactor([]*List{&f}); !c.Step(to, 64<<10); {
		}
		shares, moved := len(to.common.shares), 0
		again := few.Fork(&h, to)
		for i, body := range slices.Collect(again.From(to, 0)) {
			moved += one(&body[0] != &want[i][0])
		}
		if extra := len(to.common.shares) - shares; extra > 1 || moved > 100 { // the segment that was being filled
			t.Errorf("%s: a second fork, after a compaction that has little to do, has %d more common segments, and %d messages have moved", name, extra, moved)
		}
		again.Clear(to)
		all.Clear(&h)
		few.Clear(&h)
		if to.Look(); !to.Fragmented() {
			t.Fatalf("%s: %d bytes of %d are live and not called fragmented", name, to.Live(), to.Bytes())
		}
		c := NewCompactor([]*List{&all, &few, &f})
		for !c.Step(to, 64<<10) {
		}
		if to.Fragmented() || to.Bytes() > to.Live()*2+maxGarbage {
			t.Errorf("%s: %d bytes for %d live after compaction", name, to.Bytes(), to.Live())
		}
		if got := slices.Collect(f.From(to, 0)); !slices.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("%s: the fork changed", name)
		}
		if len(h.segments) > 0 && to != &h && h.Live() != 0 {
			t.Errorf("%s: %d bytes are live in the heap that was left", name, h.Live())
		}
		f.Clear(to)
		if to.Live() != 0 || to.Shares() {
			t.Errorf("%s: %d bytes live, shares %v when all is gone", name, to.Live(), to.Shares())
		}
	}
}

// Two heaps with common segments are each under their own lock.
func TestForksChangeAtOnce(t *testing.T) {
	t.Parallel()
	var heaps [2]Heap
	var lists [2]List
	fillSized(&heaps[0], &lists[0], 2000, 300)
	lists[1] = lists[0].Fork(&heaps[0], &heaps[1])
	var wg sync.WaitGroup
	for i := range heaps {
		wg.Go(func() {
			h, l := &heaps[i], &lists[i]
			for n := range 2000 {
				switch n % 3 {
				case 0:
					l.Delete(h, numbered(n))
				case 1:
					l.Put(h, numbered(n), message(numbered(n), 100), false)
				default:
					l.Put(h, ckpt.StringID("new"), message(ckpt.StringID("new"), 50), false)
				}
				if h.Look(); h.Fragmented() {
					for c := NewCompactor([]*List{l}); !c.Step(h, 64<<10); {
					}
				}
			}
		})
	}
	wg.Wait()
	a, b := slices.Collect(lists[0].From(&heaps[0], 0)), slices.Collect(lists[1].From(&heaps[1], 0))
	if !slices.EqualFunc(a, b, bytes.Equal) {
		t.Error("the same changes made two lists")
	}
}
