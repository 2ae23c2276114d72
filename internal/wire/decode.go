package wire

import (
	"fmt"
	"time"
	"unicode/utf8"
)

// Decode checks the payload b, a map, and sets the declared fields from it in
// the same pass. Fields that b lacks stay as they are. Where it returns an
// error, some fields may be set.
func (f *Fields) Decode(b []byte) error {
	if f.whole != nil {
		*f.whole = b
		return Check(b)
	}
	if f.unknown != nil {
		*f.unknown = nil
	}
	t, err := read(b, 0)
	if err != nil {
		return err
	}
	if t.kind != Map {
		return fmt.Errorf("is %s, want map", t.kind)
	}
	var seen uint64
	next := 0 // senders write fields in the declared order: look there first
	p := t.end
	for range t.count / 2 {
		name, at, err := readKey(b, p)
		if err != nil {
			return err
		}
		end, err := checkValue(b, at)
		if err != nil {
			return fmt.Errorf("field %.64q: %w", name, err)
		}
		i := f.find(name, next)
		switch {
		case i >= 0:
			if seen&(1<<i) != 0 {
				return fmt.Errorf("field %q is there twice", name)
			}
			seen |= 1 << i
			next = i + 1
			if err := f.list[i].decode(b[at:end:end]); err != nil {
				return fmt.Errorf("field %q: %w", name, err)
			}
		case !f.open:
			return fmt.Errorf("field %.64q is not known", name)
		default:
			if !utf8.Valid(name) {
				return notUTF8(at - len(name))
			}
			if f.unknown != nil {
				*f.unknown = append(*f.unknown, b[p:end]...)
			}
		}
		p = end
	}
	if p != len(b) {
		return fmt.Errorf("%d bytes follow the map", len(b)-p)
	}
	for i := range f.list {
		if f.list[i].required && seen&(1<<i) == 0 {
			return fmt.Errorf("field %q is missing", f.list[i].name)
		}
	}
	return nil
}

// readKey returns the key at b[p], which may not be UTF-8, and where its value
// starts.
func readKey(b []byte, p int) (name []byte, end int, err error) {
	if body, end := shortString(b, p); body > 0 && end <= len(b) {
		return b[body:end], end, nil
	}
	t, err := read(b, p)
	if err == nil && t.kind != Str {
		err = fmt.Errorf("the key at offset %d is %s, want string", p, t.kind)
	}
	return b[t.body:t.end], t.end, err
}

// find returns the index of the field called name, or -1; it looks at next first.
func (f *Fields) find(name []byte, next int) int {
	if next < len(f.list) && f.list[next].name == string(name) {
		return next
	}
	for i := range f.list {
		if f.list[i].name == string(name) {
			return i
		}
	}
	return -1
}

// decode sets the field from raw. Nil stands for an absent optional field,
// except where the field takes any value.
func (f *field) decode(raw Raw) error {
	switch p := f.ptr.(type) {
	case *Raw:
		*p = raw
		return nil
	case *any:
		*p = raw.Any()
		return nil
	}
	if raw[0] == nilByte {
		if f.required {
			return fmt.Errorf("must not be nil")
		}
		return nil
	}
	var err error
	switch p := f.ptr.(type) {
	case Value:
		err = p.DecodeWire(raw)
	case *string:
		*p, err = raw.Str()
	case *bool:
		*p, err = raw.Bool()
	case *int:
		*p, err = raw.int()
	case **int:
		n := 0
		n, err = raw.int()
		*p = &n
	case **bool:
		v := false
		v, err = raw.Bool()
		*p = &v
	case **time.Duration:
		d := time.Duration(0)
		d, err = raw.milliseconds()
		*p = &d
	case *int64:
		*p, err = raw.Int()
	case *uint64:
		*p, err = raw.Uint()
	case *float64:
		*p, err = raw.Float()
	case *time.Time:
		var ms int64
		ms, err = raw.Int()
		*p = time.UnixMilli(ms).UTC()
	case *time.Duration:
		*p, err = raw.milliseconds()
	case *[]byte:
		*p, err = raw.Bin()
	case *[]Raw:
		*p, err = raw.Elements()
	case *[]string:
		*p, err = listOf(raw, Raw.Str)
	case *[]int:
		*p, err = listOf(raw, Raw.int)
	case *[]float64:
		*p, err = listOf(raw, Raw.Float)
	case *[][2]int:
		*p, err = listOf(raw, Raw.span)
	case *[]map[string]any:
		*p, err = listOf(raw, Raw.StrMap)
	case *map[string]any:
		*p, err = raw.StrMap()
	default:
		panic(fmt.Sprintf("wire: field %q has type %T, which has no codec", f.name, f.ptr))
	}
	return err
}

const nilByte = 0xc0
