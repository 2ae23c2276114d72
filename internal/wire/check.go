package wire

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and maps may nest in a payload. Agents' states
// nest some ten levels; decoders that recurse, in any language, survive 128.
const MaxDepth = 128

// Check reports whether b is exactly one well-formed msgpack value that a
// decoder may be given: lengths that fit the bytes, at most [MaxDepth] levels,
// scalar map keys, valid UTF-8 in strings, timestamps in their three forms.
// It allocates nothing where b is sound.
func Check(b []byte) error {
	end, err := checkValue(b, 0)
	if err != nil {
		return err
	}
	if end != len(b) {
		return fmt.Errorf("%d bytes follow the value", len(b)-end)
	}
	return nil
}

// checkValue checks the value at b[p] and returns where it ends.
func checkValue(b []byte, p int) (int, error) {
	if body, end := shortString(b, p); body > 0 {
		return end, checkShort(b, body, end)
	}
	t, err := read(b, p)
	if err != nil {
		return 0, err
	}
	if t.kind == Array || t.kind == Map {
		return checkNested(b, t)
	}
	return t.end, t.checkScalar(b)
}

func (t token) checkScalar(b []byte) error {
	switch t.kind {
	case Str:
		if !utf8.Valid(b[t.body:t.end]) {
			return notUTF8(t.body)
		}
	case Ext:
		if n := t.end - t.body; t.ext == extTimestamp && n != 4 && n != 8 && n != 12 {
			return fmt.Errorf("the timestamp at offset %d has %d bytes, want 4, 8 or 12", t.body, n)
		}
	}
	return nil
}

func notUTF8(p int) error { return fmt.Errorf("the string at offset %d is not valid UTF-8", p) }

// extTimestamp is the extension type that the msgpack specification reserves
// for times.
const extTimestamp = -1

// A level is an array or a map whose elements are being checked.
type level struct {
	left  uint32 // elements still to come; in a map, an even count announces a key
	isMap bool
}

// checkNested checks the elements of the array or map t without recursion, so
// that its own stack is bounded whatever b claims.
func checkNested(b []byte, t token) (int, error) {
	var outer [MaxDepth - 1]level // the levels around this one
	depth := 0
	this := level{uint32(t.count), t.kind == Map}
	for p := t.end; ; {
		for this.left == 0 {
			if depth == 0 {
				return p, nil
			}
			depth--
			this = outer[depth]
		}
		key := this.isMap && this.left&1 == 0
		this.left--
		// Most of a state are short strings, its keys above all: they pass
		// without the detour over a token.
		if body, end := shortString(b, p); body > 0 {
			if err := checkShort(b, body, end); err != nil {
				return 0, err
			}
			p = end
			continue
		}
		t, err := read(b, p)
		if err != nil {
			return 0, err
		}
		if key && (t.kind == Array || t.kind == Map || t.kind == Ext) {
			return 0, fmt.Errorf("the map key at offset %d is %s, want a scalar", p, t.kind)
		}
		p = t.end
		if t.kind != Array && t.kind != Map {
			if err := t.checkScalar(b); err != nil {
				return 0, err
			}
			continue
		}
		if depth == len(outer) {
			return 0, fmt.Errorf("values nest deeper than %d levels", MaxDepth)
		}
		outer[depth] = this
		depth++
		this = level{uint32(t.count), t.kind == Map}
	}
}

// shortString returns where the bytes of the string at b[p] start and end, if
// it is one of less than 256 bytes; body is 0 otherwise.
func shortString(b []byte, p int) (body, end int) {
	switch {
	case p < len(b) && b[p]&0xe0 == 0xa0:
		return p + 1, p + 1 + int(b[p]&0x1f)
	case p+1 < len(b) && b[p] == 0xd9:
		return p + 2, p + 2 + int(b[p+1])
	}
	return 0, 0
}

// checkShort checks what shortString found.
func checkShort(b []byte, body, end int) error {
	if end > len(b) {
		return errTruncated
	}
	if s := b[body:end]; !ascii(s) && !utf8.Valid(s) {
		return notUTF8(body)
	}
	return nil
}

// ascii reports whether s is all ASCII. It says so of short strings in less
// time than utf8.Valid, which looks at the first bytes one by one.
func ascii(s []byte) bool {
	var all uint64
	for ; len(s) >= 32; s = s[32:] { // four steps of the next loop at once
		all |= binary.LittleEndian.Uint64(s) | binary.LittleEndian.Uint64(s[8:]) |
			binary.LittleEndian.Uint64(s[16:]) | binary.LittleEndian.Uint64(s[24:])
	}
	for ; len(s) >= 8; s = s[8:] {
		all |= binary.LittleEndian.Uint64(s)
	}
	for _, c := range s {
		all |= uint64(c)
	}
	return all&0x8080808080808080 == 0
}

// skip returns where the value at b[p] ends. The bytes must have been checked.
func skip(b []byte, p int) int {
	for left := 1; left > 0; left-- {
		t, err := read(b, p)
		if err != nil {
			panic("wire: skip over bytes that were not checked: " + err.Error())
		}
		left += t.count
		p = t.end
	}
	return p
}

// Split checks the value that b begins with and returns it, and what follows.
func Split(b []byte) (value Raw, rest []byte, err error) {
	end, err := checkValue(b, 0)
	if err != nil {
		return nil, nil, err
	}
	return b[:end:end], b[end:], nil
}
