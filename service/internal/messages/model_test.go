package messages

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/ckptbus/ckpt"
	"pgregory.net/rapid"
)

// model is a list as a slice of IDs in order, and maps of bodies and of the
// numbers of insertions.
type model struct {
	order   []ckpt.MessageID
	bodies  map[ckpt.MessageID][]byte
	numbers map[ckpt.MessageID]int
	next    int
}

func (m *model) put(id ckpt.MessageID, body []byte) (replaced bool) {
	if m.bodies == nil {
		m.bodies, m.numbers = map[ckpt.MessageID][]byte{}, map[ckpt.MessageID]int{}
	}
	if _, replaced = m.bodies[id]; !replaced {
		m.order = append(m.order, id)
		m.numbers[id] = m.next
		m.next++
	}
	m.bodies[id] = body
	return replaced
}

func (m *model) delete(id ckpt.MessageID) bool {
	_, ok := m.bodies[id]
	delete(m.bodies, id)
	m.order = slices.DeleteFunc(m.order, func(other ckpt.MessageID) bool { return other == id })
	return ok
}

// all returns copies of the bodies in order.
func (m *model) all() [][]byte {
	list := make([][]byte, len(m.order))
	for i, id := range m.order {
		list[i] = bytes.Clone(m.bodies[id])
	}
	return list
}

// world is two heaps with lists and their models, and snapshots of earlier days.
type world struct {
	heaps     [2]Heap
	lists     []*List // each in the heap of its number modulo 2
	models    []*model
	compactor [2]*Compactor
	snapshots []func(t *rapid.T)
	written   int
}

// put puts a message that was never put before.
func (w *world) put(t *rapid.T, i int, id ckpt.MessageID, size int, keep bool) {
	w.written++
	body := message(id, size)
	body = append(body[:len(body)-size], bytes.Repeat([]byte{'a' + byte(w.written%26)}, size)...)
	replaced := w.lists[i].Put(w.heap(i), id, body, keep)
	if want := w.models[i].put(id, bytes.Clone(body)); replaced != want {
		t.Fatalf("list %d: putting %v replaced one: %t", i, id, replaced)
	}
	if !keep {
		clear(body)
	}
}

func (w *world) heap(list int) *Heap { return &w.heaps[list%2] }

func (w *world) check(t *rapid.T) {
	var live [2]int
	for i, l := range w.lists {
		want := w.models[i].all()
		if got := slices.Collect(l.From(w.heap(i), 0)); !slices.EqualFunc(got, want, bytes.Equal) {
			t.Fatalf("list %d has %d messages, or other ones than the %d of the model", i, len(got), len(want))
		}
		if l.Len() != len(want) {
			t.Fatalf("list %d: length %d, want %d", i, l.Len(), len(want))
		}
		for _, b := range want {
			live[i%2] += len(b)
		}
		if n := len(want); n > 0 {
			row := rapid.IntRange(0, n-1).Draw(t, "row")
			for b := range l.From(w.heap(i), row) {
				if !bytes.Equal(b, want[row]) {
					t.Fatalf("list %d: another message in row %d", i, row)
				}
				break
			}
			id := w.models[i].order[row]
			if b, ok := l.Get(w.heap(i), id); !ok || !bytes.Equal(b, want[row]) {
				t.Fatalf("list %d: Get of %v returns %x, %t", i, id, b, ok)
			}
			if at, b, ok := l.Find(w.heap(i), id); !ok || at != row || !bytes.Equal(b, want[row]) {
				t.Fatalf("list %d: %v of row %d is found in row %d, %t", i, id, row, at, ok)
			}
		}
	}
	w.checkNumbers(t)
	shares := map[*share]int64{}
	for i := range w.heaps {
		w.checkHeap(t, i, live[i], shares)
	}
	for s, n := range shares {
		if s.live.Load() != n {
			t.Fatalf("a common segment counts %d bytes live, has %d", s.live.Load(), n)
		}
	}
	for _, same := range w.snapshots {
		same(t)
	}
}

