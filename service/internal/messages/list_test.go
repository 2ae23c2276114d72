package messages

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

// message returns a message with the ID and a content text of n letters. Where
// n is odd, the ID is not its first field.
func message(id ckpt.MessageID, n int) []byte {
	role := wire.AppendStr(wire.AppendStr(nil, "role"), "user")
	b := wire.AppendMapHeader(nil, 3)
	if n%2 == 1 {
		b = append(b, role...)
	}
	b, err := id.AppendWire(wire.AppendStr(b, idKey))
	if err != nil {
		panic(err)
	}
	if n%2 == 0 {
		b = append(b, role...)
	}
	return wire.AppendStr(wire.AppendStr(b, "content"), strings.Repeat("x", n))
}

// numbered returns the ID of the i-th message of a test, one in three an integer.
func numbered(i int) ckpt.MessageID {
	if i%3 == 0 {
		return ckpt.IntID(int64(i))
	}
	return ckpt.StringID(fmt.Sprintf("m-%d", i))
}

// fill puts n messages with the IDs numbered(0) to numbered(n-1).
func fill(h *Heap, n int) *List {
	l := new(List)
	for i := range n {
		l.Put(h, numbered(i), message(numbered(i), i%50), false)
	}
	return l
}

// idsOf returns the IDs of the bodies.
func idsOf(t *testing.T, bodies []([]byte)) []ckpt.MessageID {
	t.Helper()
	var ids []ckpt.MessageID
	for _, b := range bodies {
		id, ok, err := IDOf(b)
		if !ok || err != nil {
			t.Fatalf("no ID in %x: %v", b, err)
		}
		ids = append(ids, id)
	}
	return ids
}

func TestPutKeepsOrderAndReplacesInPlace(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 5, shortList, shortList + 1, 1000} {
		var h Heap
		l := fill(&h, n)
		var want []ckpt.MessageID
		for i := range n {
			want = append(want, numbered(i))
		}
		for _, i := range []int{0, n / 2, n - 1} {
			body := message(numbered(i), 77)
			if !l.Put(&h, numbered(i), body, false) {
				t.Errorf("%d messages: putting %v again did not replace it", n, numbered(i))
			}
			if got, ok := l.Get(&h, numbered(i)); !ok || !slices.Equal(got, body) {
				t.Errorf("%d messages: got %x, %t for %v, want %x", n, got, ok, numbered(i), body)
			}
		}
		if got := idsOf(t, slices.Collect(l.From(&h, 0))); !slices.Equal(got, want) || l.Len() != n {
			t.Errorf("%d messages: length %d, order %v", n, l.Len(), got)
		}
		if _, ok := l.Get(&h, ckpt.StringID("none")); ok {
			t.Errorf("%d messages: got one that was never put", n)
		}
		if l.Delete(&h, ckpt.StringID("none")) {
			t.Errorf("%d messages: deleted one that was never put", n)
		}
	}
}

func TestIntegerIDIsOneIDInAnyWidth(t *testing.T) {
	t.Parallel()
	widths := [][]byte{
		{7}, {0xcc, 7}, {0xcd, 0, 7}, {0xce, 0, 0, 0, 7}, {0xcf, 0, 0, 0, 0, 0, 0, 0, 7},
		{0xd0, 7}, {0xd1, 0, 7}, {0xd2, 0, 0, 0, 7}, {0xd3, 0, 0, 0, 0, 0, 0, 0, 7},
	}
	for _, others := range []int{0, 1000} {
		var h Heap
		l := new(List)
		for i := range others {
			id := ckpt.IntID(int64(1000 + i))
			l.Put(&h, id, message(id, 0), false)
		}
		l.Put(&h, ckpt.StringID("7"), message(ckpt.StringID("7"), 0), false)
		for i, number := range widths {
			body := append(wire.AppendStr(wire.AppendMapHeader(nil, 1), idKey), number...)
			id, _, err := IDOf(body)
			if err != nil || id != ckpt.IntID(7) {
				t.Fatalf("the ID of %x is %v, %v", body, id, err)
			}
			if replaced := l.Put(&h, id, body, false); replaced != (i > 0) {
				t.Errorf("width %d of 7: replaced is %t", i, replaced)
			}
			if got, ok := l.Get(&h, ckpt.UintID(7)); !ok || !slices.Equal(got, body) {
				t.Errorf("got %x, %t for 7, want %x", got, ok, body)
			}
		}
		if l.Len() != others+2 {
			t.Errorf("the list has %d messages, want %d", l.Len(), others+2)
		}
	}
}

