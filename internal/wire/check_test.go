package wire

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// nested returns n arrays, each the only element of the one around it.
func nested(n int) []byte { return append(bytes.Repeat([]byte{0x91}, n-1), 0x90) }

// hostile are payloads that must be refused, with a part of the reason.
var hostile = []struct {
	name    string
	payload []byte
	reason  string
}{
	{"nothing", nil, "ends in the middle"},
	{"array32 of 4294967295", []byte{0xdd, 0xff, 0xff, 0xff, 0xff}, "ends in the middle"},
	{"map32 of 4294967295", []byte{0xdf, 0xff, 0xff, 0xff, 0xff}, "ends in the middle"},
	{"bin32 of 4294967295", []byte{0xc6, 0xff, 0xff, 0xff, 0xff}, "ends in the middle"},
	{"str32 of 4294967295", []byte{0xdb, 0xff, 0xff, 0xff, 0xff}, "ends in the middle"},
	{"ext32 of 4294967295", []byte{0xc9, 0xff, 0xff, 0xff, 0xff, 0x01}, "ends in the middle"},
	{"array32 of 2147483648", []byte{0xdd, 0x80, 0, 0, 0}, "ends in the middle"},
	{"map32 of 2147483648, whose elements wrap 32 bits", []byte{0xdf, 0x80, 0, 0, 0}, "ends in the middle"},
	{"array16 that is short of one element", []byte{0xdc, 0, 3, 1, 2}, "ends in the middle"},
	{"fixarray that is short of one element", []byte{0x92, 1}, "ends in the middle"},
	{"map with a key and no value", []byte{0x81, 0xa1, 'a'}, "ends in the middle"},
	{"inner array that takes the outer one's bytes", []byte{0x92, 0x92, 1, 2}, "ends in the middle"},
	{"fixstr that is cut off", []byte{0xa5, 'a', 'b'}, "ends in the middle"},
	{"fixstr that is cut off, in an array", []byte{0x91, 0xa5, 'a', 'b'}, "ends in the middle"},
	{"str8 without its length", []byte{0xd9}, "ends in the middle"},
	{"str16 with half its length", []byte{0xda, 0x01}, "ends in the middle"},
	{"uint64 that is cut off", []byte{0xcf, 1, 2, 3}, "ends in the middle"},
	{"float64 that is cut off", []byte{0xcb, 1, 2, 3}, "ends in the middle"},
	{"ext8 without its type", []byte{0xc7, 0x00}, "ends in the middle"},
	{"fixext16 that is cut off", []byte{0xd8, 0x01, 0, 0}, "ends in the middle"},
	{"1M nested arrays", nested(1 << 20), "nest deeper"},
	{"1M nested arrays that never end", bytes.Repeat([]byte{0x91}, 1<<20), "nest deeper"},
	{"1M nested maps", bytes.Repeat([]byte{0x81, 0x01}, 1<<19), "nest deeper"},
	{"one level too many", nested(MaxDepth + 1), "nest deeper"},
	{"array as a map key", []byte{0x81, 0x90, 0x01}, "the map key at offset 1 is array"},
	{"map as a map key", []byte{0x81, 0x80, 0x01}, "the map key at offset 1 is map"},
	{"extension as a map key", []byte{0x81, 0xd4, 0x05, 0x00, 0x01}, "the map key at offset 1 is extension"},
	{"trailing byte", []byte{0xc0, 0xc0}, "1 bytes follow"},
	{"trailing bytes behind a map", []byte{0x81, 0xa1, 'a', 0x01, 0xff, 0xff}, "2 bytes follow"},
	{"the byte that means nothing", []byte{0xc1}, "0xc1 at offset 0 starts no msgpack value"},
	{"the byte that means nothing, inside", []byte{0x91, 0xc1}, "0xc1 at offset 1 starts no msgpack value"},
	{"invalid UTF-8 in a fixstr", []byte{0xa2, 0xc3, 0x28}, "not valid UTF-8"},
	{"invalid UTF-8 in a fixstr in a map", []byte{0x81, 0x01, 0xa2, 0xc3, 0x28}, "not valid UTF-8"},
	{"invalid UTF-8 in a str8 in an array", []byte{0x91, 0xd9, 0x01, 0xff}, "not valid UTF-8"},
	{"invalid UTF-8 in a key", []byte{0x81, 0xa1, 0xff, 0x01}, "not valid UTF-8"},
	{"half a surrogate pair", []byte{0xa3, 0xed, 0xa0, 0x80}, "not valid UTF-8"},
	{"timestamp of 1 byte", []byte{0xd4, 0xff, 0x00}, "timestamp"},
	{"timestamp of 5 bytes in a map", []byte{0x81, 0x01, 0xc7, 5, 0xff, 0, 0, 0, 0, 0}, "timestamp"},
	{"timestamp of 0 bytes", []byte{0xc7, 0, 0xff}, "timestamp"},
	{"timestamp of 16 bytes", append([]byte{0xd8, 0xff}, make([]byte, 16)...), "timestamp"},
}

