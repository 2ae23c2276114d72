package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Kind is the family of a msgpack value.
type Kind uint8

// The families of the msgpack specification; Invalid is the zero value.
const (
	Invalid Kind = iota
	Nil
	Bool
	Int  // a signed integer
	Uint // an unsigned integer
	Float
	Str
	Bin
	Array
	Map
	Ext
)

// String returns the name that error messages use.
func (k Kind) String() string {
	return [...]string{"invalid", "nil", "bool", "integer", "integer", "float", "string", "binary", "array", "map", "extension"}[k]
}

// A token is one msgpack value's header and, for a scalar, its body.
type token struct {
	kind  Kind
	ext   int8 // the extension's type
	body  int  // where the body starts
	end   int  // where a scalar ends; of an array or map, where its first element starts
	count int  // elements that follow: n of an array, 2n of a map, else 0
}

var errTruncated = errors.New("the payload ends in the middle of a value")

// shape tells, for a first byte from 0xc0 to 0xdf, the value's family, the
// bytes of its length field and the bytes of a fixed body.
var shape = [32]struct {
	kind          Kind
	length, fixed uint8
}{
	{Nil, 0, 0}, {Invalid, 0, 0}, {Bool, 0, 0}, {Bool, 0, 0}, // c0-c3
	{Bin, 1, 0}, {Bin, 2, 0}, {Bin, 4, 0}, // c4-c6
	{Ext, 1, 1}, {Ext, 2, 1}, {Ext, 4, 1}, // c7-c9: the type byte counts as fixed
	{Float, 0, 4}, {Float, 0, 8}, // ca-cb
	{Uint, 0, 1}, {Uint, 0, 2}, {Uint, 0, 4}, {Uint, 0, 8}, // cc-cf
	{Int, 0, 1}, {Int, 0, 2}, {Int, 0, 4}, {Int, 0, 8}, // d0-d3
	{Ext, 0, 2}, {Ext, 0, 3}, {Ext, 0, 5}, {Ext, 0, 9}, {Ext, 0, 17}, // d4-d8
	{Str, 1, 0}, {Str, 2, 0}, {Str, 4, 0}, // d9-db
	{Array, 2, 0}, {Array, 4, 0}, {Map, 2, 0}, {Map, 4, 0}, // dc-df
}

// read reads the header at b[p]. It returns an error where the value's own
// bytes, or one byte for each element that it claims, do not fit into b.
func read(b []byte, p int) (token, error) {
	if p >= len(b) {
		return token{}, errTruncated
	}
	c := b[p]
	p++
	t := token{body: p, end: p}
	switch {
	case c < 0x80:
		t.kind, t.body = Uint, p-1
		return t, nil
	case c >= 0xe0:
		t.kind, t.body = Int, p-1
		return t, nil
	case c < 0x90:
		t.kind, t.count = Map, 2*int(c&0x0f)
	case c < 0xa0:
		t.kind, t.count = Array, int(c&0x0f)
	case c < 0xc0:
		t.kind, t.end = Str, p+int(c&0x1f)
	default:
		if err := t.readLong(b, c); err != nil {
			return token{}, err
		}
	}
	if t.end > len(b) || t.count > len(b)-t.end {
		return token{}, errTruncated
	}
	return t, nil
}

// readLong completes t for a first byte c from 0xc0 to 0xdf.
func (t *token) readLong(b []byte, c byte) error {
	s := shape[c-0xc0]
	if s.kind == Invalid {
		return fmt.Errorf("byte 0x%02x at offset %d starts no msgpack value", c, t.body-1)
	}
	t.kind = s.kind
	p := t.body
	if len(b)-p < int(s.length) {
		return errTruncated
	}
	var n int
	switch s.length {
	case 1:
		n = int(b[p])
	case 2:
		n = int(binary.BigEndian.Uint16(b[p:]))
	case 4:
		long := binary.BigEndian.Uint32(b[p:])
		if uint64(long) > uint64(len(b)) { // also keeps n and 2n within an int of 32 bits
			return errTruncated
		}
		n = int(long)
	}
	p += int(s.length)
	t.body, t.end = p, p
	switch s.kind {
	case Array:
		t.count = n
	case Map:
		t.count = 2 * n
	case Ext:
		if p >= len(b) {
			return errTruncated
		}
		t.ext = int8(b[p])
		t.body, t.end = p+1, p+n+int(s.fixed)
	case Bool, Nil:
		t.body = p - 1
	default:
		t.end = p + n + int(s.fixed)
	}
	return nil
}
