package store

import (
	"fmt"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

// retention is how long a thread is kept, and how much of it. Once it is a
// thread's it is not changed but replaced.
type retention struct {
	ttl    int64 // how long the thread lives, in milliseconds; 0: for ever
	from   int64 // when a fixed lifetime began; 0: it is sliding, and begins with each change
	keep   int   // messages that the thread keeps; 0: what the service says, keepAll: all
	pinned bool  // it is kept whatever its lifetime
}

// keepAll keeps all messages, whatever the service says.
const keepAll = -1

// Retention is what a service says of threads for which nothing else is set.
type Retention struct {
	TTL          int64 // of a new thread, in milliseconds; 0: for ever
	Sliding      bool  // the lifetime begins anew with each change
	KeepMessages int   // 0: all
}

// fresh returns the retention of a thread that is created at a time, nil where
// there is nothing to say.
func (o *Retention) fresh(now int64) *retention {
	if o.TTL == 0 {
		return nil
	}
	r := &retention{ttl: o.TTL}
	if !o.Sliding {
		r.from = now
	}
	return r
}

// deadline is when a thread that was changed last at updated expires; 0: never.
func (r *retention) deadline(updated int64) int64 {
	if r == nil || r.ttl == 0 || r.pinned {
		return 0
	}
	if r.from != 0 {
		return r.from + r.ttl
	}
	return updated + r.ttl
}

// deadline is when the thread expires with all that it holds; 0: never.
func (t *thread) deadline() int64 {
	if t.more == nil {
		return 0
	}
	return t.more.retention.deadline(t.updated)
}

// over reports whether the thread's lifetime is over at a time.
func (t *thread) over(now int64) bool {
	at := t.deadline()
	return at != 0 && at <= now
}

// fields appends what readers see of the retention to a map, and returns how
// many pairs that is.
func (r *retention) fields(b []byte, updated int64) ([]byte, int) {
	if r == nil {
		return b, 0
	}
	n := 0
	num := func(name string, v int64) {
		if v > 0 {
			b, n = wire.AppendInt(wire.AppendStr(b, name), v), n+1
		}
	}
	flag := func(name string, v bool) {
		if v {
			b, n = wire.AppendBool(wire.AppendStr(b, name), true), n+1
		}
	}
	num("expires_at", r.deadline(updated))
	num("ttl_ms", r.ttl)
	flag("sliding", r.ttl != 0 && r.from == 0)
	flag("pinned", r.pinned)
	num("keep_messages", int64(r.keep))
	return b, n
}

// raw returns the retention as it travels: an array of its figures.
func (r *retention) raw() ckpt.Raw {
	if r == nil {
		return nil
	}
	b := wire.AppendArrayHeader(nil, 4)
	b = wire.AppendInt(wire.AppendInt(b, r.ttl), r.from)
	return wire.AppendBool(wire.AppendInt(b, int64(r.keep)), r.pinned)
}

func decodeRetention(raw ckpt.Raw) (*retention, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	parts, err := raw.Elements()
	if err != nil {
		return nil, err
	}
	if len(parts) < 4 {
		return nil, fmt.Errorf("has %d elements, want 4", len(parts))
	}
	var keep int64
	r := &retention{}
	for i, to := range []*int64{&r.ttl, &r.from, &keep} {
		if *to, err = parts[i].Int(); err != nil {
			return nil, err
		}
	}
	r.keep = int(keep)
	r.pinned, err = parts[3].Bool()
	return r, err
}
