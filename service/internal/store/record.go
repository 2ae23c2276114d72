package store

import (
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

// record is a thread's record as it is kept: the pairs of its map that the
// caller decides on, as they came, without the map's header.
type record struct {
	pairs   []byte
	count   int
	updated int64 // what the put said; 0: nothing
}

// newRecord returns the record in raw, which info was read from.
func newRecord(raw ckpt.Raw, info *ckpt.ThreadInfo) *record {
	r := &record{pairs: make([]byte, 0, len(raw))}
	r.add("thread_id", info.ThreadID)
	if info.UserID != "" {
		r.add("user_id", info.UserID)
	}
	for key, value := range raw.Pairs {
		name, _ := key.Text()
		switch string(name) {
		case "thread_id", "user_id": // an integer has become its decimal string
		case "created_at", "bare": // the service's own
		case "updated_at":
			r.updated, _ = value.Int() // nil, which is no integer, says nothing
		default:
			if value.Kind() == wire.Nil {
				continue
			}
			r.pairs = append(append(r.pairs, key...), value...)
			r.count++
		}
	}
	return r
}

func (r *record) add(name, value string) {
	r.pairs = wire.AppendStr(wire.AppendStr(r.pairs, name), value)
	r.count++
}

// asMap returns the pairs as a map: what a search looks at.
func (r *record) asMap() ckpt.Raw {
	return append(wire.AppendMapHeader(make([]byte, 0, len(r.pairs)+3), r.count), r.pairs...)
}

// info returns the thread's record as readers see it; made up from what the
// store knows where the thread was given none.
func (t *thread) info() ckpt.Raw {
	r := t.peek().record
	if r == nil {
		b, _ := ckpt.Append(nil, &ckpt.ThreadInfo{ // of strings and times, which can be encoded
			ThreadID: t.id, UserID: t.owner, Bare: true,
			CreatedAt: time.UnixMilli(t.created), UpdatedAt: time.UnixMilli(t.updated),
		})
		return b
	}
	updated := t.updated
	if r.updated != 0 {
		updated = r.updated
	}
	b := wire.AppendMapHeader(make([]byte, 0, len(r.pairs)+48), r.count+2)
	b = append(b, r.pairs...)
	b = wire.AppendInt(wire.AppendStr(b, "created_at"), t.created)
	return wire.AppendInt(wire.AppendStr(b, "updated_at"), updated)
}

// searched returns the values that a search of threads looks at.
func (t *thread) searched() ckpt.Raw {
	r := t.peek().record
	if r == nil {
		r = &record{}
		r.add("thread_id", t.id)
		r.add("user_id", t.owner)
	}
	return r.asMap()
}
