package messages

import (
	"slices"
	"testing"
)

// Gaps that no list can have are refused: those that do not ascend, and those
// behind the end.
func TestNewGapsRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		pairs [][2]int
		ok    bool
	}{
		"none":           {nil, true},
		"at the end":     {[][2]int{{0, 1}, {3, 4}}, true},
		"behind the end": {[][2]int{{4, 1}}, false},
		"negative":       {[][2]int{{-1, 1}}, false},
		"nothing lost":   {[][2]int{{0, 0}}, false},
		"same row":       {[][2]int{{1, 1}, {1, 2}}, false},
		"descending":     {[][2]int{{2, 1}, {1, 2}}, false},
		"less lost":      {[][2]int{{0, 2}, {1, 2}}, false},
	} {
		if g, err := NewGaps(test.pairs, 3); (err == nil) != test.ok || !slices.Equal(g.Pairs(), test.pairs) && test.ok {
			t.Errorf("%s: %v, %v", name, g, err)
		}
	}
}

// A thread that keeps its last messages has one gap, however many came before.
func TestGapsOfTheOldest(t *testing.T) {
	t.Parallel()
	var h Heap
	for _, keep := range []int{5, 100} {
		l := new(List)
		for i := range 10_000 {
			l.Put(&h, numbered(i), message(numbered(i), 1), false)
			if i >= keep {
				l.Delete(&h, numbered(i-keep))
			}
		}
		if gaps := l.Gaps().Pairs(); len(gaps) != 1 || gaps[0] != [2]int{0, 10_000 - keep} {
			t.Errorf("keep %d: gaps %v", keep, gaps)
		}
	}
}
