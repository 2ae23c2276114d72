package wire

// Text returns the bytes of the string that r is, r's own; false where r is
// another value.
func (r Raw) Text() ([]byte, bool) {
	if body, end := shortString(r, 0); body > 0 {
		return r[body:end:end], true
	}
	t := r.token()
	if t.kind != Str {
		return nil, false
	}
	return r[t.body:t.end:t.end], true
}

// Scalars calls yield with each value in r that is neither an array nor a map,
// at any depth and in order; r itself where it is one. Keys of maps are passed
// over. It neither recurses nor allocates. The values share r's bytes.
func (r Raw) Scalars(yield func(v Raw) bool) {
	// As in checkNested, with one more level: that of r itself.
	var left [MaxDepth + 1]uint32
	var isMap [MaxDepth + 1]bool
	depth, p := 0, 0
	for left[0] = 1; ; {
		for left[depth] == 0 {
			if depth == 0 {
				return
			}
			depth--
		}
		key := isMap[depth] && left[depth]&1 == 0
		left[depth]--
		t, err := read(r, p)
		if err != nil {
			panic("wire: scalars of bytes that were not checked: " + err.Error())
		}
		switch {
		case t.kind == Array || t.kind == Map:
			depth++
			left[depth], isMap[depth] = uint32(t.count), t.kind == Map
		case !key && !yield(r[p:t.end:t.end]):
			return
		}
		p = t.end
	}
}
