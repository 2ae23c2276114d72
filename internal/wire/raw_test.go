package wire

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// diagnostic is the value as JSON, for messages.
func (r Raw) diagnostic() string {
	b, err := r.MarshalJSON()
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// edges are the integers around which msgpack changes its form.
var edges = []int64{0, 1, 127, 128, 255, 256, 65535, 65536, math.MaxUint32, math.MaxUint32 + 1, math.MaxInt64,
	-1, -32, -33, -128, -129, -32768, -32769, math.MinInt32, math.MinInt32 - 1, math.MinInt64}

func TestIntegers(t *testing.T) {
	for _, n := range edges {
		b := AppendInt(nil, n)
		if got, err := Raw(b).Int(); err != nil || got != n {
			t.Errorf("%d: got %d, %v from %x", n, got, err, b)
		}
		if shortest, err := AppendAny(nil, n); err != nil || !bytes.Equal(b, shortest) {
			t.Errorf("%d: got %x, the library writes %x", n, b, shortest)
		}
		u, err := Raw(b).Uint()
		if (err == nil) != (n >= 0) || err == nil && u != uint64(n) {
			t.Errorf("%d unsigned: got %d, %v", n, u, err)
		}
		if v, err := Raw(b).Float(); err != nil || v != float64(n) {
			t.Errorf("%d as a float: got %v, %v", n, v, err)
		}
		library, err := msgpack.Marshal(n) // always 9 bytes
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Raw(library).Int(); err != nil || got != n {
			t.Errorf("%d from the library: got %d, %v", n, got, err)
		}
		var back int64
		if err := msgpack.Unmarshal(b, &back); err != nil || back != n {
			t.Errorf("%d to the library: got %d, %v", n, back, err)
		}
	}
	big := Raw(AppendUint(nil, math.MaxUint64))
	if n, err := big.Uint(); err != nil || n != math.MaxUint64 {
		t.Errorf("got %d, %v", n, err)
	}
	if n, err := big.Int(); err == nil {
		t.Errorf("2^64-1 as an int64: got %d", n)
	}
	if v, err := big.Float(); err != nil || v != math.MaxUint64 {
		t.Errorf("got %v, %v", v, err)
	}
	if _, err := Raw("\xa1x").Float(); err == nil {
		t.Error("a string passed as a number")
	}
}

func TestLengthForms(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536} {
		text := strings.Repeat("x", n)
		for name, b := range map[string][]byte{
			"string": AppendStr(nil, text),
			"binary": AppendBin(nil, []byte(text)),
			"array":  append(AppendArrayHeader(nil, n), bytes.Repeat([]byte{0xc0}, n)...),
			"map":    append(AppendMapHeader(nil, n), bytes.Repeat([]byte{0x01, 0xc0}, n)...),
		} {
			if err := Check(b); err != nil {
				t.Errorf("%s of %d: %v", name, n, err)
			}
		}
		library, err := msgpack.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(library, AppendStr(nil, text)) {
			t.Errorf("string of %d: the library writes %x", n, library[:5])
		}
		if got, err := Raw(AppendBin(nil, []byte(text))).Bin(); err != nil || string(got) != text {
			t.Errorf("binary of %d: %v", n, err)
		}
	}
}

