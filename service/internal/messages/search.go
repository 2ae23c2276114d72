package messages

import (
	"bytes"
	"math"
	"strconv"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

// A Search looks for a text in messages, whatever the case of its letters and
// theirs: two texts match where Unicode's simple folding makes them equal,
// letter by letter (k matches K and the Kelvin sign, s matches the long s; the
// sharp s does not match ss). It looks at the bytes as they are stored and
// decodes nothing. It may be used by many goroutines at once.
type Search struct {
	letters []letter
	// rarest is the letter of which the least is expected in a message, found
	// by one byte in each of its forms. All else is looked at only there.
	rarest  int
	anchors []anchor
	numeric bool // some number's text may contain the text
}

// NewSearch returns the search for text. Every value matches the empty text.
func NewSearch(text string) *Search {
	s := &Search{numeric: true}
	least := math.MaxInt
	for i, r := range []rune(text) {
		l := newLetter(r)
		s.letters = append(s.letters, l)
		if anchors, weight := l.anchors(); weight < least {
			s.rarest, s.anchors, least = i, anchors, weight
		}
		s.numeric = s.numeric && l.inNumbers()
	}
	return s
}

// Message reports whether a string in the content of the message body, at any
// depth, contains the text. Keys of maps are no part of the content. The body
// must be a checked msgpack value.
func (s *Search) Message(body ckpt.Raw) bool {
	if len(s.letters) == 0 {
		return true
	}
	// Nearly always the text is in the bytes or it is not. Whether it lies in
	// a string of the content is asked last, since it costs the most.
	if !s.in(body) {
		return false
	}
	content := body.Get("content")
	if !s.in(content) {
		return false
	}
	for v := range content.Scalars {
		if text, ok := v.Text(); ok && s.in(text) {
			return true
		}
	}
	return false
}

// Value reports whether a string in v, at any depth, contains the text, or the
// decimal text of a number does. Keys of maps are not looked at. The value must
// be checked; where there is none, only the empty text matches.
func (s *Search) Value(v ckpt.Raw) bool {
	if len(s.letters) == 0 {
		return true
	}
	if len(v) == 0 || !s.numeric && !s.in(v) {
		return false
	}
	for v := range v.Scalars {
		text, ok := v.Text()
		if !ok {
			var buf [32]byte
			text = appendNumber(buf[:0], v)
		}
		if s.in(text) {
			return true
		}
	}
	return false
}

// in reports whether the bytes contain the text.
func (s *Search) in(b []byte) bool {
	for i := range s.anchors {
		a := &s.anchors[i]
		for p := 0; ; p++ {
			next := bytes.IndexByte(b[p:], a.char)
			if next < 0 {
				break
			}
			p += next
			if s.around(b, p-a.offset, a.form) {
				return true
			}
		}
	}
	return false
}

// around reports whether the text lies in b such that the rarest letter is at
// b[at], in the form given. It compares encoded letters, of which none begins
// inside another, so it needs no decoding, and b need not be UTF-8.
func (s *Search) around(b []byte, at int, form string) bool {
	if at < 0 || !hasPrefix(b[at:], form) {
		return false
	}
	end := at + len(form)
	for i := s.rarest + 1; i < len(s.letters); i++ {
		n := s.letters[i].begins(b[end:])
		if n == 0 {
			return false
		}
		end += n
	}
	for i := s.rarest - 1; i >= 0; i-- {
		n := s.letters[i].ends(b[:at])
		if n == 0 {
			return false
		}
		at -= n
	}
	return true
}

// appendNumber appends the decimal text of the number raw to b: of a float the
// shortest that reads back as the same, with an exponent where JSON has one
// too. It appends nothing where raw is no number.
func appendNumber(b []byte, raw ckpt.Raw) []byte {
	switch raw.Kind() {
	case wire.Int:
		n, _ := raw.Int()
		return strconv.AppendInt(b, n, 10)
	case wire.Uint:
		n, _ := raw.Uint()
		return strconv.AppendUint(b, n, 10)
	case wire.Float:
		f, _ := raw.Float()
		bits := 64
		if len(raw) == 5 { // the header and four bytes
			bits = 32
		}
		format := byte('f')
		if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
			format = 'e'
		}
		return strconv.AppendFloat(b, f, format, -1, bits)
	}
	return b
}
