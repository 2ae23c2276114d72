package messages

import (
	"testing"

	"pgregory.net/rapid"
)

// Hashes of few values make long runs and equal hashes; the highest ones make
// runs that go on at the front of the table.
func TestIndexAgainstMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var x index
		hashes := map[int]uint32{} // by position
		check := func() {
			if x.used != len(hashes) {
				t.Fatalf("the index counts %d entries, want %d", x.used, len(hashes))
			}
			for position, hash := range hashes {
				at := x.find(hash, func(p int) bool { return p == position })
				if at < 0 || positionIn(x.slots[at]) != position {
					t.Fatalf("position %d with hash %x is not found", position, hash)
				}
			}
			if x.find(0x12345678, func(int) bool { return true }) >= 0 {
				t.Fatal("found a hash that was never added")
			}
		}
		hash := rapid.SampledFrom([]uint32{0, 1, 1 << 20, 1 << 31, 0xfff00000, 0xfffffffe, 0xffffffff})
		next := 0
		for range rapid.IntRange(1, 150).Draw(t, "operations") {
			if rapid.IntRange(0, 2).Draw(t, "operation") > 0 || len(hashes) == 0 {
				h := hash.Draw(t, "hash")
				x.add(h, next)
				hashes[next] = h
				next++
			} else {
				position := rapid.IntRange(0, next-1).Draw(t, "position")
				if h, ok := hashes[position]; ok {
					x.remove(x.find(h, func(p int) bool { return p == position }))
					delete(hashes, position)
				}
			}
		}
		check()
		moved := make([]uint32, next)
		after := map[int]uint32{}
		for i := range moved {
			moved[i] = uint32(i + 7)
			if h, ok := hashes[i]; ok {
				after[i+7] = h
			}
		}
		x.rebuild(max(minSlots, len(hashes)*3/2), moved)
		hashes = after
		check()
	})
}
