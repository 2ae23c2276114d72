package client

import (
	"fmt"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
	"github.com/vmihailenco/msgpack/v5"
)

// encodeState sets to to the encoded state: bytes of the scratch buffer or, of
// a state that is encoded already, its own.
func encodeState[S any](scratch *[]byte, to *ckpt.Raw, state *S) error {
	if raw, ok := any(state).(*ckpt.Raw); ok {
		*to = *raw
		return nil
	}
	b, err := wire.AppendAny(*scratch, *state)
	if err != nil {
		return err
	}
	*scratch, *to = b, b
	return nil
}

// decodeState reads a state from raw, which is checked. Go's own types for
// anything come out as the widest of their kind; what is typed is decoded by
// the library.
func decodeState[S any](raw ckpt.Raw, state *S) (err error) {
	if raw, err = Plain(raw); err != nil {
		return err
	}
	switch to := any(state).(type) {
	case *ckpt.Raw:
		*to = raw
		return nil
	case *any:
		*to = raw.Any()
		return nil
	case *map[string]any:
		if raw.Kind() == wire.Nil {
			return nil
		}
		if *to, err = raw.StrMap(); err != nil {
			return unreadable(err, "the state does not decode into a map[string]any")
		}
		return nil
	}
	defer func() { // such as for bytes as a key of a map[any]any
		if r := recover(); r != nil {
			err = unreadable(fmt.Errorf("%v", r), fmt.Sprintf("the state does not decode into %T", *state))
		}
	}()
	if err := msgpack.Unmarshal(raw, state); err != nil {
		return unreadable(err, fmt.Sprintf("the state does not decode into %T", *state))
	}
	return nil
}

// decodeRecord reads a record that a reply carries.
func decodeRecord[T any, P interface {
	*T
	ckpt.Record
}](raw ckpt.Raw) (T, error) {
	var v T
	if err := ckpt.Decode(raw, P(&v)); err != nil {
		return v, unreadable(err, fmt.Sprintf("the %T in the reply does not decode", v))
	}
	return v, nil
}

// decodeRecords reads the records of a list.
func decodeRecords[T any, P interface {
	*T
	ckpt.Record
}](raws []ckpt.Raw) ([]T, error) {
	list := make([]T, len(raws))
	for i, raw := range raws {
		var err error
		if list[i], err = decodeRecord[T, P](raw); err != nil {
			return nil, err
		}
	}
	return list, nil
}
