package messages

import (
	"math"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
	"pgregory.net/rapid"
)

// folded returns s with each letter replaced by the smallest one that simple
// folding makes equal to it.
func folded(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, s)
}

// naive is the search by definition, without any shortcut.
func naive(raw ckpt.Raw, text string, numbers bool) bool {
	if raw == nil {
		return false
	}
	if elements, err := raw.Elements(); err == nil {
		for _, e := range elements {
			if naive(e, text, numbers) {
				return true
			}
		}
	}
	for _, v := range raw.Pairs {
		if naive(v, text, numbers) {
			return true
		}
	}
	s, _ := raw.Text()
	if numbers {
		s = append(s, appendNumber(nil, raw)...)
	}
	return strings.Contains(folded(string(s)), folded(text))
}

// encoded returns v as msgpack.
func encoded(t interface{ Fatal(...any) }, v any) ckpt.Raw {
	raw, err := wire.AppendAny(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestNoLetterHasMoreForms(t *testing.T) {
	t.Parallel()
	for r := range rune(unicode.MaxRune + 1) {
		n := 1
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			n++
		}
		if n > maxForms {
			t.Fatalf("%U has %d forms", r, n)
		}
	}
}

func TestSearchFoldsLetters(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		text, in string
		want     bool
	}{
		{"", "", true},
		{"", "anything", true},
		{"x", "", false},
		{"hello", "Say HELLO there", true},
		{"HELLO", "say hello", true},
		{"hello", "hell o", false},
		{"k", "\u212a", true}, // the Kelvin sign
		{"\u212a", "k", true},
		{"\u212aelvin", "10 kelvin", true},
		{"miſs", "a MISS", true},
		{"miss", "a miſſ", true},
		{"straße", "STRASSE", false},
		{"STRAẞE", "straße", true},
		{"σίσυφος", "ΣΊΣΥΦΟΣ", true},
		{"ΣΊΣΥΦΟΣ", "σίσυφος", true},
		{"привет", "Ну, ПРИВЕТ!", true},
		{"привет", "ПРИВЁТ", false},
		{"θ", "ϴ", true},
		{"ϑ", "Θ", true},
		{"µ", "μ", true},
		{"å", "\u212b", true}, // the Angstrom sign
		{"i", "İ", false},
		{"I", "ı", false},
		{"日本", "こんにちは日本", true},
		{"🙂x", "🙃🙂X", true},
		{"aab", "aaab", true},
		{"ana", "banAna", true},
		{"é", "e\u0301", false}, // not normalised
	} {
		s := NewSearch(tc.text)
		m := encoded(t, map[string]any{"content": []any{map[string]any{"type": "text", "text": tc.in}}})
		if tc.in == "" {
			m = encoded(t, map[string]any{"content": ""})
		}
		if got := s.Message(m); got != tc.want {
			t.Errorf("%q in the message text %q: %t", tc.text, tc.in, got)
		}
		if got := s.Value(encoded(t, tc.in)); got != tc.want {
			t.Errorf("%q in the value %q: %t", tc.text, tc.in, got)
		}
		if naive := strings.Contains(folded(tc.in), folded(tc.text)); naive != tc.want {
			t.Errorf("the naive search for %q in %q: %t", tc.text, tc.in, naive)
		}
	}
}

func TestSearchLooksAtStringsOfTheContentOnly(t *testing.T) {
	t.Parallel()
	m := encoded(t, map[string]any{
		"message_id": "needle-id",
		"role":       "needle role",
		"metadata":   map[string]any{"content": "needle elsewhere"},
		"content": []any{
			map[string]any{"needle key": "plain", "deep": []any{map[string]any{"x": "a deep string"}}},
			"split", "ted",
			[]byte("needle in bytes"), 12345, 1.5, nil, true,
		},
	})
	for text, want := range map[string]bool{
		"needle": false, "plain": true, "DEEP STRING": true, "deep key": false, "splitted": false,
		"12345": false, "1.5": false, "split": true, "ted": true, "user": false,
	} {
		if got := NewSearch(text).Message(m); got != want {
			t.Errorf("%q: %t, want %t", text, got, want)
		}
	}
	for _, m := range []ckpt.Raw{{0x80}, {0x90}, {0xc0}, encoded(t, map[string]any{"content": nil})} {
		if NewSearch("a").Message(m) || !NewSearch("").Message(m) {
			t.Errorf("the message %x matches, or does not match the empty text", m)
		}
	}
}

