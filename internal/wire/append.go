package wire

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// Append appends the declared fields to b as one map. Optional fields that are
// empty are left out. The error is that of a value, in a field that takes any,
// which msgpack cannot encode.
func (f *Fields) Append(b []byte) ([]byte, error) {
	if f.whole != nil {
		return AppendRaw(b, *f.whole), nil
	}
	n := 0
	var absent uint64 // of which field is left out, as a bit
	for i := range f.list {
		if f.list[i].written || !f.list[i].empty() {
			n++
		} else {
			absent |= 1 << i
		}
	}
	b = AppendMapHeader(b, n+f.unknownPairs())
	var err error
	for i := range f.list {
		if absent&(1<<i) != 0 {
			continue
		}
		fd := &f.list[i]
		b = AppendStr(b, fd.name)
		if b, err = fd.append(b); err != nil {
			return b, fmt.Errorf("field %q: %w", fd.name, err)
		}
	}
	if f.unknown != nil {
		b = append(b, *f.unknown...)
	}
	return b, nil
}

func (f *Fields) unknownPairs() (n int) {
	if f.unknown == nil {
		return 0
	}
	for p := 0; p < len(*f.unknown); n++ {
		p = skip(*f.unknown, skip(*f.unknown, p))
	}
	return n
}

func (f *field) empty() bool {
	switch p := f.ptr.(type) {
	case Value:
		return p.EmptyWire()
	case *Raw:
		return len(*p) == 0
	case *string:
		return *p == ""
	case *bool:
		return !*p
	case *int:
		return *p == 0
	case *int64:
		return *p == 0
	case *uint64:
		return *p == 0
	case *float64:
		return *p == 0
	case *time.Time:
		return p.IsZero()
	case *time.Duration:
		return *p == 0
	case *[]byte:
		return len(*p) == 0
	case *[]Raw:
		return len(*p) == 0
	case *[]string:
		return len(*p) == 0
	case **int:
		return *p == nil
	case **bool:
		return *p == nil
	case **time.Duration:
		return *p == nil
	case *[]int:
		return len(*p) == 0
	case *[]float64:
		return len(*p) == 0
	case *[][2]int:
		return len(*p) == 0
	case *[]map[string]any:
		return len(*p) == 0
	case *any:
		return *p == nil
	case *map[string]any:
		return len(*p) == 0
	}
	panic(fmt.Sprintf("wire: field %q has type %T, which has no codec", f.name, f.ptr))
}

func (f *field) append(b []byte) ([]byte, error) {
	switch p := f.ptr.(type) {
	case Value:
		return p.AppendWire(b)
	case *Raw:
		return AppendRaw(b, *p), nil
	case *string:
		return AppendStr(b, *p), nil
	case *bool:
		return AppendBool(b, *p), nil
	case *int:
		return appendInt(b, *p), nil
	case *int64:
		return AppendInt(b, *p), nil
	case *uint64:
		return AppendUint(b, *p), nil
	case *float64:
		return AppendFloat(b, *p), nil
	case *time.Time:
		return AppendInt(b, p.UnixMilli()), nil
	case *time.Duration:
		return AppendInt(b, p.Milliseconds()), nil
	case *[]byte:
		return AppendBin(b, *p), nil
	case **int:
		if *p == nil {
			return AppendNil(b), nil
		}
		return appendInt(b, **p), nil
	case **bool:
		if *p == nil {
			return AppendNil(b), nil
		}
		return AppendBool(b, **p), nil
	case **time.Duration:
		if *p == nil {
			return AppendNil(b), nil
		}
		return AppendInt(b, (*p).Milliseconds()), nil
	case *[]Raw:
		return appendList(b, *p, AppendRaw), nil
	case *[]string:
		return appendList(b, *p, AppendStr), nil
	case *[]int:
		return appendList(b, *p, appendInt), nil
	case *[]float64:
		return appendList(b, *p, AppendFloat), nil
	case *[][2]int:
		return appendList(b, *p, func(b []byte, s [2]int) []byte { return appendList(b, s[:], appendInt) }), nil
	case *[]map[string]any:
		return AppendAny(b, *p)
	case *any:
		return AppendAny(b, *p)
	case *map[string]any:
		return AppendAny(b, *p)
	}
	panic(fmt.Sprintf("wire: field %q has type %T, which has no codec", f.name, f.ptr))
}

