package store

import (
	"slices"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

// fieldNames are the fields that rows of a list have; the first is the ID.
type fieldNames []string

func namesOf(r ckpt.Record) (names fieldNames) {
	for _, f := range ckpt.FieldsOf(r) {
		names = append(names, f.Name)
	}
	return names
}

var (
	messageFields = namesOf(new(ckpt.Message))
	recordFields  = namesOf(new(ckpt.ThreadInfo))
)

// selection is the fields that are wanted of each row; none means all.
type selection []string

// selection checks the names of fields that are wanted.
func (f fieldNames) selection(wanted []string) (selection, error) {
	if len(wanted) == 0 {
		return nil, nil
	}
	s := selection{f[0]}
	for _, name := range wanted {
		if !slices.Contains(f, name) {
			return nil, ckpt.Errorf(ckpt.InvalidArgument, "select: there is no field %.64q; the fields are %q", name, f)
		}
		if !slices.Contains(s, name) {
			s = append(s, name)
		}
	}
	return s, nil
}

// of returns the row with the fields that are wanted, in the row's order.
func (s selection) of(row ckpt.Raw) ckpt.Raw {
	if s == nil {
		return row
	}
	n, size := 0, 0
	for key, value := range row.Pairs {
		if s.has(key) {
			n++
			size += len(key) + len(value)
		}
	}
	b := wire.AppendMapHeader(make([]byte, 0, size+3), n)
	for key, value := range row.Pairs {
		if s.has(key) {
			b = append(append(b, key...), value...)
		}
	}
	return b
}

func (s selection) has(key ckpt.Raw) bool {
	text, _ := key.Text()
	for _, name := range s {
		if string(text) == name {
			return true
		}
	}
	return false
}
