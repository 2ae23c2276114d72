package store

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
	"github.com/vmihailenco/msgpack/v5"
)

// Values are equal exactly if their canonical forms are.
func TestCanonical(t *testing.T) {
	t.Parallel()
	at, err := msgpack.Marshal(time.UnixMilli(1758400000123))
	if err != nil {
		t.Fatal(err)
	}
	for i, class := range canonicalClasses(at) {
		for _, v := range class {
			if err := wire.Check(v); err != nil {
				t.Fatalf("%x: %v", []byte(v), err)
			}
			form := appendCanonical(nil, v)
			if want := appendCanonical(nil, class[0]); !bytes.Equal(form, want) {
				t.Errorf("%x becomes %x, and %x %x", []byte(v), form, []byte(class[0]), want)
			}
			if again := appendCanonical(nil, form); !bytes.Equal(again, form) {
				t.Errorf("%x becomes %x and then %x", []byte(v), form, again)
			}
			for j, other := range canonicalClasses(at) {
				if i != j && bytes.Equal(form, appendCanonical(nil, other[0])) {
					t.Errorf("%x and %x are equal", []byte(v), []byte(other[0]))
				}
			}
		}
	}
}

// canonicalClasses has values by what they are equal to.
func canonicalClasses(at []byte) [][]ckpt.Raw {
	float32Of := func(f float32) ckpt.Raw { return msgpackOf(f) }
	return [][]ckpt.Raw{
		{{0xc0}}, {{0xc2}}, {{0xc3}},
		{{0x05}, {0xcc, 5}, {0xcf, 0, 0, 0, 0, 0, 0, 0, 5}, {0xd0, 5}, {0xd3, 0, 0, 0, 0, 0, 0, 0, 5}, wire.AppendFloat(nil, 5), float32Of(5)},
		{{0x00}, {0xd0, 0}, wire.AppendFloat(nil, 0), wire.AppendFloat(nil, math.Copysign(0, -1))},
		{{0xff}, {0xd0, 0xff}, {0xd1, 0xff, 0xff}, wire.AppendFloat(nil, -1)},
		{wire.AppendUint(nil, math.MaxUint64)},
		{wire.AppendUint(nil, 1<<63), wire.AppendFloat(nil, 1<<63)},
		{wire.AppendInt(nil, math.MinInt64), wire.AppendFloat(nil, -1<<63)},
		{wire.AppendFloat(nil, 0.5), float32Of(0.5)},
		{wire.AppendFloat(nil, 0.1)}, {float32Of(0.1)},
		{wire.AppendFloat(nil, 1e300)}, {wire.AppendFloat(nil, math.Inf(1))}, {wire.AppendFloat(nil, math.Inf(-1))},
		{wire.AppendStr(nil, "5"), {0xd9, 1, '5'}, {0xdb, 0, 0, 0, 1, '5'}},
		{wire.AppendBin(nil, []byte("5")), {0xc5, 0, 1, '5'}},
		{{0x90}, {0xdc, 0, 0}}, {{0x91, 0x05}, {0xdd, 0, 0, 0, 1, 0xcc, 5}}, {{0x92, 1, 2}}, {{0x92, 2, 1}},
		{{0x80}, {0xde, 0, 0}},
		{{0x82, 0xa1, 'a', 1, 0xa1, 'b', 2}, {0x82, 0xa1, 'b', 0xcc, 2, 0xd9, 1, 'a', 1}},
		{{0x81, 0xa1, 'a', 0x91, 1}, {0x81, 0xa1, 'a', 0xdc, 0, 1, 0xcc, 1}},
		{at},
	}
}

func msgpackOf(v any) ckpt.Raw {
	b, err := msgpack.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
