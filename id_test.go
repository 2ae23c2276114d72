package ckpt_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
	"pgregory.net/rapid"

	"github.com/ckptbus/ckpt"
)

func TestCheckID(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, id string
		ok       bool
	}{
		{"one letter", "a", true},
		{"UUID", "0198c2f0-7d2e-7b1a-9d57-3f2d1c0b9a88", true},
		{"space", "a b", true},
		{"wildcards", "*.>", true},
		{"beyond ASCII", "žluť/日本", true},
		{"longest", strings.Repeat("x", ckpt.MaxIDBytes), true},
		{"empty", "", false},
		{"too long", strings.Repeat("x", ckpt.MaxIDBytes+1), false},
		{"too long in bytes alone", strings.Repeat("ž", ckpt.MaxIDBytes/2+1), false},
		{"tab", "a\tb", false},
		{"line feed", "a\nb", false},
		{"CRLF", "a\r\nPUB x 0", false},
		{"NUL", "a\x00", false},
		{"ESC", "\x1b[2J", false},
		{"DEL", "a\x7f", false},
		{"C1 control", "a\u0085", false},
		{"invalid UTF-8", "a\xff", false},
		{"surrogate", "\xed\xa0\x80", false},
	} {
		if err := ckpt.CheckID(test.id); (err == nil) != test.ok {
			t.Errorf("%s: got %v", test.name, err)
		}
	}
}

func TestMessageIDKeepsItsType(t *testing.T) {
	t.Parallel()
	if ckpt.IntID(7) == ckpt.StringID("7") {
		t.Error(`7 and "7" are one message`)
	}
	if ckpt.IntID(7) != ckpt.UintID(7) {
		t.Error("7 and 7 are two messages")
	}
	if !(ckpt.MessageID{}).IsZero() || ckpt.IntID(0).IsZero() || ckpt.StringID("0").IsZero() {
		t.Error("the zero value alone is no ID")
	}
	if !ckpt.IntID(-1).IsInt() || ckpt.StringID("1").IsInt() {
		t.Error("IsInt is wrong")
	}
}

// Every width and sign that an integer may be sent in is one ID.
func TestMessageIDFromEveryWidth(t *testing.T) {
	t.Parallel()
	for _, wire := range []string{"\x07", "\xcc\x07", "\xcd\x00\x07", "\xce\x00\x00\x00\x07",
		"\xcf\x00\x00\x00\x00\x00\x00\x00\x07", "\xd0\x07", "\xd1\x00\x07", "\xd2\x00\x00\x00\x07",
		"\xd3\x00\x00\x00\x00\x00\x00\x00\x07"} {
		var id ckpt.MessageID
		if err := id.DecodeWire(ckpt.Raw(wire)); err != nil || id != ckpt.IntID(7) {
			t.Errorf("%x: got %v, %v", wire, id, err)
		}
	}
	for _, wire := range []string{"\xc0", "\xc3", "\xca\x00\x00\x00\x00", "\xa0", "\xa1\x00", "\x90", "\xc4\x01a"} {
		var id ckpt.MessageID
		if err := id.DecodeWire(ckpt.Raw(wire)); err == nil {
			t.Errorf("%x: got %v", wire, id)
		}
	}
}

func TestMessageIDJSON(t *testing.T) {
	t.Parallel()
	for id, want := range map[ckpt.MessageID]string{
		ckpt.IntID(-7):               "-7",
		ckpt.IntID(math.MinInt64):    "-9223372036854775808",
		ckpt.UintID(math.MaxUint64):  "18446744073709551615",
		ckpt.StringID("7"):           `"7"`,
		ckpt.StringID(`a "quote"/ž`): `"a \"quote\"/ž"`,
	} {
		b, err := json.Marshal(id)
		if err != nil || string(b) != want {
			t.Errorf("got %s, %v, want %s", b, err, want)
		}
		var back ckpt.MessageID
		if err := json.Unmarshal(b, &back); err != nil || back != id {
			t.Errorf("%s: got %v, %v", b, back, err)
		}
	}
	for _, b := range []string{"1.5", "true", "[]", "18446744073709551616"} {
		id := ckpt.StringID("before")
		if err := json.Unmarshal([]byte(b), &id); err == nil || id != ckpt.StringID("before") {
			t.Errorf("%s: got %v, %v", b, id, err)
		}
	}
}

// anyMessageID draws a valid message ID.
func anyMessageID(t *rapid.T) ckpt.MessageID {
	return rapid.OneOf(
		rapid.Map(rapid.Int64(), ckpt.IntID),
		rapid.Map(rapid.Uint64(), ckpt.UintID),
		rapid.Map(anyID(), ckpt.StringID),
	).Draw(t, "message ID")
}

// anyID draws a valid ID.
func anyID() *rapid.Generator[string] {
	return rapid.String().Filter(func(s string) bool { return ckpt.CheckID(s) == nil })
}

func TestMessageIDRoundTrip(t *testing.T) {
	t.Parallel()
	type state struct {
		Last ckpt.MessageID
		None ckpt.MessageID
		Step int
	}
	rapid.Check(t, func(t *rapid.T) {
		id := anyMessageID(t)
		b, err := id.AppendWire(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := ckpt.Check(b); err != nil {
			t.Fatal(err)
		}
		var back ckpt.MessageID
		if err := back.DecodeWire(b); err != nil || back != id {
			t.Fatalf("%v became %v, %v", id, back, err)
		}
		in := state{Last: id, Step: 3}
		if b, err = msgpack.Marshal(in); err != nil {
			t.Fatal(err)
		}
		var out state
		if err := msgpack.Unmarshal(b, &out); err != nil || out != in {
			t.Fatalf("inside a state: %+v became %+v, %v", in, out, err)
		}
	})
}

// An integer in the place of a thread ID means its decimal string.
func TestThreadIDFromInteger(t *testing.T) {
	t.Parallel()
	var r ckpt.StateGetRequest
	if err := ckpt.Decode([]byte("\x81\xa9thread_id\xd1\x01\x00"), &r); err != nil || r.ThreadID != "256" {
		t.Errorf("got %q, %v", r.ThreadID, err)
	}
	for _, bad := range []string{"\xa0", "\xc0", "\xc3", "\xa1\n"} {
		if err := ckpt.Decode([]byte("\x81\xa9thread_id"+bad), &r); err == nil {
			t.Errorf("%x passed", bad)
		}
	}
}

func ExampleMessageID() {
	number, text := ckpt.IntID(7), ckpt.StringID("7")
	fmt.Println(number, text, number == text)
	// Output: 7 7 false
}