// checkNumbers walks each list in both directions from a place in it, and holds
// the numbers of its messages against the model's.
func (w *world) checkNumbers(t *rapid.T) {
	for i, l := range w.lists {
		m := w.models[i]
		var want, back []int
		for _, id := range m.order {
			want = append(want, m.numbers[id])
		}
		from := rapid.IntRange(0, m.next+1).Draw(t, "number")
		behind := slices.IndexFunc(want, func(n int) bool { return n >= from })
		if behind < 0 {
			behind = len(want)
		}
		at := l.Seek(from)
		var got []int
		for position, body := range l.Forth(w.heap(i), at) {
			if id := m.order[behind+len(got)]; !bytes.Equal(body, m.bodies[id]) {
				t.Fatalf("list %d: %v is not in its place behind number %d", i, id, from)
			}
			got = append(got, l.Number(position))
		}
		for position := range l.Back(w.heap(i), at) {
			back = append([]int{l.Number(position)}, back...)
		}
		if !slices.Equal(got, want[behind:]) || !slices.Equal(back, want[:behind]) || l.Number(l.End()) != m.next {
			t.Fatalf("list %d: numbers %v and, from %d on, %v, next %d; want %v, next %d", i, back, from, got, l.Number(l.End()), want, m.next)
		}
		row := rapid.IntRange(0, len(want)).Draw(t, "row")
		for position := range l.Back(w.heap(i), l.At(row)) {
			if got := l.Number(position); got != want[row-1] {
				t.Fatalf("list %d: number %d before row %d, want %d", i, got, row, want[row-1])
			}
			break
		}
		w.checkGaps(t, i, want, m.next)
	}
}

// checkGaps makes a list of the same messages and sets its gaps, which must make
// the numbers the same.
func (w *world) checkGaps(t *rapid.T, list int, want []int, next int) {
	l := w.lists[list]
	var h Heap
	same := new(List)
	for body := range l.From(w.heap(list), 0) {
		id, _, _ := IDOf(body)
		same.Put(&h, id, body, false)
	}
	gaps, err := NewGaps(l.Gaps().Pairs(), l.Len())
	if err != nil {
		t.Fatalf("the gaps %v are refused: %v", l.Gaps(), err)
	}
	same.SetGaps(gaps)
	for row := range want {
		if got := same.Number(row); got != want[row] {
			t.Fatalf("after %v are set, row %d has number %d, want %d", l.Gaps(), row, got, want[row])
		}
	}
	if got := same.Number(len(want)); got != next {
		t.Fatalf("after %v are set, the next number is %d, want %d", l.Gaps(), got, next)
	}
}

// checkHeap compares what the heap counts with what there is.
func (w *world) checkHeap(t *rapid.T, number, live int, shares map[*share]int64) {
	h := &w.heaps[number]
	perSegment := make([]int, len(h.segments))
	shared := 0
	for i, l := range w.lists {
		for _, r := range l.refs {
			if r != 0 && i%2 == number {
				perSegment[r.segment()] += len(h.get(r))
				if !r.whole() && !h.usage[r.segment()].common {
					shared += r.length()
				}
			}
		}
	}
	held := 0
	for n, s := range h.common.shares {
		if shares[s] += int64(perSegment[n]); h.segments[n] == nil || !h.usage[n].common {
			t.Fatalf("segment %d is shared and not there", n)
		}
	}
	for n, s := range h.segments {
		held += cap(s)
		if s != nil && int(h.usage[n].live) != perSegment[n] {
			t.Fatalf("segment %d counts %d bytes live, has %d", n, h.usage[n].live, perSegment[n])
		}
		if s != nil && perSegment[n] == 0 && n != h.open {
			t.Fatalf("segment %d of %d bytes has nothing live and is not given up", n, len(s))
		}
	}
	if h.Live() != live || h.shared.live != shared || h.held != held || h.Bytes() < held {
		t.Fatalf("the heap counts %d live, %d of them shared, %d held; there are %d, %d, %d",
			h.Live(), h.shared.live, h.held, live, shared, held)
	}
}

func TestListsAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := &world{}
		for range 4 {
			w.lists, w.models = append(w.lists, new(List)), append(w.models, new(model))
		}
		index := rapid.IntRange(0, len(w.lists)-1)
		id := rapid.Custom(func(t *rapid.T) ckpt.MessageID { return numbered(rapid.IntRange(0, 600).Draw(t, "id")) })
		size := rapid.OneOf(rapid.IntRange(0, 40), rapid.IntRange(0, 3000), rapid.IntRange(0, 40_000))
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				w.put(t, index.Draw(t, "list"), id.Draw(t, "id"), size.Draw(t, "size"), rapid.Bool().Draw(t, "keep"))
			},
			"put many": func(t *rapid.T) {
				i, from := index.Draw(t, "list"), rapid.IntRange(0, 600).Draw(t, "from")
				for n := range rapid.IntRange(1, 400).Draw(t, "messages") {
					w.put(t, i, numbered(from+n), n%600, false)
				}
			},
			"delete": func(t *rapid.T) {
				i, id := index.Draw(t, "list"), id.Draw(t, "id")
				if got, want := w.lists[i].Delete(w.heap(i), id), w.models[i].delete(id); got != want {
					t.Fatalf("list %d: deleting %v returns %t", i, id, got)
				}
			},
			"delete many": func(t *rapid.T) {
				i := index.Draw(t, "list")
				every := rapid.IntRange(1, 4).Draw(t, "every")
				for n, id := range slices.Clone(w.models[i].order) {
					if n%every == 0 {
						w.lists[i].Delete(w.heap(i), id)
						w.models[i].delete(id)
					}
				}
			},
			"clear": func(t *rapid.T) {
				i := index.Draw(t, "list")
				w.lists[i].Clear(w.heap(i))
				*w.models[i] = model{}
				if rapid.Bool().Draw(t, "thread is gone") {
					w.lists[i] = new(List)
				}
			},
			"renumber": func(t *rapid.T) {
				i := index.Draw(t, "list")
				m := w.models[i]
				var pairs [][2]int
				m.next = 0
				for row, id := range m.order {
					if lost := rapid.SampledFrom([]int{0, 0, 0, 1, 7}).Draw(t, "lost"); lost > 0 {
						m.next += lost
						pairs = append(pairs, [2]int{row, m.next - row})
					}
					m.numbers[id] = m.next
					m.next++
				}
				gaps, err := NewGaps(pairs, len(m.order))
				if err != nil {
					t.Fatal(err)
				}
				w.lists[i].SetGaps(gaps)
			},
			"compact": func(t *rapid.T) {
				i := rapid.IntRange(0, 1).Draw(t, "heap")
				if w.compactor[i] == nil {
					w.compactor[i] = NewCompactor([]*List{w.lists[i], w.lists[i+2]})
				}
				if w.compactor[i].Step(&w.heaps[i], rapid.IntRange(1, 20_000).Draw(t, "budget")) {
					w.compactor[i] = nil
					for n, u := range w.heaps[i].usage {
						if u.condemned && w.heaps[i].segments[n] != nil {
							t.Fatalf("segment %d is left with %d bytes live", n, u.live)
						}
					}
				}
			},
			"fork": func(t *rapid.T) {
				i, to := index.Draw(t, "list"), index.Draw(t, "to")
				if i == to {
					return
				}
				w.lists[to].Clear(w.heap(to))
				// In its place, as that of a thread that was there all the time: a
				// compactor may be about to visit it.
				*w.lists[to] = w.lists[i].Fork(w.heap(i), w.heap(to))
				*w.models[to] = model{order: slices.Clone(w.models[i].order), bodies: maps.Clone(w.models[i].bodies),
					numbers: maps.Clone(w.models[i].numbers), next: w.models[i].next}
			},
			"snapshot": func(t *rapid.T) {
				i := index.Draw(t, "list")
				s, want := w.lists[i].Snapshot(w.heap(i)), w.models[i].all()
				taken := fmt.Sprintf("the snapshot of list %d after %d puts", i, w.written)
				same := func(t *rapid.T) {
					if s.Len() != len(want) || !slices.EqualFunc(slices.Collect(s.All()), want, bytes.Equal) {
						t.Fatalf("%s changed", taken)
					}
				}
				w.snapshots = append(w.snapshots, same)
			},
			"edited snapshot": func(t *rapid.T) {
				i := index.Draw(t, "list")
				s, want := w.lists[i].Snapshot(w.heap(i)), w.models[i].all()
				for range rapid.IntRange(1, 5).Draw(t, "edits") {
					row, body := rapid.IntRange(0, len(want)).Draw(t, "row"), message(numbered(7), rapid.IntRange(0, 20).Draw(t, "size"))
					switch edit := rapid.IntRange(0, 2).Draw(t, "edit"); {
					case edit == 0:
						s.Truncate(row)
						want = want[:row]
					case edit == 1 || row == len(want):
						s.Insert(row, body)
						want = slices.Insert(want, row, body)
					default:
						s.Replace(row, body)
						want[row] = body
					}
				}
				if s.Len() != len(want) || !slices.EqualFunc(slices.Collect(s.All()), want, bytes.Equal) {
					t.Fatalf("the edited snapshot of list %d has %d messages, or other ones than the %d of the model", i, s.Len(), len(want))
				}
			},
			"": w.check,
		})
	})
}