// appendList appends an array with one for each element.
func appendList[T any](b []byte, list []T, one func([]byte, T) []byte) []byte {
	b = AppendArrayHeader(b, len(list))
	for _, v := range list {
		b = one(b, v)
	}
	return b
}

func appendInt(b []byte, v int) []byte { return AppendInt(b, int64(v)) }

// AppendNil appends nil.
func AppendNil(b []byte) []byte { return append(b, nilByte) }

// AppendRaw appends a value that is encoded already; an empty one is nil.
func AppendRaw(b []byte, raw Raw) []byte {
	if len(raw) == 0 {
		return AppendNil(b)
	}
	return append(b, raw...)
}

// AppendBool appends a boolean.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 0xc3)
	}
	return append(b, 0xc2)
}

// AppendInt appends an integer in its shortest form.
func AppendInt(b []byte, v int64) []byte {
	switch {
	case v >= 0:
		return AppendUint(b, uint64(v))
	case v >= -32:
		return append(b, byte(v))
	case v >= math.MinInt8:
		return append(b, 0xd0, byte(v))
	case v >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(b, 0xd1), uint16(v))
	case v >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(b, 0xd2), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(b, 0xd3), uint64(v))
}

// AppendUint appends an integer in its shortest form.
func AppendUint(b []byte, v uint64) []byte {
	switch {
	case v < 0x80:
		return append(b, byte(v))
	case v <= math.MaxUint8:
		return append(b, 0xcc, byte(v))
	case v <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, 0xcd), uint16(v))
	case v <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, 0xce), uint32(v))
	}
	return binary.BigEndian.AppendUint64(append(b, 0xcf), v)
}

// AppendFloat appends a float64.
func AppendFloat(b []byte, v float64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 0xcb), math.Float64bits(v))
}

// AppendStr appends a string. Bytes that are not UTF-8 are written as they
// are, and the reader's check refuses them.
func AppendStr(b []byte, s string) []byte {
	switch n := len(s); {
	case n < 32:
		b = append(b, 0xa0|byte(n))
	case n <= math.MaxUint8:
		b = append(b, 0xd9, byte(n))
	case n <= math.MaxUint16:
		b = binary.BigEndian.AppendUint16(append(b, 0xda), uint16(n))
	default:
		b = binary.BigEndian.AppendUint32(append(b, 0xdb), uint32(n))
	}
	return append(b, s...)
}

// AppendBin appends a binary.
func AppendBin(b, v []byte) []byte {
	switch n := len(v); {
	case n <= math.MaxUint8:
		b = append(b, 0xc4, byte(n))
	case n <= math.MaxUint16:
		b = binary.BigEndian.AppendUint16(append(b, 0xc5), uint16(n))
	default:
		b = binary.BigEndian.AppendUint32(append(b, 0xc6), uint32(n))
	}
	return append(b, v...)
}

// AppendExtHeader appends the header of an extension of n bytes, which follow.
func AppendExtHeader(b []byte, kind int8, n int) []byte {
	b = append(b, 0xc9, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	return append(b, byte(kind))
}

// AppendArrayHeader announces an array of n elements.
func AppendArrayHeader(b []byte, n int) []byte { return appendCount(b, n, 0x90, 0xdc) }

// AppendMapHeader announces a map of n pairs.
func AppendMapHeader(b []byte, n int) []byte { return appendCount(b, n, 0x80, 0xde) }

// appendCount appends a header whose short form is fix|n, and whose 16-bit and
// 32-bit forms start with long and long+1.
func appendCount(b []byte, n int, fix, long byte) []byte {
	switch {
	case n < 16:
		return append(b, fix|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, long), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(b, long+1), uint32(n))
}
