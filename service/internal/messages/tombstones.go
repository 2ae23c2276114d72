package messages

// tombstones counts the places of a long list that deleted messages have left,
// so that a deletion moves nothing and rows are still found fast.
type tombstones struct {
	dead int // all of them
	// deadIn counts them by block of positions. The blocks behind the last
	// one that ever had some are left out.
	deadIn []uint16
}

// deadBlock is how many positions share one count. Counting 1,000,000 rows
// takes some 4,000 additions, and the counts cost a hundredth of a byte a
// message.
const deadBlock = 256

// bury counts a tombstone at a position.
func (t *tombstones) bury(position int) {
	for block := position / deadBlock; block >= len(t.deadIn); {
		t.deadIn = append(t.deadIn, 0)
	}
	t.deadIn[position/deadBlock]++
	t.dead++
}

// position returns where the row is, or a tombstone that lies right before it.
// The row must exist.
func (t *tombstones) position(refs []ref, row int) int {
	at := 0
	for _, dead := range t.deadIn {
		alive := deadBlock - int(dead)
		if row < alive {
			break
		}
		row -= alive
		at += deadBlock
	}
	for ; row > 0; at++ {
		if at/deadBlock >= len(t.deadIn) {
			return at + row // no tombstones from here on
		}
		if refs[at] != 0 {
			row--
		}
	}
	return at
}

// squeeze takes the tombstones out of the list, which is due where they
// outweigh the messages: so each deletion pays for the moving of about one
// message.
func (l *List) squeeze() {
	n, gaps := l.Len(), l.packed()
	moved := make([]uint32, len(l.refs))
	refs := make([]ref, 0, n+n/8)
	for i, r := range l.refs {
		if r != 0 {
			moved[i] = uint32(len(refs))
			refs = append(refs, r)
		}
	}
	l.refs = refs
	if n <= shortList {
		l.long = &long{gaps: gaps}
		return
	}
	l.long.tombstones, l.long.gaps = tombstones{}, gaps
	l.long.index.rebuild(max(minSlots, n*3/2), moved)
}
