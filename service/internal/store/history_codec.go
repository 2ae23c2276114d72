package store

import (
	"bytes"
	"fmt"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

// A history travels in these keys of a snapshot; values are binaries, so that a
// snapshot nests no deeper for them.
//
//	hk twice how many earlier states are kept, and 1 more where a write said so
//	hv versions, oldest first: arrays of revision, time and state, which a
//	   cleared one lacks, as does the last: its state is the snapshot's
//	hf the oldest revision that the thread can be read at
//	hu the undo log: arrays of revision, kind and row, and the value if any
type codedHistory struct {
	keep           uint64
	versions, undo []ckpt.Raw
	from           uint64
}

func (c *codedHistory) declare(f *wire.Fields) {
	f.Optional("hk", &c.keep)
	f.Optional("hv", &c.versions)
	f.Optional("hf", &c.from)
	f.Optional("hu", &c.undo)
}

func (k kept) coded() uint64 { return uint64(k.n)<<1 | uint64(one(k.own)) }

func decodeKept(n uint64) kept { return kept{n: int(min(n>>1, maxKept)), own: n&1 == 1} }

// maxKept bounds what an entry may claim; requests have a lower limit.
const maxKept = 1 << 20

func (h *history) coded() (c codedHistory) {
	if h == nil {
		return c
	}
	c.keep, c.from = h.keep.coded(), h.from
	for i := range h.versions {
		v := &h.versions[i]
		valued := v.full() && i < len(h.versions)-1
		b := wire.AppendUint(wire.AppendArrayHeader(nil, 2+one(valued)), v.revision)
		if b = wire.AppendInt(b, v.slot.at); valued {
			b = wire.AppendBin(b, v.value)
		}
		c.versions = append(c.versions, b)
	}
	for i := range h.undo {
		u := &h.undo[i]
		valued := len(u.value) > 0
		b := wire.AppendUint(wire.AppendArrayHeader(nil, 3+one(valued)), u.revision)
		if b = wire.AppendInt(wire.AppendInt(b, int64(u.what)), int64(u.row)); valued {
			b = wire.AppendBin(b, u.value)
		}
		c.undo = append(c.undo, b)
	}
	return c
}

// history returns the history of a snapshot that has the state present.
func (c *codedHistory) history(present ckpt.Raw) (*history, error) {
	if c.keep == 0 {
		return nil, nil
	}
	h := &history{keep: decodeKept(c.keep), from: c.from}
	for i, raw := range c.versions {
		var v version
		n, value, err := figures(raw, 2)
		if err != nil {
			return nil, fmt.Errorf("version %d %w", i, err)
		}
		v.revision, v.slot = uint64(n[0]), slot{value, n[1]}
		if i == len(c.versions)-1 {
			v.value = present
		}
		h.versions = append(h.versions, v)
	}
	for i, raw := range c.undo {
		n, value, err := figures(raw, 3)
		if err != nil {
			return nil, fmt.Errorf("change %d %w", i, err)
		}
		u := undo{uint64(n[0]), undone(n[1]), int(n[2]), value}
		h.undo = append(h.undo, u)
		h.weight += undoBytes + len(u.value)
	}
	return h, nil
}

// figures reads an array of so many integers of 0 or more, and a binary, of
// which it returns a copy, where there is one behind them.
func figures(raw ckpt.Raw, count int) (n []int64, value ckpt.Raw, err error) {
	parts, err := raw.Elements()
	if err != nil {
		return nil, nil, err
	}
	if len(parts) < count {
		return nil, nil, fmt.Errorf("has %d elements, want %d", len(parts), count)
	}
	for _, p := range parts[:count] {
		figure, err := p.Int()
		if err == nil && figure < 0 {
			err = fmt.Errorf("has a figure of %d, want 0 or more", figure)
		}
		if err != nil {
			return nil, nil, err
		}
		n = append(n, figure)
	}
	if len(parts) > count {
		var b []byte
		if b, err = parts[count].Bin(); err == nil {
			value = bytes.Clone(b)
		}
	}
	return n, value, err
}