func TestAny(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC)
	stamp, err := msgpack.Marshal(at)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		hex  string
		want any
		json string
	}{
		{"c0", nil, "null"},
		{"c2", false, "false"},
		{"c3", true, "true"},
		{"05", int64(5), "5"},
		{"ff", int64(-1), "-1"},
		{"cfffffffffffffffff", uint64(math.MaxUint64), "18446744073709551615"},
		{"ca3fc00000", 1.5, "1.5"},
		{"cb7ff0000000000000", math.Inf(1), `"+Inf"`},
		{"a3783c22", `x<"`, `"x\u003c\""`},
		{"c402ff00", []byte{0xff, 0}, `"/wA="`},
		{"92c0a178", []any{nil, "x"}, `[null,"x"]`},
		{"82a16201a161c0", map[string]any{"a": nil, "b": int64(1)}, `{"b":1,"a":null}`},
		{"820102c3c0", Raw("\x82\x01\x02\xc3\xc0"), `{"1":2,"true":null}`},
		{"81c401ffc0", Raw("\x81\xc4\x01\xff\xc0"), `{"/w==":null}`},
		{"d405ff", Raw("\xd4\x05\xff"), `{"ext":5,"data":"/w=="}`},
		{hex.EncodeToString(stamp), at, `"2026-03-01T12:00:00.000000005Z"`},
	} {
		b, err := hex.DecodeString(test.hex)
		if err != nil {
			t.Fatal(err)
		}
		if err := Check(b); err != nil {
			t.Fatal(err)
		}
		if got := Raw(b).Any(); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %#v, want %#v", test.hex, got, test.want)
		}
		if got := Raw(b).diagnostic(); got != test.json {
			t.Errorf("%s: got %s, want %s", test.hex, got, test.json)
		}
		// Appended behind other bytes, it reads as the same.
		again, err := AppendAny([]byte{0x01}, test.want)
		if err != nil || again[0] != 0x01 {
			t.Fatalf("%s: %x, %v", test.hex, again, err)
		}
		if got := Raw(again[1:]).Any(); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s again: got %#v, want %#v", test.hex, got, test.want)
		}
	}
	if got := Raw(nil).diagnostic(); got != "null" {
		t.Errorf("no value: got %s", got)
	}
	if _, err := Raw("\xdd\xff\xff\xff\xff").MarshalJSON(); err == nil {
		t.Error("a hostile value became JSON")
	}
}

func TestGet(t *testing.T) {
	b, err := AppendAny(nil, map[string]any{"a": 1, "b": map[string]any{"a": "inner"}, "c": nil})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"a": "01", "b": "81a161a5696e6e6572", "c": "c0", "d": ""} {
		if got := fmt.Sprintf("%x", []byte(Raw(b).Get(key))); got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
	if Raw("\x92\x01\x02").Get("a") != nil || Raw(nil).Get("a") != nil {
		t.Error("found a key in what is no map")
	}
	if n := testing.AllocsPerRun(10, func() { Raw(b).Get("c") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// No value is an error for every accessor, and a crash for none.
func TestNoValue(t *testing.T) {
	var none Raw
	_, e1 := none.Str()
	_, e2 := none.Bin()
	_, e3 := none.Bool()
	_, e4 := none.Int()
	_, e5 := none.Uint()
	_, e6 := none.Float()
	_, e7 := none.Elements()
	_, e8 := none.StrMap()
	for i, err := range []error{e1, e2, e3, e4, e5, e6, e7, e8} {
		if err == nil {
			t.Errorf("accessor %d returned no error", i+1)
		}
	}
	if none.Kind() != Invalid || none.Any() != nil {
		t.Errorf("got %s, %v", none.Kind(), none.Any())
	}
}

// Elements cannot grow into one another.
func TestElementsAreClipped(t *testing.T) {
	b := Raw("\x92\x01\x02")
	list, err := b.Elements()
	if err != nil || len(list) != 2 {
		t.Fatalf("%v, %v", list, err)
	}
	_ = append(list[0], 0x7f)
	if b[2] != 0x02 {
		t.Error("an append to the first element overwrote the second")
	}
}

func TestRawInTheLibrary(t *testing.T) {
	type state struct {
		Before int
		Raw    Raw
		After  int
	}
	for _, raw := range []Raw{nil, {}, {0xc0}, {0xda, 0x00, 0x01, 'x'}, Raw("\x82\x01\x02\xc3\xc0")} {
		b, err := msgpack.Marshal(state{1, raw, 2})
		if err != nil {
			t.Fatal(err)
		}
		if err := Check(b); err != nil {
			t.Fatalf("%x: %v", []byte(raw), err)
		}
		var out state
		if err := msgpack.Unmarshal(b, &out); err != nil {
			t.Fatal(err)
		}
		if out.Before != 1 || out.After != 2 {
			t.Errorf("%x: got %+v", []byte(raw), out)
		}
		if len(raw) > 1 && !bytes.Equal(out.Raw, raw) {
			t.Errorf("got %x, want %x", []byte(out.Raw), []byte(raw))
		}
	}
}

func TestAppendAnySortsKeys(t *testing.T) {
	m := map[string]any{}
	for i := range 50 {
		m[fmt.Sprint("key", i)] = map[string]any{"z": i, "a": i, "m": i}
	}
	want, err := AppendAny(nil, m)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if got, _ := AppendAny(nil, m); !bytes.Equal(got, want) {
			t.Fatal("equal maps have different bytes")
		}
	}
}
