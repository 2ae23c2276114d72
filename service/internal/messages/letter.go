package messages

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxForms is how many letters Unicode's simple folding makes equal at the
// most, such as theta's two cases, its symbol and the capital symbol.
const maxForms = 4

// A letter is one of a search's text, as the UTF-8 of the letters that folding
// makes equal to it, itself included. Forms that it does not have are empty.
type letter [maxForms]string

func newLetter(r rune) (l letter) {
	l[0] = string(r)
	n := 1
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		l[n] = string(f)
		n++
	}
	return l
}

// begins returns the length of the form that b begins with, 0 where there is
// none.
func (l *letter) begins(b []byte) int {
	for _, form := range l {
		if form == "" {
			break
		}
		if hasPrefix(b, form) {
			return len(form)
		}
	}
	return 0
}

// ends returns the length of the form that b ends with, 0 where there is none.
func (l *letter) ends(b []byte) int {
	for _, form := range l {
		if form == "" {
			break
		}
		if len(b) >= len(form) && hasPrefix(b[len(b)-len(form):], form) {
			return len(form)
		}
	}
	return 0
}

// hasPrefix is bytes.HasPrefix for a form, which is mostly one byte long.
func hasPrefix(b []byte, form string) bool {
	return len(b) >= len(form) && b[0] == form[0] && (len(form) == 1 || string(b[:len(form)]) == form)
}

// inNumbers reports whether the decimal text of a number may contain the letter.
func (l *letter) inNumbers() bool { return strings.Contains("0123456789+-.eEinfINFaA", l[0]) }

// An anchor is the byte by which one form of a letter is found.
type anchor struct {
	form   string
	char   byte
	offset int // of char in form
}

// anchors returns the rarest byte of each form, and how many of them are
// expected in 1,000 bytes of messages.
func (l *letter) anchors() (list []anchor, total int) {
	for _, form := range l {
		if form == "" {
			break
		}
		rarest := 0
		for i := range len(form) {
			if weight(form[i]) < weight(form[rarest]) {
				rarest = i
			}
		}
		list = append(list, anchor{form, form[rarest], rarest})
		total += weight(form[rarest])
	}
	return list, total
}

// perMille is how often the letters a to z come in 1,000 bytes of English text.
var perMille = [26]int{65, 12, 22, 34, 102, 18, 16, 49, 56, 2, 6, 32, 19, 56, 60, 15, 2, 48, 51, 73, 22, 8, 19, 2, 16, 1}

// weight estimates how often a byte comes in 1,000 bytes of messages. Only the
// order matters: a wrong guess makes a search slower, never wrong.
func weight(c byte) int {
	switch {
	case c >= 'a' && c <= 'z':
		return perMille[c-'a'] + 1
	case c >= 'A' && c <= 'Z':
		return perMille[c-'A']/10 + 1
	case c == ' ':
		return 150
	case c >= '0' && c <= '9':
		return 15
	case utf8.RuneStart(c) && c >= utf8.RuneSelf:
		return 50 // where one letter of a script is, more are
	case c >= utf8.RuneSelf:
		return 12
	}
	return 5 // punctuation
}
