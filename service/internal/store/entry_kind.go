package store

import (
	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

// kind is that of an entry. One that is read is the one string that all of it share.
type kind string

func (k *kind) AppendWire(b []byte) ([]byte, error) { return wire.AppendStr(b, string(*k)), nil }
func (k *kind) EmptyWire() bool                     { return *k == "" }

func (k *kind) DecodeWire(raw wire.Raw) error {
	if text, ok := raw.Text(); ok {
		if shared, ok := kinds[string(text)]; ok {
			*k = kind(shared)
			return nil
		}
	}
	s, err := raw.Str()
	*k = kind(s)
	return err
}

// kinds are all that there are.
var kinds = func() map[string]string {
	m := map[string]string{kindSnapshot: kindSnapshot, ckpt.KindExpired: ckpt.KindExpired}
	for _, op := range ckpt.Operations() {
		m[op.Name] = op.Name
	}
	return m
}()
