package store

import (
	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

// record is a thread's record as it is kept: the pairs of its map that the
// caller decides on, as they came, without the map's header. Whose record it
// is stands in the thread.
type record struct {
	pairs   []byte
	count   int
	updated int64 // what the put said; 0: nothing
	// metadata are in pairs from one byte to another
	metadata struct{ from, to uint32 }
}

// meta returns the metadata of the record, nil where it has none.
func (r *record) meta() ckpt.Raw {
	if r == nil || r.metadata.to == 0 {
		return nil
	}
	return ckpt.Raw(r.pairs[r.metadata.from:r.metadata.to])
}

// newRecord returns the record in raw, a map that was read as a
// [ckpt.ThreadInfo] before.
func newRecord(raw ckpt.Raw) *record {
	r := &record{pairs: make([]byte, 0, len(raw))}
	for key, value := range raw.Pairs {
		name, _ := key.Text()
		switch string(name) {
		case "thread_id", "user_id", "created_at", "bare", "origin", // the service's own
			"expires_at", "ttl_ms", "sliding", "pinned", "keep_messages", "messages", "bytes":
		case "updated_at":
			r.updated, _ = value.Int() // nil, which is no integer, says nothing
		default:
			if value.Kind() != wire.Nil {
				r.pairs = append(append(r.pairs, key...), value...)
				r.count++
				if string(name) == "metadata" {
					r.metadata.from, r.metadata.to = uint32(len(r.pairs)-len(value)), uint32(len(r.pairs))
				}
			}
		}
	}
	return r
}

// own returns the record's pairs as a map behind those that say whose it is,
// with room for more pairs: what a search looks at.
func (t *thread) own(more int) []byte {
	r := t.peek().record
	if r == nil {
		r = &record{}
	}
	owner := t.owner.Value()
	owned := one(owner != "")
	b := make([]byte, 0, len(t.id)+len(owner)+len(r.pairs)+96)
	b = wire.AppendMapHeader(b, 1+owned+r.count+more)
	b = wire.AppendStr(wire.AppendStr(b, "thread_id"), t.id)
	if owned == 1 {
		b = wire.AppendStr(wire.AppendStr(b, "user_id"), owner)
	}
	return append(b, r.pairs...)
}

// info returns the thread's record as readers see it: with its times, and
// marked where the thread was given none.
func (t *thread) info() ckpt.Raw { return t.infoWith(nil, 0) }

// sized is the thread's info with how large it is.
func (t *thread) sized(sh *shard) ckpt.Raw {
	b := wire.AppendInt(wire.AppendStr(nil, "messages"), int64(t.messages.Len()))
	b = wire.AppendInt(wire.AppendStr(b, "bytes"), int64(t.size(sh)))
	return t.infoWith(b, 2)
}

// infoWith is the thread's info with as many pairs more.
func (t *thread) infoWith(pairs []byte, n int) ckpt.Raw {
	bare := one(t.peek().record == nil)
	from := t.peek().origin
	kept, more := t.peek().retention.fields(nil, t.updated)
	b := t.own(2 + bare + more + n + one(from != nil))
	b = wire.AppendInt(wire.AppendStr(b, "created_at"), t.created.millis())
	b = wire.AppendInt(wire.AppendStr(b, "updated_at"), t.lastUpdate())
	if bare == 1 {
		b = wire.AppendBool(wire.AppendStr(b, "bare"), true)
	}
	if from != nil {
		b = append(wire.AppendStr(b, "origin"), from.raw()...)
	}
	return append(append(b, kept...), pairs...)
}

// lastUpdate is when the thread was last changed, or what its record says.
func (t *thread) lastUpdate() int64 {
	if r := t.peek().record; r != nil && r.updated != 0 {
		return r.updated
	}
	return t.updated
}
