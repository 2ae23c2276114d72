package wire

import (
	"bytes"
	"fmt"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// Any decodes the value into Go's own types: nil, bool, int64 (uint64 where
// that is too small), float64, string, []byte, []any, map[string]any and
// time.Time. A map with a key that is no string and an extension of another
// type stay Raw, since Go has no type that would keep all of them. Of a map
// key that is there twice the last value counts. Its recursion is bounded by
// [MaxDepth].
func (r Raw) Any() any {
	t := r.token()
	switch t.kind {
	case Bool:
		return r[0] == 0xc3
	case Int, Uint:
		bits, negative, _ := r.integer()
		if !negative && int64(bits) < 0 {
			return bits
		}
		return int64(bits)
	case Float:
		v, _ := r.Float()
		return v
	case Str:
		return string(r[t.body:t.end])
	case Bin:
		return bytes.Clone(r[t.body:t.end])
	case Array:
		elements, _ := r.Elements()
		list := make([]any, len(elements))
		for i, e := range elements {
			list[i] = e.Any()
		}
		return list
	case Map:
		if m, err := r.StrMap(); err == nil {
			return m
		}
		return Raw(bytes.Clone(r))
	case Ext:
		var at time.Time
		if t.ext == extTimestamp && msgpack.Unmarshal(r, &at) == nil {
			return at.UTC()
		}
		return Raw(bytes.Clone(r))
	}
	return nil
}

// StrMap decodes the map that r is; every key must be a string.
func (r Raw) StrMap() (map[string]any, error) {
	t, err := r.want(Map)
	if err != nil {
		return nil, err
	}
	m := make(map[string]any, t.count/2)
	for k, v := range r.Pairs {
		name, err := k.Str()
		if err != nil {
			return nil, fmt.Errorf("has a key that %w", err)
		}
		m[name] = v.Any()
	}
	return m, nil
}

// AppendAny appends a value of the types that [Raw.Any] returns, or of any
// other type that msgpack encodes by reflection; maps are written in the
// order of their keys, so that equal values have equal bytes.
func AppendAny(b []byte, v any) ([]byte, error) {
	e := msgpack.GetEncoder()
	defer msgpack.PutEncoder(e)
	buf := bytes.NewBuffer(b)
	e.Reset(buf)
	e.SetSortMapKeys(true)
	e.UseCompactInts(true)
	if err := e.Encode(v); err != nil {
		return b, err
	}
	return buf.Bytes(), nil
}

// EncodeMsgpack lets a Raw stand in a struct that the msgpack library encodes;
// the library's own raw type corrupts the map around it when it is empty.
func (r Raw) EncodeMsgpack(e *msgpack.Encoder) error {
	if len(r) == 0 {
		return e.EncodeNil()
	}
	_, err := e.Writer().Write(r)
	return err
}

// DecodeMsgpack keeps the value's bytes.
func (r *Raw) DecodeMsgpack(d *msgpack.Decoder) error {
	raw, err := d.DecodeRaw()
	*r = Raw(raw)
	return err
}
