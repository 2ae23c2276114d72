package store

import (
	"bytes"
	"math"
	"slices"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

// appendCanonical appends the form of a checked value that it shares with all
// values that are equal to it: numbers are equal where they are so in
// mathematics, whatever their type and width, and maps whatever the order of
// their pairs. Strings and binaries are two things.
func appendCanonical(b []byte, v ckpt.Raw) []byte {
	switch v.Kind() {
	case wire.Int:
		n, _ := v.Int()
		return wire.AppendInt(b, n)
	case wire.Uint:
		n, _ := v.Uint()
		return wire.AppendUint(b, n)
	case wire.Float:
		f, _ := v.Float()
		return appendNumber(b, f)
	case wire.Str:
		text, _ := v.Str()
		return wire.AppendStr(b, text)
	case wire.Bin:
		bin, _ := v.Bin()
		return wire.AppendBin(b, bin)
	case wire.Array:
		list, _ := v.Elements()
		b = wire.AppendArrayHeader(b, len(list))
		for _, e := range list {
			b = appendCanonical(b, e)
		}
		return b
	case wire.Map:
		var pairs [][]byte
		for key, value := range v.Pairs {
			pairs = append(pairs, appendCanonical(appendCanonical(nil, key), value))
		}
		slices.SortFunc(pairs, bytes.Compare)
		b = wire.AppendMapHeader(b, len(pairs))
		for _, p := range pairs {
			b = append(b, p...)
		}
		return b
	}
	return append(b, v...) // nil, booleans and extensions have one form each
}

// appendNumber appends a float, as an integer where it is one.
func appendNumber(b []byte, f float64) []byte {
	switch {
	case f != math.Trunc(f): // also what is no number
	case f >= 0 && f < 1<<64:
		return wire.AppendUint(b, uint64(f))
	case f < 0 && f >= -1<<63:
		return wire.AppendInt(b, int64(f))
	}
	return wire.AppendFloat(b, f)
}
