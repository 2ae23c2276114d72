package messages

import (
	"cmp"
	"fmt"
	"slices"
)

// Gaps are the numbers that are missing in a list. Each message has a number, that of its insertion in its list: the first ever
// has 0, and no later one has it again. A list that has lost no message needs
// not remember any: a message's number is its position. Where some were lost,
// Gaps tell which numbers are missing: one entry where messages follow on one
// another in the list and do not in their numbers. So there are never more of
// them than messages, and one where the oldest messages are always deleted.
type Gaps []gap

// gap says that in front of the message at a position, or of the next one to
// come, so many numbers are missing in all.
type gap struct{ at, lost int }

// number returns the number of the message at a position.
func (g Gaps) number(position int) int {
	i, found := slices.BinarySearchFunc(g, position, func(x gap, p int) int { return cmp.Compare(x.at, p) })
	if !found {
		i--
	}
	if i < 0 {
		return position
	}
	return position + g[i].lost
}

// position returns the first position whose number is the number or more.
func (g Gaps) position(number int) int {
	i, found := slices.BinarySearchFunc(g, number, func(x gap, n int) int { return cmp.Compare(x.at+x.lost, n) })
	if found {
		return g[i].at
	}
	at := number
	if i > 0 {
		at -= g[i-1].lost
	}
	if i < len(g) {
		at = min(at, g[i].at)
	}
	return at
}

// lose returns the gaps after the message at a position was taken out and
// those behind it moved up.
func (g Gaps) lose(position int) Gaps {
	i, found := slices.BinarySearchFunc(g, position, func(x gap, p int) int { return cmp.Compare(x.at, p) })
	behind := i
	if found {
		g[i].lost++
		behind++
	}
	for j := behind; j < len(g); j++ {
		g[j].at--
		g[j].lost++
	}
	meet := behind < len(g) && g[behind].at == position
	switch {
	case found && meet: // the two are one now
		return slices.Delete(g, i, i+1)
	case found || meet:
		return g
	}
	lost := 1
	if i > 0 {
		lost += g[i-1].lost
	}
	return slices.Insert(g, i, gap{position, lost})
}

// packed returns the list's gaps as they are when its tombstones are taken out.
func (l *List) packed() (list Gaps) {
	if l.long == nil {
		return nil
	}
	if l.long.dead == 0 {
		return slices.Clone(l.long.gaps)
	}
	row, lost, next := 0, 0, 0 // of the gaps so far, and of those to come
	old := l.long.gaps
	shift := 0 // what the old gaps say of this position
	for at := range len(l.refs) + 1 {
		for next < len(old) && old[next].at <= at {
			shift = old[next].lost
			next++
		}
		if at < len(l.refs) && l.refs[at] == 0 {
			continue
		}
		if missing := at + shift - row; missing > lost {
			list = append(list, gap{row, missing})
			lost = missing
		}
		row++
	}
	return list
}

// Gaps returns the list's gaps, such that [List.SetGaps] gives the messages of
// another list that was filled with the same ones their numbers.
func (l *List) Gaps() Gaps { return l.packed() }

// SetGaps gives the messages the numbers that they have in a list of the same
// messages whose gaps are g.
func (l *List) SetGaps(g Gaps) {
	if slices.Equal(l.packed(), g) {
		return
	}
	if l.long != nil && l.long.dead > 0 {
		l.squeeze()
	}
	l.lengthen().gaps = slices.Clone(g)
	if g == nil && !l.indexed() {
		l.long = nil
	}
}

// NewGaps returns the gaps of a list of so many messages from the pairs that
// [Gaps.Pairs] returned. The error is that of pairs which cannot be of such a list.
func NewGaps(pairs [][2]int, messages int) (Gaps, error) {
	var g Gaps
	last := gap{at: -1}
	for i, p := range pairs {
		x := gap{p[0], p[1]}
		if x.at <= last.at || x.at > messages || x.lost <= last.lost {
			return nil, fmt.Errorf("gap %d of %d messages is %v, after %v", i, messages, x, last)
		}
		g, last = append(g, x), x
	}
	return g, nil
}

// Pairs returns the gaps as rows and how many numbers are missing in front of
// them; nil of none.
func (g Gaps) Pairs() [][2]int {
	var pairs [][2]int
	for _, x := range g {
		pairs = append(pairs, [2]int{x.at, x.lost})
	}
	return pairs
}
