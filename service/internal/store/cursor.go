package store

import (
	"encoding/base64"
	"encoding/binary"
	"math"

	"github.com/ckptbus/ckpt"
)

// A cursor is a place in the order of one list. On the wire it is text for the
// caller to give back: a version, the digest of the list that it is of, and the
// place. So one that a caller made up, or has from another list, is told from
// one that is good.
//
// The place in a list of messages is a number of insertion, see
// [messages.List], and when the thread was created: the numbers of a thread
// that took the place of another begin anew. In a list of threads it is the key
// of a thread.
const cursorVersion = 1

var cursorText = base64.RawURLEncoding.Strict()

func appendCursor(list uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{cursorVersion}, list)
}

// place returns what is behind the version and the digest of a cursor of the
// list.
func place(cursor string, list uint64) ([]byte, error) {
	b, err := cursorText.DecodeString(cursor)
	if err != nil || len(b) < 9 || b[0] != cursorVersion {
		return nil, errCursor
	}
	if binary.BigEndian.Uint64(b[1:]) != list {
		return nil, ckpt.Errorf(ckpt.InvalidArgument, "cursor: it is of another list: search, filters and order must be those of the request that it is from")
	}
	return b[9:], nil
}

var errCursor = ckpt.Errorf(ckpt.InvalidArgument, "cursor: it is none: give the next_cursor of an earlier reply, or %q for the first page", ckpt.FirstCursor)

// messageCursor is a place in a thread's messages: between the number and the
// one before it.
type messageCursor struct {
	created stamp // of the thread; 0: there was none
	number  int
}

func (c messageCursor) text(list uint64) string {
	b := binary.AppendUvarint(appendCursor(list), uint64(c.created))
	return cursorText.EncodeToString(binary.AppendUvarint(b, uint64(c.number)))
}

func parseMessageCursor(text string, list uint64) (messageCursor, error) {
	b, err := place(text, list)
	if err != nil {
		return messageCursor{}, err
	}
	created, n := binary.Uvarint(b)
	number, m := binary.Uvarint(b[max(n, 0):])
	if n <= 0 || m <= 0 || n+m != len(b) || created > math.MaxInt64 || number > math.MaxInt64 {
		return messageCursor{}, errCursor
	}
	return messageCursor{stamp(created), int(number)}, nil
}

// text is the bound as a cursor of the list.
func (b bound) text(list uint64) string {
	c := appendCursor(list)
	if b.set {
		c = append(binary.AppendVarint(c, b.at), b.id...)
	}
	return cursorText.EncodeToString(c)
}

// parseThreadCursor returns the key that a page begins behind; set is false where
// it begins at an end of the order.
func parseThreadCursor(text string, list uint64) (k key, set bool, err error) {
	c, err := place(text, list)
	if err != nil || len(c) == 0 {
		return key{}, false, err
	}
	at, n := binary.Varint(c)
	if n <= 0 || ckpt.CheckID(string(c[n:])) != nil {
		return key{}, false, errCursor
	}
	return key{at, string(c[n:])}, true, nil
}
