package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// all has a field of each type that a codec exists for.
type all struct {
	Str     string
	Bool    bool
	Int     int
	Int64   int64
	Uint64  uint64
	Float   float64
	Time    time.Time
	TTL     time.Duration
	Pointer *int
	Choice  *bool
	Wait    *time.Duration
	Raw     Raw
	Raws    []Raw
	Strs    []string
	Ints    []int
	Floats  []float64
	Spans   [][2]int
	Any     any
	Map     map[string]any
	Maps    []map[string]any
	Bin     []byte
	Value   even

	rest Raw
}

func (a *all) fields(declare func(name string, ptr any)) {
	declare("str", &a.Str)
	declare("bool", &a.Bool)
	declare("int", &a.Int)
	declare("int64", &a.Int64)
	declare("uint64", &a.Uint64)
	declare("float", &a.Float)
	declare("time", &a.Time)
	declare("ttl", &a.TTL)
	declare("pointer", &a.Pointer)
	declare("choice", &a.Choice)
	declare("wait", &a.Wait)
	declare("raw", &a.Raw)
	declare("raws", &a.Raws)
	declare("strs", &a.Strs)
	declare("ints", &a.Ints)
	declare("floats", &a.Floats)
	declare("spans", &a.Spans)
	declare("any", &a.Any)
	declare("map", &a.Map)
	declare("maps", &a.Maps)
	declare("bin", &a.Bin)
	declare("value", &a.Value)
}

// even is a Value that refuses odd numbers.
type even int

func (e *even) AppendWire(b []byte) ([]byte, error) { return AppendInt(b, int64(*e)), nil }
func (e *even) EmptyWire() bool                     { return *e == 0 }

func (e *even) DecodeWire(raw Raw) error {
	n, err := raw.int()
	if err == nil && n%2 != 0 {
		err = errors.New("is odd")
	}
	*e = even(n)
	return err
}

func (a *all) append(t *testing.T) []byte {
	t.Helper()
	f := Declare()
	defer f.Free()
	f.Keep(&a.rest)
	a.fields(f.Optional)
	b, err := f.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (a *all) decode(b []byte) error {
	f := Declare()
	defer f.Free()
	f.Keep(&a.rest)
	a.fields(f.Optional)
	return f.Decode(b)
}

func full() all {
	return all{
		Str: "text", Bool: true, Int: -70000, Int64: math.MinInt64, Uint64: math.MaxUint64, Float: 0.5,
		Time: time.UnixMilli(1758400000123).UTC(), TTL: 90 * time.Second, Pointer: new(0), Choice: new(false), Wait: new(time.Duration(0)),
		Raw: Raw{0xc0}, Raws: []Raw{{0x01}, {0xa1, 'x'}}, Strs: []string{"", "a"}, Ints: []int{0, -1},
		Floats: []float64{0, 1.5}, Spans: [][2]int{{0, 4}, {7, 9}}, Any: []any{nil, int64(1)},
		Map: map[string]any{"k": "v"}, Maps: []map[string]any{{}, {"k": true}}, Bin: []byte{0, 0xff},
		Value: 4, rest: Raw{0xa5, 'l', 'a', 't', 'e', 'r', 0xcd, 0x00, 0x01},
	}
}

func TestFieldsRoundTrip(t *testing.T) {
	in := full()
	b := in.append(t)
	if err := Check(b); err != nil {
		t.Fatal(err)
	}
	var out all
	if err := out.decode(b); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(in, out) {
		t.Errorf("got %+v\nwant %+v", out, in)
	}
	if again := out.append(t); !bytes.Equal(b, again) {
		t.Errorf("got %x\nwant %x", again, b)
	}
	if b := (&all{}).append(t); !bytes.Equal(b, []byte{0x80}) {
		t.Errorf("empty optional fields: got %x, want an empty map", b)
	}
}

// Fields that are always written are there when they are empty, in a form that
// reads as empty.
func TestFieldsWrittenWhenEmpty(t *testing.T) {
	f := Declare()
	defer f.Free()
	var in, out all
	in.fields(f.Always)
	b, err := f.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	names := 0
	for range f.Each {
		names++
	}
	pairs := 0
	for range Raw(b).Pairs {
		pairs++
	}
	if pairs != names {
		t.Errorf("%d pairs, want %d", pairs, names)
	}
	if err := out.decode(b); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Raw, []byte{0xc0}) {
		t.Errorf("an empty raw value was written as %x, want nil", []byte(out.Raw))
	}
	out.Raw = nil
	if b := out.append(t); !bytes.Equal(b, []byte{0x80}) {
		t.Errorf("read as %s", Raw(b).diagnostic())
	}
}

