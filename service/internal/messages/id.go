package messages

import (
	"fmt"
	"hash/maphash"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

// idKey is the key of a message's ID in the map that the message is.
const idKey = "message_id"

// IDOf returns the message_id of the message body, a checked msgpack value;
// false where there is none or it is nil. The error is that of a body that is
// no map or of an ID that cannot be one. Where the key is there twice, the
// first counts.
func IDOf(body ckpt.Raw) (ckpt.MessageID, bool, error) {
	if k := body.Kind(); k != wire.Map {
		return ckpt.MessageID{}, false, fmt.Errorf("is %s, want %s", k, wire.Map)
	}
	raw := body.Get(idKey)
	if raw == nil || raw.Kind() == wire.Nil {
		return ckpt.MessageID{}, false, nil
	}
	var id ckpt.MessageID
	if err := id.DecodeWire(raw); err != nil {
		return ckpt.MessageID{}, false, fmt.Errorf("%s %w", idKey, err)
	}
	return id, true, nil
}

// hasID reports whether the stored message body has the ID. It allocates nothing.
func hasID(body []byte, id ckpt.MessageID) bool {
	raw := idIn(body)
	if text, ok := raw.Text(); ok {
		return !id.IsInt() && string(text) == id.String()
	}
	var buf [20]byte // -9223372036854775808
	return id.IsInt() && string(appendNumber(buf[:0], raw)) == id.String()
}

// firstKey begins a map of up to 15 pairs of which the ID is the first, behind
// the map's own byte, as most messages are. Lists read IDs all the time.
const firstKey = "\xaa" + idKey

// idIn returns the value of the stored message's ID; other bytes may follow it.
func idIn(body []byte) ckpt.Raw {
	if n := 1 + len(firstKey); len(body) > n && body[0]&0xf0 == 0x80 && string(body[1:n]) == firstKey {
		return body[n:]
	}
	return ckpt.Raw(body).Get(idKey)
}

// seed makes the hashes of this process its own, so that nobody can choose IDs
// that collide.
var seed = maphash.MakeSeed()

// hashOf returns the ID's hash.
func hashOf(id ckpt.MessageID) uint32 { return uint32(maphash.String(seed, id.String()) >> 32) }

// hashIn returns the hash of the stored message's ID.
func hashIn(body []byte) uint32 {
	id, _, _ := IDOf(body) // it was an ID when it was put
	return hashOf(id)
}