func TestRowsAreCountedOverLiveMessages(t *testing.T) {
	t.Parallel()
	for _, n := range []int{10, 100, 5000} {
		var h Heap
		l := fill(&h, n)
		var want []ckpt.MessageID
		for i := range n {
			if i < n/3 && i%2 == 0 || i == n-1 || i > n/2 && i < n/2+n/8 {
				if !l.Delete(&h, numbered(i)) {
					t.Fatalf("%v was not there to delete", numbered(i))
				}
			} else {
				want = append(want, numbered(i))
			}
		}
		if l.Len() != len(want) {
			t.Fatalf("length %d, want %d", l.Len(), len(want))
		}
		for offset := -1; offset <= n+1; offset++ {
			rows := want[min(max(offset, 0), len(want)):]
			first := slices.Collect(func(yield func([]byte) bool) {
				for body := range l.From(&h, offset) {
					if yield(body); len(rows) > 3 {
						return
					}
				}
			})
			if len(rows) > 3 {
				rows = rows[:1]
			}
			if got := idsOf(t, first); !slices.Equal(got, rows) {
				t.Fatalf("%d messages, from row %d: %v, want %v", n, offset, got, rows)
			}
		}
	}
}

func TestLongListIsSqueezedAndBecomesShort(t *testing.T) {
	t.Parallel()
	const n = 10_000
	var h Heap
	l := fill(&h, n)
	for i := range n - 3 {
		if !l.Delete(&h, numbered(i)) {
			t.Fatalf("%v was not there to delete", numbered(i))
		}
		if len(l.refs) > 2*l.Len()+1 {
			t.Fatalf("%d places for %d messages", len(l.refs), l.Len())
		}
		if _, ok := l.Get(&h, numbered(n-1)); !ok {
			t.Fatalf("after %d deletions the last message is gone", i+1)
		}
	}
	if l.indexed() {
		t.Error("a list of 3 has an index")
	}
	if l.Len() != 3 || cap(l.refs) > 2*shortList {
		t.Errorf("%d messages left in %d places", l.Len(), cap(l.refs))
	}
	for i := n - 3; i < n; i++ {
		l.Delete(&h, numbered(i))
	}
	if l.Len() != 0 || h.Live() != 0 || h.Bytes() > 64<<10 {
		t.Errorf("%d messages, %d bytes live of %d after all were deleted", l.Len(), h.Live(), h.Bytes())
	}
}

func TestPutCopiesSmallBodiesAndKeepsLargeOnes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		size int
		keep bool
		same bool // the list holds the caller's buffer
	}{
		{"small", 300, true, false},
		{"over a quarter of a segment", 2000, true, false},
		{"large, not given away", 100_000, false, false},
		{"large", 100_000, true, true},
		{"larger than any segment", 3 << 20, true, true},
		{"larger than any segment, not given away", 3 << 20, false, false},
	} {
		var h Heap
		var l List
		id := ckpt.StringID("a")
		body := message(id, tc.size)
		l.Put(&h, id, body, tc.keep)
		got, ok := l.Get(&h, id)
		if !ok || !slices.Equal(got, body) {
			t.Fatalf("%s: what was put does not come back", tc.name)
		}
		if same := &got[0] == &body[0]; same != tc.same {
			t.Errorf("%s: the caller's buffer kept: %t", tc.name, same)
		}
		if cap(got) != len(got) {
			t.Errorf("%s: appending to the message would write into the heap", tc.name)
		}
		l.Clear(&h)
		if l.Len() != 0 || h.Live() != 0 || h.held > minSegment {
			t.Errorf("%s: after Clear %d messages, %d bytes live, %d held", tc.name, l.Len(), h.Live(), h.held)
		}
	}
}

func TestIntegerAndStringAreTwoIDs(t *testing.T) {
	t.Parallel()
	for _, others := range []int{0, 100} {
		var h Heap
		l := fill(&h, others)
		ids := []ckpt.MessageID{ckpt.IntID(707), ckpt.StringID("707"), ckpt.StringID("-8"), ckpt.IntID(-8)}
		for _, id := range ids {
			if l.Put(&h, id, message(id, 0), false) {
				t.Errorf("%v replaced another message", id)
			}
		}
		for i, id := range ids {
			if got, ok := l.Get(&h, id); !ok || !slices.Equal(got, message(id, 0)) {
				t.Errorf("among %d: got %x, %t for ID %d, %v", others, got, ok, i, id)
			}
		}
	}
}

func TestEmptiedHeapGivesUpItsMemory(t *testing.T) {
	t.Parallel()
	var h Heap
	l := new(List)
	for i := range 4000 {
		l.Put(&h, numbered(i), message(numbered(i), 4000), false)
	}
	if size := len(h.segments[h.open]); size <= minSegment || size > maxSegment {
		t.Fatalf("a heap of %d bytes opens segments of %d", h.Live(), size)
	}
	for i := range 4000 {
		l.Delete(&h, numbered(i))
	}
	if h.Live() != 0 || h.held > minSegment {
		t.Errorf("%d bytes live, %d held", h.Live(), h.held)
	}
}

func TestReadingAllocatesNothing(t *testing.T) {
	for _, n := range []int{10, 1000} {
		var h Heap
		l := fill(&h, n)
		for _, id := range []ckpt.MessageID{numbered(6), numbered(7)} {
			if got := testing.AllocsPerRun(100, func() { l.Get(&h, id) }); got != 0 {
				t.Errorf("Get of %v among %d messages allocates %v times", id, n, got)
			}
		}
	}
}
