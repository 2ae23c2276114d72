package ckpt

import (
	"fmt"

	"github.com/ckptbus/ckpt/internal/wire"
)

// Position is a point in the order of all changes of a store. The zero value
// is the beginning of any store.
type Position struct {
	StoreID  string // as in [Reply]; a store with another ID knows nothing of the position and ignores it
	Revision uint64
}

// EmptyWire reports whether there is no position.
func (p *Position) EmptyWire() bool { return *p == Position{} }

// AppendWire appends the position as an array: the store's ID, the revision.
func (p *Position) AppendWire(b []byte) ([]byte, error) {
	b = wire.AppendStr(wire.AppendArrayHeader(b, 2), p.StoreID)
	return wire.AppendUint(b, p.Revision), nil
}

// DecodeWire sets the position from an array of a string and an integer.
func (p *Position) DecodeWire(raw Raw) error {
	parts, err := raw.Elements()
	if err != nil {
		return err
	}
	if len(parts) != 2 {
		return fmt.Errorf("has %d elements, want 2: store_id and revision", len(parts))
	}
	if p.StoreID, err = parts[0].Str(); err != nil {
		return fmt.Errorf("element 0 %w", err)
	}
	if p.Revision, err = parts[1].Uint(); err != nil {
		return fmt.Errorf("element 1 %w", err)
	}
	return nil
}
