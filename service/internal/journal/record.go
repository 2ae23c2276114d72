package journal

import (
	"fmt"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

// version is the first byte of each record: the version of its format. A program
// that does not know what an entry may hold must not pass over it, so the number
// grows with that. Version 2 added the digest of requests and what this program
// can do beyond version 1; records of all versions are read.
const version = 2

// part is one message of the stream: a record, or a piece of one that does not
// fit one message.
type part struct {
	version int
	storeID string
	writer  string // the replica that wrote it, new with each start
	number  uint64 // of the writer's records, from 1
	index   int    // which of the record's parts this is, from 0
	count   int    // how many there are
	body    []byte // its part of the record's body
}

// append appends the part's head to b; the body follows it.
func (p *part) append(b []byte) []byte {
	b = wire.AppendArrayHeader(append(b, version), 5)
	b = wire.AppendStr(wire.AppendStr(b, p.storeID), p.writer)
	b = wire.AppendUint(b, p.number)
	b = wire.AppendInt(b, int64(p.index))
	return wire.AppendInt(b, int64(p.count))
}

// headBytes is more than a part's head has: two IDs of 22 bytes and figures.
const headBytes = 128

// decodePart reads one message of the stream. The body shares its bytes.
func decodePart(b []byte) (p part, err error) {
	if p.version = first(b); p.version < 1 || p.version > version {
		return p, fmt.Errorf("a record of version %d: this program reads versions 1 to %d: use a later one", p.version, version)
	}
	head, body, err := wire.Split(b[1:])
	if err != nil {
		return p, err
	}
	fields, err := head.Elements()
	if err != nil {
		return p, err
	}
	if len(fields) < 5 {
		return p, fmt.Errorf("a record's head has %d elements, want 5", len(fields))
	}
	if p.storeID, err = fields[0].Str(); err != nil {
		return p, err
	}
	if p.writer, err = fields[1].Str(); err != nil {
		return p, err
	}
	if p.number, err = fields[2].Uint(); err != nil {
		return p, err
	}
	index, err := fields[3].Int()
	if err != nil {
		return p, err
	}
	count, err := fields[4].Int()
	if err != nil {
		return p, err
	}
	if index < 0 || count < 1 || index >= count || count > maxParts {
		return p, fmt.Errorf("part %d of %d", index, count)
	}
	p.index, p.count, p.body = int(index), int(count), body
	return p, nil
}

// maxParts bounds what a record may claim.
const maxParts = 1 << 20

func first(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	return int(b[0])
}

// body is what a record says, all its parts together: an array of the position
// that its oldest entry was planned at, its time, and its entries.
type body struct {
	planned uint64
	at      int64 // milliseconds since 1970; time never goes back from record to record
	entries []ckpt.Raw
}

// appendBody appends a body of entries that are encoded already.
func appendBody(b []byte, planned uint64, at int64, entries [][]byte) []byte {
	b = wire.AppendUint(wire.AppendArrayHeader(b, 3), planned)
	b = wire.AppendArrayHeader(wire.AppendInt(b, at), len(entries))
	for _, e := range entries {
		b = wire.AppendBin(b, e) // as deep as its values nest, the record is not
	}
	return b
}

// bodyBytes is more than the body of the entries has.
func bodyBytes(entries [][]byte) int {
	n := 1 + 9 + 9 + 5 // the array's header, two integers, the header of the entries
	for _, e := range entries {
		n += 5 + len(e)
	}
	return n
}

func decodeBody(b []byte) (r body, err error) {
	if err := ckpt.Check(b); err != nil {
		return r, err
	}
	fields, err := ckpt.Raw(b).Elements()
	if err != nil {
		return r, err
	}
	if len(fields) < 3 {
		return r, fmt.Errorf("a record has %d elements, want 3", len(fields))
	}
	if r.planned, err = fields[0].Uint(); err != nil {
		return r, err
	}
	if r.at, err = fields[1].Int(); err != nil {
		return r, err
	}
	entries, err := fields[2].Elements()
	for i := 0; err == nil && i < len(entries); i++ {
		entries[i], err = entries[i].Bin()
	}
	r.entries = entries
	return r, err
}
