package ckpt

import "github.com/ckptbus/ckpt/internal/wire"

// Condition is what a write expects the revision of its thread to be. The zero
// value expects nothing, and is left out on the wire.
type Condition struct {
	revision uint64
	set      bool
}

// AtRevision expects the thread to be at the revision; 0 expects that it does not
// exist.
func AtRevision(revision uint64) Condition { return Condition{revision, true} }

// Met reports whether a thread at the revision, 0 of one that does not exist, is
// as the condition expects.
func (c *Condition) Met(revision uint64) bool { return !c.set || c.revision == revision }

// Revision returns the revision that is expected.
func (c *Condition) Revision() uint64 { return c.revision }

// EmptyWire reports whether nothing is expected.
func (c *Condition) EmptyWire() bool { return !c.set }

// AppendWire appends the revision.
func (c *Condition) AppendWire(b []byte) ([]byte, error) { return wire.AppendUint(b, c.revision), nil }

// DecodeWire sets the condition from an integer of 0 or more.
func (c *Condition) DecodeWire(raw Raw) (err error) {
	c.revision, err = raw.Uint()
	c.set = err == nil
	return err
}
