package wire

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// MarshalJSON returns the value as JSON for people and tools to read, pairs in
// their order: bytes as base64, times in RFC 3339, NaN and the infinities as
// strings, map keys that are no strings as the text of their JSON, and any
// other extension as its type and its base64. The error is that of [Check].
func (r Raw) MarshalJSON() ([]byte, error) {
	if r == nil {
		return []byte("null"), nil
	}
	if err := Check(r); err != nil {
		return nil, err
	}
	return r.appendJSON(make([]byte, 0, 2*len(r))), nil
}

func (r Raw) appendJSON(b []byte) []byte {
	t := r.token()
	switch t.kind {
	case Bool:
		return strconv.AppendBool(b, r[0] == 0xc3)
	case Int:
		n, _ := r.Int()
		return strconv.AppendInt(b, n, 10)
	case Uint:
		n, _ := r.Uint()
		return strconv.AppendUint(b, n, 10)
	case Float:
		v, _ := r.Float()
		return appendJSONFloat(b, v)
	case Str:
		quoted, _ := json.Marshal(string(r[t.body:t.end])) // a string cannot fail
		return append(b, quoted...)
	case Bin:
		return appendBase64(b, r[t.body:t.end])
	case Array:
		b = append(b, '[')
		elements, _ := r.Elements()
		for i, e := range elements {
			if i > 0 {
				b = append(b, ',')
			}
			b = e.appendJSON(b)
		}
		return append(b, ']')
	case Map:
		b = append(b, '{')
		for k, v := range r.Pairs {
			if b[len(b)-1] != '{' {
				b = append(b, ',')
			}
			b = append(k.appendJSONKey(b), ':')
			b = v.appendJSON(b)
		}
		return append(b, '}')
	case Ext:
		if at, ok := r.Any().(time.Time); ok {
			return append(at.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
		}
		b = strconv.AppendInt(append(b, `{"ext":`...), int64(t.ext), 10)
		return append(appendBase64(append(b, `,"data":`...), r[t.body:t.end]), '}')
	}
	return append(b, "null"...)
}

func (r Raw) appendJSONKey(b []byte) []byte {
	key := r.appendJSON(nil)
	if key[0] == '"' {
		return append(b, key...)
	}
	return append(append(append(b, '"'), key...), '"')
}

func appendJSONFloat(b []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.AppendQuote(b, strconv.FormatFloat(v, 'g', -1, 64))
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64)
}

func appendBase64(b, data []byte) []byte {
	return append(base64.StdEncoding.AppendEncode(append(b, '"'), data), '"')
}
