package messages

import (
	"bytes"
	"slices"
	"sync"
	"testing"
)

// fragment returns a heap in which three of four messages of each list were
// deleted, and what is left.
func fragment(lists, messages int) (*Heap, []*List, [][][]byte) {
	h := new(Heap)
	all := make([]*List, lists)
	for i := range all {
		all[i] = new(List)
	}
	for n := range messages {
		for _, l := range all {
			l.Put(h, numbered(n), message(numbered(n), 260), false)
		}
	}
	left := make([][][]byte, lists)
	for i, l := range all {
		for n := range messages {
			if n%4 != 0 {
				l.Delete(h, numbered(n))
			}
		}
		for body := range l.From(h, 0) {
			left[i] = append(left[i], bytes.Clone(body))
		}
	}
	return h, all, left
}

func TestCompactionReclaimsInBoundedSteps(t *testing.T) {
	t.Parallel()
	h, lists, want := fragment(5, 4000)
	before := h.Bytes()
	if !h.Fragmented() {
		t.Fatalf("%d bytes for %d live are not called fragmented", before, h.Live())
	}
	const budget = 10_000
	c := NewCompactor(slices.Clone(lists))
	steps := 0
	for done := false; !done; steps++ {
		refs := make([][]ref, len(lists))
		for i, l := range lists {
			refs[i] = slices.Clone(l.refs)
		}
		done = c.Step(h, budget)
		moved := 0
		for i, l := range lists {
			for at, r := range l.refs {
				if r != refs[i][at] {
					moved += len(h.get(r))
				}
			}
		}
		if moved > budget+maxPacked {
			t.Fatalf("a step of %d bytes moved %d", budget, moved)
		}
	}
	if least := h.Live() / (2 * budget); steps < least {
		t.Errorf("%d steps, want %d or more", steps, least)
	}
	if h.Fragmented() || h.Bytes() > h.Live()*4/3+maxGarbage {
		t.Errorf("after compaction %d bytes for %d live, before %d", h.Bytes(), h.Live(), before)
	}
	for i, l := range lists {
		if !slices.EqualFunc(slices.Collect(l.From(h, 0)), want[i], bytes.Equal) {
			t.Errorf("list %d has changed", i)
		}
	}
}

// A list that is squeezed between two steps has its messages elsewhere.
func TestCompactionMissesNothingOfListsThatChange(t *testing.T) {
	t.Parallel()
	h, lists, _ := fragment(3, 4000)
	c := NewCompactor(slices.Clone(lists))
	for n := 0; !c.Step(h, 5000); n++ {
		lists[0].Delete(h, numbered(4*n))
		lists[1].Put(h, numbered(4*n), message(numbered(4*n), 250), false)
		lists[2].Put(h, numbered(100_000+n), message(numbered(100_000+n), 250), false)
		if n == 20 {
			lists[1].Clear(h)
		}
	}
	for n, u := range h.usage {
		if u.condemned && u.live > 0 {
			t.Errorf("segment %d was to be emptied and has %d bytes live", n, u.live)
		}
	}
}

func TestCompactionIsBoundedOverEmptyLists(t *testing.T) {
	t.Parallel()
	lists := make([]*List, 1000)
	for i := range lists {
		lists[i] = new(List)
	}
	var h Heap
	steps := 1
	for c := NewCompactor(lists); !c.Step(&h, 100*lookAtList); steps++ {
	}
	if steps != 10 {
		t.Errorf("%d steps for 1,000 lists, 100 a step", steps)
	}
}

func TestSmallHeapsAreNotFragmented(t *testing.T) {
	t.Parallel()
	var h Heap
	if h.Fragmented() || h.Bytes() != 0 || h.Live() != 0 {
		t.Errorf("an empty heap has %d bytes, %d live", h.Bytes(), h.Live())
	}
	if !NewCompactor(nil).Step(&h, 1) {
		t.Error("there is something to compact in an empty heap")
	}
	l := fill(&h, 10)
	for i := range 9 {
		l.Delete(&h, numbered(i))
	}
	if h.Fragmented() {
		t.Errorf("%d bytes are called fragmented", h.Bytes())
	}
}

// Readers hold bytes and snapshots without the lock while a writer goes on;
// the race detector tells whether any of these bytes is written.
func TestReadersNeedNoLock(t *testing.T) {
	t.Parallel()
	h, lists, want := fragment(2, 1000)
	var mu sync.RWMutex
	var readers sync.WaitGroup
	for i, l := range lists {
		readers.Go(func() {
			for range 20 {
				mu.RLock()
				s := l.Snapshot(h)
				kept, _ := l.Get(h, numbered(0))
				mu.RUnlock()
				if !slices.EqualFunc(slices.Collect(s.All()), want[i], bytes.Equal) || !bytes.Equal(kept, want[i][0]) {
					t.Errorf("list %d reads differently", i)
				}
			}
		})
	}
	other := new(List)
	var c *Compactor
	for n := range 2000 {
		mu.Lock()
		other.Put(h, numbered(n%100), message(numbered(n%100), n%500), false)
		if c == nil {
			c = NewCompactor([]*List{lists[0], lists[1], other})
		}
		if c.Step(h, 2000) {
			c = nil
		}
		mu.Unlock()
	}
	readers.Wait()
}
