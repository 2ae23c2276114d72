package store

import (
	"bytes"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

// condition is a pair that metadata must have.
type condition struct {
	key   string
	value []byte // in its canonical form
}

// conditions reads the pairs of metadata that a list is filtered by.
func (s *Store) conditions(raw ckpt.Raw) ([]condition, error) {
	if len(raw) == 0 || raw.Kind() == wire.Nil {
		return nil, nil
	}
	if raw.Kind() != wire.Map {
		return nil, ckpt.Errorf(ckpt.InvalidArgument, "field \"metadata\": is %s, want map", raw.Kind())
	}
	var list []condition
	for key, value := range raw.Pairs {
		name, err := key.Str()
		if err != nil {
			return nil, ckpt.Errorf(ckpt.InvalidArgument, "field \"metadata\": a key %v", err)
		}
		if limit := s.opts.Limits.Filters; len(list) == limit {
			return nil, ckpt.Errorf(ckpt.TooLarge, "field \"metadata\": it has more pairs than limits.filters, which is %d", limit)
		}
		list = append(list, condition{name, appendCanonical(nil, value)})
	}
	return list, nil
}

// meets reports whether metadata have each of the pairs; where they have a key
// twice, the first counts.
func meets(metadata ckpt.Raw, all []condition) bool {
	for i := range all {
		value := metadata.Get(all[i].key)
		if value == nil {
			return false
		}
		var room [64]byte
		if !bytes.Equal(appendCanonical(room[:0], value), all[i].value) {
			return false
		}
	}
	return true
}