func TestFieldsRefuse(t *testing.T) {
	request := func(f *Fields) {
		var s string
		var n int
		f.Required("id", &s)
		f.Optional("n", &n)
	}
	for _, test := range []struct {
		name    string
		payload string
		reason  string
	}{
		{"no map", "\x90", "is array, want map"},
		{"nil", "\xc0", "is nil, want map"},
		{"missing field", "\x80", `field "id" is missing`},
		{"required nil", "\x81\xa2id\xc0", `field "id": must not be nil`},
		{"field twice", "\x82\xa2id\xa1x\xa2id\xa1y", `field "id" is there twice`},
		{"unknown field", "\x82\xa2id\xa1x\xa2no\x01", `field "no" is not known`},
		{"key that is no string", "\x81\x01\x02", "the key at offset 1 is integer"},
		{"wrong kind", "\x81\xa2id\x07", `field "id": is integer, want string`},
		{"bad value", "\x81\xa2id\xa1\xff", `field "id": the string`},
		{"trailing byte", "\x81\xa2id\xa1x\x00", "1 bytes follow the map"},
		{"truncated", "\x82\xa2id\xa1x", "ends in the middle"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := Declare()
			defer f.Free()
			request(f)
			if err := f.Decode([]byte(test.payload)); err == nil || !strings.Contains(err.Error(), test.reason) {
				t.Errorf("got %v, want something about %q", err, test.reason)
			}
		})
	}
}

