package wire

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// Kind returns the family of the value.
func (r Raw) Kind() Kind { return r.token().kind }

// token returns the value's header; raw bytes are checked before.
func (r Raw) token() token {
	t, _ := read(r, 0)
	return t
}

func (r Raw) want(k Kind) (token, error) {
	t := r.token()
	if t.kind != k {
		return t, fmt.Errorf("is %s, want %s", t.kind, k)
	}
	return t, nil
}

// Str returns the string that r is.
func (r Raw) Str() (string, error) {
	t, err := r.want(Str)
	if err != nil {
		return "", err
	}
	return string(r[t.body:t.end]), nil
}

// Bin returns the bytes of the binary that r is; they are r's own.
func (r Raw) Bin() ([]byte, error) {
	t, err := r.want(Bin)
	return r[t.body:t.end], err
}

// Bool returns the boolean that r is.
func (r Raw) Bool() (bool, error) {
	_, err := r.want(Bool)
	return err == nil && r[0] == 0xc3, err
}

// integer returns the value's 64 bits, and whether they are negative in two's
// complement.
func (r Raw) integer() (bits uint64, negative bool, err error) {
	t := r.token()
	if t.kind != Int && t.kind != Uint {
		return 0, false, fmt.Errorf("is %s, want %s", t.kind, Int)
	}
	body := r[t.body:]
	switch t.end - t.body {
	case 1: // a fixint's one byte is its body
		if bits = uint64(body[0]); t.kind == Int {
			bits = uint64(int64(int8(body[0])))
		}
	case 2:
		if bits = uint64(binary.BigEndian.Uint16(body)); t.kind == Int {
			bits = uint64(int64(int16(bits)))
		}
	case 4:
		if bits = uint64(binary.BigEndian.Uint32(body)); t.kind == Int {
			bits = uint64(int64(int32(bits)))
		}
	default:
		bits = binary.BigEndian.Uint64(body)
	}
	return bits, t.kind == Int && int64(bits) < 0, nil
}

// Int returns the integer that r is, an error where it does not fit.
func (r Raw) Int() (int64, error) {
	bits, negative, err := r.integer()
	if err == nil && !negative && bits > math.MaxInt64 {
		err = fmt.Errorf("%d is more than %d", bits, int64(math.MaxInt64))
	}
	return int64(bits), err
}

// Uint returns the integer that r is, an error where it is negative.
func (r Raw) Uint() (uint64, error) {
	bits, negative, err := r.integer()
	if negative {
		err = fmt.Errorf("%d is negative", int64(bits))
	}
	return bits, err
}

// Float returns the number that r is; integers pass.
func (r Raw) Float() (float64, error) {
	t := r.token()
	if t.kind != Float {
		bits, negative, err := r.integer()
		if err != nil {
			return 0, fmt.Errorf("is %s, want a number", t.kind)
		}
		if negative {
			return float64(int64(bits)), nil
		}
		return float64(bits), nil
	}
	if t.end-t.body == 4 {
		return float64(math.Float32frombits(binary.BigEndian.Uint32(r[t.body:]))), nil
	}
	return math.Float64frombits(binary.BigEndian.Uint64(r[t.body:])), nil
}

// maxMilliseconds is what a time.Duration can hold, some 292 years.
const maxMilliseconds = math.MaxInt64 / int64(time.Millisecond)

func (r Raw) milliseconds() (time.Duration, error) {
	ms, err := r.Int()
	if err == nil && (ms > maxMilliseconds || ms < -maxMilliseconds) {
		err = fmt.Errorf("%d ms is out of range", ms)
	}
	return time.Duration(ms) * time.Millisecond, err
}

// Elements returns the elements of the array that r is; they share r's bytes.
func (r Raw) Elements() ([]Raw, error) {
	t, err := r.want(Array)
	if err != nil {
		return nil, err
	}
	list := make([]Raw, 0, t.count)
	for p := t.end; p < len(r); {
		end := skip(r, p)
		list = append(list, r[p:end:end])
		p = end
	}
	return list, nil
}

// Pairs calls yield with each pair of the map that r is. The key and the value
// share r's bytes. It does nothing where r is no map.
func (r Raw) Pairs(yield func(key, value Raw) bool) {
	t := r.token()
	if t.kind != Map {
		return
	}
	for p := t.end; p < len(r); {
		keyEnd := skip(r, p)
		end := skip(r, keyEnd)
		if !yield(r[p:keyEnd:keyEnd], r[keyEnd:end:end]) {
			return
		}
		p = end
	}
}

// listOf reads the array that r is with one for each element.
func listOf[T any](r Raw, one func(Raw) (T, error)) ([]T, error) {
	raws, err := r.Elements()
	if err != nil {
		return nil, err
	}
	list := make([]T, len(raws))
	for i := range raws {
		if list[i], err = one(raws[i]); err != nil {
			return nil, fmt.Errorf("element %d %w", i, err)
		}
	}
	return list, nil
}

// int returns the integer that r is, an error where an int cannot hold it.
func (r Raw) int() (int, error) {
	n, err := r.Int()
	if err == nil && int64(int(n)) != n {
		err = fmt.Errorf("%d is out of range", n)
	}
	return int(n), err
}

// span returns the array of two integers that r is.
func (r Raw) span() (s [2]int, err error) {
	list, err := listOf(r, Raw.int)
	if err == nil && len(list) != len(s) {
		err = fmt.Errorf("has %d elements, want %d", len(list), len(s))
	}
	copy(s[:], list)
	return s, err
}

// Get returns the value of the string key in the map that r is, nil where
// there is none. It decodes nothing and stops at the key.
func (r Raw) Get(key string) Raw {
	for k, v := range r.Pairs {
		if t := k.token(); t.kind == Str && string(k[t.body:t.end]) == key {
			return v
		}
	}
	return nil
}

// Ext returns the type and the bytes of the extension that r is; they are r's
// own.
func (r Raw) Ext() (kind int8, body []byte, ok bool) {
	t := r.token()
	return t.ext, r[t.body:t.end], t.kind == Ext
}
