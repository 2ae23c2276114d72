package store

import (
	"math"
	"strings"
)

// bound is where a page begins in an order of threads.
type bound struct {
	key
	set     bool // else it begins at an end of the order
	with    bool // it begins with the key itself, and not behind it
	reverse bool
}

// before reports whether the key lies behind the bound, in its direction.
func (b bound) before(k key) bool {
	if !b.set {
		return true
	}
	c := b.key.compare(k)
	return c < 0 && !b.reverse || c > 0 && b.reverse || c == 0 && b.with
}

// behindAll is an ID that none comes behind: it is no UTF-8.
var behindAll = strings.Repeat("\xff", 2)

// pivot is the key that a walk from the bound on begins at.
func (b bound) pivot() key {
	switch {
	case b.set:
		return b.key
	case b.reverse:
		return key{math.MaxInt64, behindAll}
	}
	return key{math.MinInt64, ""}
}

// tree is an order of items.
type tree[T any] interface {
	Ascend(pivot T, yield func(T) bool)
	Descend(pivot T, yield func(T) bool)
}

// walk calls yield with the items from the pivot on, in the bound's direction.
func walk[T any](t tree[T], b bound, pivot T, yield func(T) bool) {
	if b.reverse {
		t.Descend(pivot, yield)
	} else {
		t.Ascend(pivot, yield)
	}
}

// seeker calls yield with the threads of a group that lie behind a bound, in
// order.
type seeker func(g group, from bound, yield func(candidate) bool)

// common returns up to n threads behind the bound that are in all of the groups.
// Of several groups it takes turns: each goes on from where the one before came
// to, so that it takes no longer than the smallest one would by itself.
func common(in []group, from bound, n int, seek seeker) []candidate {
	list := make([]candidate, 0, n)
	if len(in) == 1 {
		seek(in[0], from, func(c candidate) bool {
			list = append(list, c)
			return len(list) < n
		})
		return list
	}
	for len(list) < n {
		var at candidate
		agreed := 0 // groups in a row that have the thread
		next := from
		for i := 0; agreed < len(in); i = (i + 1) % len(in) {
			found := false
			seek(in[i], next, func(c candidate) bool {
				if found = true; agreed > 0 && c.key == at.key {
					agreed++
				} else {
					at, agreed = c, 1
				}
				return false
			})
			if !found {
				return list
			}
			next.key, next.set, next.with = at.key, true, true
		}
		list = append(list, at)
		from.key, from.set = at.key, true
	}
	return list
}
