package store

import (
	"bytes"
	"fmt"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
	"github.com/ckptbus/ckpt/service/internal/messages"
)

// This file has what only snapshots have on the wire: see entry_codec.go.

func decodeSnapshot(c *coded, state ckpt.Raw) (*Snapshot, error) {
	s := &Snapshot{ahead: c.ahead}
	times := []*int64{&s.created, &s.updated, &s.stateAt, &s.cacheAt}
	if len(c.times) < len(times) {
		return nil, fmt.Errorf("a snapshot has %d times, want %d", len(c.times), len(times))
	}
	for i, to := range times {
		var err error
		if *to, err = c.times[i].Int(); err != nil {
			return nil, fmt.Errorf("time %d %w", i, err)
		}
	}
	var err error
	if s.gaps, err = messages.NewGaps(c.gaps, len(c.messages)); err != nil {
		return nil, err
	}
	for i, raw := range c.recent {
		a, err := decodeAnswered(raw)
		if err != nil {
			return nil, fmt.Errorf("answer %d %w", i, err)
		}
		s.recent = append(s.recent, a)
	}
	if s.history, err = c.past.history(state); err == nil {
		s.origin, err = decodeOrigin(c.origin)
	}
	return s, err
}

// coded returns the origin as it travels, nothing of nil.
func (o *origin) coded() []ckpt.Raw {
	if o == nil {
		return nil
	}
	return []ckpt.Raw{wire.AppendStr(nil, o.thread), wire.AppendUint(nil, o.revision)}
}

func decodeOrigin(parts []ckpt.Raw) (*origin, error) {
	if len(parts) == 0 {
		return nil, nil
	}
	if len(parts) < 2 {
		return nil, fmt.Errorf("an origin has %d elements, want 2", len(parts))
	}
	o := &origin{}
	var err error
	if o.thread, err = parts[0].Str(); err == nil {
		o.revision, err = parts[1].Uint()
	}
	return o, err
}

func (a *answered) raw() ckpt.Raw {
	known := a.digest != 0
	b := wire.AppendArrayHeader(nil, 5+one(known))
	b = wire.AppendStr(wire.AppendStr(b, a.requestID), a.kind)
	b = wire.AppendUint(wire.AppendInt(b, a.at), a.revision)
	b = wire.AppendBin(b, a.answer)
	if known {
		b = wire.AppendUint(b, a.digest)
	}
	return b
}

func decodeAnswered(raw ckpt.Raw) (a answered, err error) {
	parts, err := raw.Elements()
	if err != nil {
		return a, err
	}
	if len(parts) < 5 {
		return a, fmt.Errorf("has %d elements, want 5", len(parts))
	}
	if a.requestID, err = parts[0].Str(); err != nil {
		return a, err
	}
	if err = (*kind)(&a.kind).DecodeWire(parts[1]); err != nil {
		return a, err
	}
	if a.at, err = parts[2].Int(); err != nil {
		return a, err
	}
	if a.revision, err = parts[3].Uint(); err != nil {
		return a, err
	}
	answer, err := parts[4].Bin()
	a.answer = bytes.Clone(answer)
	if err == nil && len(parts) > 5 {
		a.digest, err = parts[5].Uint()
	}
	return a, err
}

// raw returns the lease as an array, an empty one of nobody's.
func (l *lease) raw() ckpt.Raw {
	if !l.held() {
		return wire.AppendArrayHeader(nil, 0)
	}
	b := wire.AppendStr(wire.AppendArrayHeader(nil, 3), l.owner)
	return wire.AppendUint(wire.AppendInt(b, l.expires), l.token)
}

// decodeLease reads a lease; nil where there is no change of one.
func decodeLease(raw ckpt.Raw) (*lease, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	parts, err := raw.Elements()
	if err != nil || len(parts) == 0 {
		return &lease{}, err
	}
	if len(parts) < 3 {
		return nil, fmt.Errorf("has %d elements, want 3", len(parts))
	}
	l := &lease{}
	if l.owner, err = parts[0].Str(); err != nil {
		return nil, err
	}
	if l.expires, err = parts[1].Int(); err != nil {
		return nil, err
	}
	l.token, err = parts[2].Uint()
	return l, err
}
