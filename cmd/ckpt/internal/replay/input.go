package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// input is what was read, with the name that errors use for it.
type input struct {
	name string
	data []byte
}

// value is one JSON value of the input and where it begins.
type value struct {
	raw    json.RawMessage
	offset int64
}

// values returns the elements of the one array that the input is, or the
// values that stand in it behind one another.
func (in input) values() ([]value, error) {
	if at := invalidUTF8(in.data); at >= 0 { // which the decoder would replace without a word
		return nil, fmt.Errorf("%s: line %d: not valid UTF-8", in.name, in.line(int64(at)))
	}
	var list []value
	dec := json.NewDecoder(bytes.NewReader(in.data))
	for {
		var raw json.RawMessage
		err := dec.Decode(&raw)
		switch {
		case errors.Is(err, io.EOF):
			if len(list) == 1 && list[0].raw[0] == '[' {
				return elements(list[0]), nil
			}
			return list, nil
		case err != nil:
			return nil, in.syntaxError(err)
		}
		list = append(list, value{raw, dec.InputOffset() - int64(len(raw))})
	}
}

// elements returns the elements of an array whose syntax is right.
func elements(array value) (list []value) {
	dec := json.NewDecoder(bytes.NewReader(array.raw))
	_, _ = dec.Token()
	for dec.More() {
		var raw json.RawMessage
		_ = dec.Decode(&raw)
		list = append(list, value{raw, array.offset + dec.InputOffset() - int64(len(raw))})
	}
	return list
}

func (in input) syntaxError(err error) error {
	offset := int64(len(in.data)) // where it ended too early
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = syntax.Offset
	}
	return fmt.Errorf("%s: line %d: %w", in.name, in.line(offset), err)
}

// errorf returns an error of the conversation that begins at v.
func (in input) errorf(number int, v value, format string, args ...any) error {
	return fmt.Errorf("%s: conversation %d (line %d): %w", in.name, number, in.line(v.offset), fmt.Errorf(format, args...))
}

// line returns the line, counted from 1, that the byte at offset stands in.
func (in input) line(offset int64) int {
	return 1 + bytes.Count(in.data[:min(offset, int64(len(in.data)))], []byte("\n"))
}

// invalidUTF8 returns where data stops being UTF-8, -1 if it never does.
func invalidUTF8(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	at := 0
	for {
		r, n := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && n == 1 {
			return at
		}
		at += n
	}
}