func TestFieldsRefuseWrongKinds(t *testing.T) {
	var a all
	f := Declare()
	defer f.Free()
	a.fields(f.Optional)
	ext := "\xd4\x05\x00" // no field but raw and any takes it
	for name := range f.Each {
		payload := append(AppendStr([]byte{0x81}, name), ext...)
		err := a.decode(payload)
		if wants := name != "raw" && name != "any"; (err != nil) != wants {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for _, test := range []struct{ name, hex string }{
		{"str", "01"},
		{"bool", "01"},
		{"int", "cf8000000000000000"},
		{"int64", "cf8000000000000000"},
		{"uint64", "ff"},
		{"uint64", "cb3ff0000000000000"},
		{"ttl", "d38000000000000000"},
		{"ttl", "cf7fffffffffffffff"},
		{"raws", "80"},
		{"strs", "9101"},
		{"ints", "91a130"},
		{"floats", "91c0"},
		{"spans", "919101"},
		{"spans", "9193010203"},
		{"map", "810101"},
		{"maps", "91c0"},
		{"bin", "a0"},
		{"value", "03"},
	} {
		value, err := hex.DecodeString(test.hex)
		if err != nil {
			t.Fatal(err)
		}
		var a all
		err = a.decode(append(AppendStr([]byte{0x81}, test.name), value...))
		if err == nil || !strings.Contains(err.Error(), `field "`+test.name+`"`) {
			t.Errorf("%s %s: got %v", test.name, test.hex, err)
		}
	}
}

func TestFieldsOpen(t *testing.T) {
	b := []byte("\x82\xa1s\xa1x\xa1z\x93\x01\x02\xc4\x01\xff")
	var s string
	f := Declare()
	defer f.Free()
	f.Open()
	f.Optional("s", &s)
	if err := f.Decode(b); err != nil || s != "x" {
		t.Errorf("got %q, %v", s, err)
	}
	if err := f.Decode([]byte("\x81\xa1\xff\x01")); err == nil {
		t.Error("an undeclared key that is not UTF-8 passed")
	}

	// What is kept is a copy, and replaces what was kept before.
	var rest Raw
	f.Keep(&rest)
	for range 2 {
		if err := f.Decode(b); err != nil {
			t.Fatal(err)
		}
	}
	clear(b)
	if want := "\xa1z\x93\x01\x02\xc4\x01\xff"; string(rest) != want {
		t.Errorf("kept %x, want %x", []byte(rest), want)
	}
}

func TestFieldsWhole(t *testing.T) {
	var whole Raw
	f := Declare()
	defer f.Free()
	f.Whole(&whole)
	if b, err := f.Append(nil); err != nil || !bytes.Equal(b, []byte{0xc0}) {
		t.Errorf("nothing: got %x, %v", b, err)
	}
	in := []byte{0xda, 0x00, 0x01, 'x'}
	if err := f.Decode(in); err != nil {
		t.Fatal(err)
	}
	if b, err := f.Append(nil); err != nil || !bytes.Equal(b, in) {
		t.Errorf("got %x, %v", b, err)
	}
	if err := f.Decode([]byte{0xdd, 0xff, 0xff, 0xff, 0xff}); err == nil {
		t.Error("a hostile value passed")
	}
}

func TestFieldsAppendReportsTheField(t *testing.T) {
	a := all{Any: make(chan int)}
	f := Declare()
	defer f.Free()
	a.fields(f.Optional)
	if _, err := f.Append(nil); err == nil || !strings.Contains(err.Error(), `field "any"`) {
		t.Errorf("got %v", err)
	}
}

// The library reads what Append writes, and Decode what the library writes.
func TestFieldsAgreeWithTheLibrary(t *testing.T) {
	in := full()
	in.Any, in.rest = "any", nil
	var got map[string]any
	if err := msgpack.Unmarshal(in.append(t), &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{"str": "text", "bool": true, "float": 0.5, "uint64": uint64(math.MaxUint64)} {
		if got[name] != want {
			t.Errorf("%s: got %v, want %v", name, got[name], want)
		}
	}
	b, err := msgpack.Marshal(map[string]any{
		"str": "text", "int": int32(7), "int64": int64(7), "uint64": uint8(7), "float": float32(1.5),
		"strs": []string{"a"}, "ints": []int{1}, "bin": []byte{1}, "map": map[string]int{"k": 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	var out all
	if err := out.decode(b); err != nil {
		t.Fatal(err)
	}
	want := all{Str: "text", Int: 7, Int64: 7, Uint64: 7, Float: 1.5, Strs: []string{"a"}, Ints: []int{1},
		Bin: []byte{1}, Map: map[string]any{"k": int64(1)}}
	if !reflect.DeepEqual(out, want) {
		t.Errorf("got %+v\nwant %+v", out, want)
	}
}

func FuzzFields(f *testing.F) {
	in := full()
	fields := Declare()
	fields.Keep(&in.rest)
	in.fields(fields.Optional)
	b, err := fields.Append(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("\x81\xa3any\x81\xc4\x01k\xc0"))
	f.Add([]byte("\x82\xa5spans\x91\x92\x01\x02\xa4maps\x91\x80"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var first, second all
		if first.decode(b) != nil {
			return
		}
		again := first.append(t)
		if err := second.decode(again); err != nil {
			t.Fatalf("%x became %x: %v", b, again, err)
		}
		if third := second.append(t); !bytes.Equal(again, third) {
			t.Fatalf("%x became %x, then %x", b, again, third)
		}
		if !bytes.Equal(first.rest, second.rest) {
			t.Fatalf("kept %x, then %x", []byte(first.rest), []byte(second.rest))
		}
	})
}
