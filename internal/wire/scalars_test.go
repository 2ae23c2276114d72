package wire

import (
	"bytes"
	"slices"
	"testing"
)

func TestScalarsAreAllValuesButNoKeys(t *testing.T) {
	t.Parallel()
	deepest := bytes.Repeat([]byte{0x91}, MaxDepth)
	for _, tc := range []struct {
		name string
		raw  Raw
		want []Raw
	}{
		{"scalar", Raw{7}, []Raw{{7}}},
		{"string", Raw("\xa2ab"), []Raw{Raw("\xa2ab")}},
		{"empty array", Raw{0x90}, nil},
		{"empty map", Raw{0x80}, nil},
		{"map", Raw("\x82\xa1k\xa1v\x07\xc0"), []Raw{Raw("\xa1v"), {0xc0}}},
		{"nested", Raw("\x93\x81\xa1k\x92\x01\x81\x02\x03\x90\xc3"), []Raw{{1}, {3}, {0xc3}}},
		{"array of 16 bits behind a map", Raw("\x92\x81\xa1k\x80\xdc\x00\x02\xca\x00\x00\x00\x00\xc4\x01x"),
			[]Raw{Raw("\xca\x00\x00\x00\x00"), Raw("\xc4\x01x")}},
		{"as deep as may be", append(deepest, 5), []Raw{{5}}},
	} {
		if err := Check(tc.raw); err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		got := slices.Collect(tc.raw.Scalars)
		if !slices.EqualFunc(got, tc.want, func(a, b Raw) bool { return bytes.Equal(a, b) }) {
			t.Errorf("%s: %x, want %x", tc.name, got, tc.want)
		}
		for range tc.raw.Scalars {
			break
		}
	}
}

func TestTextIsTheBytesOfAString(t *testing.T) {
	t.Parallel()
	for _, raw := range []Raw{Raw("\xa2ab"), Raw("\xd9\x02ab"), Raw("\xda\x00\x02ab"), Raw("\xdb\x00\x00\x00\x02ab")} {
		if text, ok := raw.Text(); !ok || string(text) != "ab" {
			t.Errorf("the text of %x is %q, %t", raw, text, ok)
		}
	}
	for _, raw := range []Raw{{7}, {0xc0}, Raw("\xc4\x02ab"), {0x90}} {
		if text, ok := raw.Text(); ok || text != nil {
			t.Errorf("%x has the text %q", raw, text)
		}
	}
}