func TestCheckRefusesHostilePayloads(t *testing.T) {
	for _, test := range hostile {
		t.Run(test.name, func(t *testing.T) {
			err := Check(test.payload)
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), test.reason) {
				t.Errorf("got %q, want something about %q", err, test.reason)
			}
			// The error itself is all that may be allocated. The race detector has
			// the pools that format it forget things now and then, so the least of
			// some runs counts.
			n := math.Inf(1)
			for range 5 {
				n = min(n, testing.AllocsPerRun(10, func() { _ = Check(test.payload) }))
			}
			if n > 4 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// The same payloads as a field's value: a service must refuse them without a
// look at the rest.
func TestDecodeRefusesHostileValues(t *testing.T) {
	for _, test := range hostile {
		t.Run(test.name, func(t *testing.T) {
			payload := append([]byte{0x82, 0xa9}, "thread_id\xa1t\xa5state"...)
			payload = append(payload, test.payload...)
			var p put
			f := Declare()
			defer f.Free()
			p.fields(f)
			if err := f.Decode(payload); err == nil {
				t.Fatal("accepted")
			}
			// The error says where it was found, in two more wrappings.
			if n := testing.AllocsPerRun(10, func() { _ = f.Decode(payload) }); n > 12 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

func TestCheckAcceptsEveryForm(t *testing.T) {
	sized := func(head []byte, n int) []byte { return append(head, bytes.Repeat([]byte{'x'}, n)...) }
	times := func(head []byte, n int, element ...byte) []byte { return append(head, bytes.Repeat(element, n)...) }
	for _, test := range []struct {
		name    string
		payload []byte
		kind    Kind
	}{
		{"nil", []byte{0xc0}, Nil},
		{"false", []byte{0xc2}, Bool},
		{"true", []byte{0xc3}, Bool},
		{"positive fixint", []byte{0x7f}, Uint},
		{"negative fixint", []byte{0xe0}, Int},
		{"uint8", []byte{0xcc, 0xff}, Uint},
		{"uint16", []byte{0xcd, 0xff, 0xff}, Uint},
		{"uint32", []byte{0xce, 0xff, 0xff, 0xff, 0xff}, Uint},
		{"uint64", times([]byte{0xcf}, 8, 0xff), Uint},
		{"int8", []byte{0xd0, 0x80}, Int},
		{"int16", []byte{0xd1, 0x80, 0}, Int},
		{"int32", []byte{0xd2, 0x80, 0, 0, 0}, Int},
		{"int64", times([]byte{0xd3, 0x80}, 7, 0), Int},
		{"float32", []byte{0xca, 0x3f, 0x80, 0, 0}, Float},
		{"float64", times([]byte{0xcb, 0x3f, 0xf0}, 6, 0), Float},
		{"empty fixstr", []byte{0xa0}, Str},
		{"fixstr", sized([]byte{0xbf}, 31), Str},
		{"str8", sized([]byte{0xd9, 32}, 32), Str},
		{"str16", sized([]byte{0xda, 1, 0}, 256), Str},
		{"str32", sized([]byte{0xdb, 0, 1, 0, 0}, 1<<16), Str},
		{"short str32", []byte{0xdb, 0, 0, 0, 1, 'x'}, Str},
		{"UTF-8", append([]byte{0xa7}, "žť€"...), Str},
		{"empty bin8", []byte{0xc4, 0}, Bin},
		{"bin8 that is not UTF-8", []byte{0xc4, 1, 0xff}, Bin},
		{"bin16", sized([]byte{0xc5, 1, 0}, 256), Bin},
		{"bin32", sized([]byte{0xc6, 0, 1, 0, 0}, 1<<16), Bin},
		{"empty fixarray", []byte{0x90}, Array},
		{"fixarray", times([]byte{0x9f}, 15, 0xc0), Array},
		{"array16", times([]byte{0xdc, 1, 0}, 256, 0xc0), Array},
		{"array32", times([]byte{0xdd, 0, 1, 0, 0}, 1<<16, 0xc0), Array},
		{"deepest arrays", nested(MaxDepth), Array},
		{"empty fixmap", []byte{0x80}, Map},
		{"fixmap", times([]byte{0x8f}, 15, 0xa1, 'k', 0x01), Map},
		{"map16", times([]byte{0xde, 1, 0}, 256, 0xa1, 'k', 0x01), Map},
		{"map32", times([]byte{0xdf, 0, 1, 0, 0}, 1<<16, 0x01, 0xc0), Map},
		{"keys of all kinds", []byte{0x86, 0xc0, 1, 0xc3, 1, 0x05, 1, 0xca, 0, 0, 0, 0, 1, 0xa0, 1, 0xc4, 1, 0xff, 1}, Map},
		{"fixext1", []byte{0xd4, 5, 0}, Ext},
		{"fixext2", []byte{0xd5, 5, 0, 0}, Ext},
		{"fixext4, a timestamp", []byte{0xd6, 0xff, 0, 0, 0, 1}, Ext},
		{"fixext8, a timestamp", append([]byte{0xd7, 0xff}, make([]byte, 8)...), Ext},
		{"fixext16", append([]byte{0xd8, 5}, make([]byte, 16)...), Ext},
		{"ext8, a timestamp", append([]byte{0xc7, 12, 0xff}, make([]byte, 12)...), Ext},
		{"empty ext8", []byte{0xc7, 0, 5}, Ext},
		{"ext16", sized([]byte{0xc8, 1, 0, 5}, 256), Ext},
		{"ext32", sized([]byte{0xc9, 0, 1, 0, 0, 5}, 1<<16), Ext},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := Check(test.payload); err != nil {
				t.Fatal(err)
			}
			if kind := Raw(test.payload).Kind(); kind != test.kind {
				t.Errorf("kind %s, want %s", kind, test.kind)
			}
			if n := testing.AllocsPerRun(10, func() { _ = Check(test.payload) }); n > 0 {
				t.Errorf("%v allocations", n)
			}
			for _, around := range [][]byte{{0x91}, {0x81, 0x01}} { // as an element and as a value
				if test.name == "deepest arrays" {
					continue
				}
				if err := Check(append(slices.Clone(around), test.payload...)); err != nil {
					t.Errorf("inside %x: %v", around, err)
				}
			}
			// Cut anywhere, it is refused.
			for n := range min(len(test.payload), 40) {
				if Check(test.payload[:n]) == nil {
					t.Errorf("accepted with %d of %d bytes", n, len(test.payload))
				}
			}
		})
	}
}

// Elements that fit one by one and not together are refused wherever the
// payload ends.
func TestCheckRefusesEveryPrefix(t *testing.T) {
	payload := agentState(2 << 10)
	for n := range payload {
		if Check(payload[:n]) == nil {
			t.Fatalf("accepted with %d of %d bytes", n, len(payload))
		}
	}
}

func TestKindNames(t *testing.T) {
	for kind := Invalid; kind <= Ext; kind++ {
		if kind.String() == "" {
			t.Errorf("kind %d has no name", kind)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, test := range hostile {
		if len(test.payload) < 1<<10 {
			f.Add(test.payload)
		}
	}
	f.Add(agentState(1 << 10))
	f.Add(nested(MaxDepth))
	f.Fuzz(func(t *testing.T, b []byte) {
		if Check(b) != nil {
			return
		}
		if end := skip(b, 0); end != len(b) {
			t.Fatalf("skip ends at %d of %d", end, len(b))
		}
		for n := range min(len(b), 64) {
			if Check(b[:n]) == nil {
				t.Fatalf("accepted with %d of %d bytes", n, len(b))
			}
		}
		for v := range Raw(b).Scalars {
			if kind := v.Kind(); kind == Array || kind == Map {
				t.Fatalf("%x is no scalar", []byte(v))
			}
		}
		v := Raw(b).Any()
		again, err := AppendAny(nil, v)
		if err != nil {
			t.Fatalf("encode %#v: %v", v, err)
		}
		if err := Check(again); err != nil {
			t.Fatalf("%x became %x: %v", b, again, err)
		}
		if third, _ := AppendAny(nil, Raw(again).Any()); !bytes.Equal(again, third) {
			t.Fatalf("%x became %x, then %x", b, again, third)
		}
		if _, err := Raw(b).MarshalJSON(); err != nil {
			t.Fatalf("JSON: %v", err)
		}
		// The library may refuse what it has no type for; it must survive it.
		var decoded any
		_ = msgpack.Unmarshal(b, &decoded)
		_ = fmt.Sprint(decoded)
	})
}

// Short strings take a shortcut: it must see what the long way sees.
func TestCheckShortStrings(t *testing.T) {
	t.Parallel()
	for n := range 256 {
		ascii := []byte(strings.Repeat("a", n))
		array := func(s []byte) []byte { return AppendStr([]byte{0x91}, string(s)) }
		if err := Check(array(ascii)); err != nil {
			t.Fatalf("%d bytes of ASCII: %v", n, err)
		}
		if n > 0 {
			if err := Check(array(ascii)[:n]); err == nil {
				t.Fatalf("%d bytes, cut short: no error", n)
			}
		}
		for i := range n {
			bad := slices.Clone(ascii)
			bad[i] = 0x80
			if err := Check(array(bad)); err == nil {
				t.Fatalf("%d bytes, of which byte %d is wrong: no error", n, i)
			}
			if i+1 < n {
				copy(bad[i:], "ť")
				if err := Check(array(bad)); err != nil {
					t.Fatalf("%d bytes with a letter of two at %d: %v", n, i, err)
				}
			}
		}
	}
}