func TestSearchFindsNumbersInValues(t *testing.T) {
	t.Parallel()
	v := encoded(t, map[string]any{
		"plain": "text", "key": 7123456, "float": 1700000000.25, "negative": int64(-42),
		"large": uint64(math.MaxUint64), "tiny": 1e-9, "huge": 1e300, "unbounded": math.Inf(1),
		"nested": []any{map[string]any{"n": 9001}}, "bytes": []byte("777777"),
	})
	v = append(encoded(t, []any{v, 0})[:1], append(v, 0xca, 0x3d, 0xcc, 0xcc, 0xcd)...) // and 0.1 in 32 bits
	v[0] = 0x92
	for text, want := range map[string]bool{
		"7123456": true, "1234": true, "1700000000.25": true, "-42": true, "18446744073709551615": true,
		"1e-09": true, "1E+300": true, "inf": true, "9001": true, "text": true, "ex": true, "0.1": true,
		"key": false, "nested": false, "777777": false, "0.10000000149": false, "43": false, "true": false,
	} {
		if got := NewSearch(text).Value(v); got != want {
			t.Errorf("%q: %t, want %t", text, got, want)
		}
	}
	if NewSearch("a").Value(nil) || !NewSearch("").Value(nil) {
		t.Error("a value that is not there matches, or does not match the empty text")
	}
}

// alphabet has letters that meet under folding and bytes that meet in their
// encodings and in msgpack's headers.
var alphabet = []rune("aAbBkK\u212asSſ 019.-eEnǅǆǄσςΣжЖ\u0430\u0410θΘϑϴ日é\u00c9ßẞ🙂\x00\ufffd")

func TestSearchAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom(alphabet), 0, 3, -1).Draw(t, "text")
		str := rapid.StringOfN(rapid.SampledFrom(alphabet), 0, 8, -1)
		var value func(depth int) *rapid.Generator[any]
		value = func(depth int) *rapid.Generator[any] {
			kinds := []*rapid.Generator[any]{
				str.AsAny(), str.AsAny(), rapid.Int64().AsAny(), rapid.Uint64().AsAny(),
				rapid.Float64().AsAny(), rapid.Bool().AsAny(), rapid.SliceOfN(rapid.Byte(), 0, 5).AsAny(),
			}
			if depth > 0 {
				kinds = append(kinds, rapid.SliceOfN(value(depth-1), 0, 3).AsAny(), rapid.MapOfN(str, value(depth-1), 0, 3).AsAny())
			}
			return rapid.OneOf(kinds...)
		}
		message := map[string]any{
			"message_id": str.Draw(t, "id"),
			"content":    value(3).Draw(t, "content"),
			"metadata":   value(1).Draw(t, "metadata"),
		}
		raw := encoded(t, message)
		s := NewSearch(text)
		if got, want := s.Message(raw), text == "" || naive(raw.Get("content"), text, false); got != want {
			t.Fatalf("%q in the message %q: %t", text, message, got)
		}
		if got, want := s.Value(raw), text == "" || naive(raw, text, true); got != want {
			t.Fatalf("%q in the value %q: %t", text, message, got)
		}
	})
}

// FuzzSearch compares the search with one over the decoded value.
func FuzzSearch(f *testing.F) {
	for _, text := range []string{"k", "needle", "ſS", "Σας", "0.1", "-4"} {
		f.Add(text, []byte(encoded(f, map[string]any{"content": []any{text + "x", 4.1}})))
		f.Add(text, []byte(encoded(f, map[string]any{text: text, "n": -41})))
	}
	f.Fuzz(func(t *testing.T, text string, b []byte) {
		raw := ckpt.Raw(b)
		if ckpt.Check(b) != nil || !utf8.ValidString(text) {
			return
		}
		s := NewSearch(text)
		if got, want := s.Value(raw), text == "" || naive(raw, text, true); got != want {
			t.Errorf("%q in the value %x: %t", text, b, got)
		}
		if got, want := s.Message(raw), text == "" || naive(raw.Get("content"), text, false); got != want {
			t.Errorf("%q in the message %x: %t", text, b, got)
		}
	})
}

func TestSearchAllocatesNothing(t *testing.T) {
	m := encoded(t, map[string]any{"content": []any{map[string]any{"n": 1.5, "text": "a needle"}}})
	s := NewSearch("NEEDLE")
	if got := testing.AllocsPerRun(100, func() {
		if !s.Message(m) || !s.Value(m) {
			t.Error("not found")
		}
	}); got != 0 {
		t.Errorf("a search allocates %v times a message", got)
	}
}
