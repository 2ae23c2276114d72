package client

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// Compression is how states are compressed; see [WithCompression].
type Compression uint8

// The compressions. S2 takes little time and saves less; Zstd saves more, and
// programs in other languages can read it.
const (
	S2   Compression = 1
	Zstd Compression = 2
)

// A compressed state is a msgpack extension of this type. Its bytes are the
// compression, four bytes of the size that the state had, big-endian, and a
// block of S2 or a frame of Zstandard.
const (
	extCompressed  = 122
	compressedHead = 5
)

// maxPlain bounds a state that is compressed, and so what a reader sets aside for
// one: the same for all clients, so that each can read what another wrote.
const maxPlain = 64 << 20

// compression compresses the states of requests.
type compression struct {
	how      Compression
	minBytes int
}

// states compresses the states of a request.
func (z *compression) states(request any) {
	switch q := request.(type) {
	case *ckpt.StatePutRequest:
		z.value(&q.State)
	case *ckpt.CachePutRequest:
		z.value(&q.State)
	case *ckpt.ThreadsCommitRequest:
		z.value(&q.State)
		z.value(&q.Cache)
	case *ckpt.ThreadsTransactRequest:
		for i := range q.Commits {
			z.value(&q.Commits[i].State)
			z.value(&q.Commits[i].Cache)
		}
	}
}

// value compresses a state where that makes it smaller. Bytes that are no msgpack
// stay as they are, for the service to refuse.
func (z *compression) value(raw *ckpt.Raw) {
	v := *raw
	if len(v) == 0 || len(v) < z.minBytes || len(v) > maxPlain || isCompressed(v) || ckpt.Check(v) != nil {
		return
	}
	const room = 6 + compressedHead // for both heads
	b := make([]byte, room, room+len(v))
	switch z.how {
	case S2:
		b = append(b, s2.Encode(nil, v)...)
	case Zstd:
		b = zstdEncoder().EncodeAll(v, b)
	}
	if len(b) >= len(v) {
		return
	}
	head := wire.AppendExtHeader(b[:0], extCompressed, len(b)-room+compressedHead)
	b[len(head)] = byte(z.how)
	binary.BigEndian.PutUint32(b[len(head)+1:], uint32(len(v)))
	*raw = b
}

func isCompressed(raw ckpt.Raw) bool {
	kind, _, ok := raw.Ext()
	return ok && kind == extCompressed
}

// Plain returns the state that raw stands for: raw itself, unless a client that
// compresses wrote it. The methods do that by themselves; it is for those who
// read states by [Do]. The error is Unknown where the bytes are not what such a
// client writes.
func Plain(raw ckpt.Raw) (ckpt.Raw, error) {
	kind, body, ok := raw.Ext()
	if !ok || kind != extCompressed {
		return raw, nil
	}
	plain, err := decompress(body)
	if err == nil {
		err = ckpt.Check(plain)
	}
	if err != nil {
		return nil, unreadable(err, "the state was compressed, and cannot be read")
	}
	return plain, nil
}

// decompress never sets aside more than the size that the bytes tell, nor than a
// compressed state may have.
func decompress(body []byte) ([]byte, error) {
	if len(body) < compressedHead {
		return nil, fmt.Errorf("%d bytes are too few", len(body))
	}
	how, block := Compression(body[0]), body[compressedHead:]
	size := int64(binary.BigEndian.Uint32(body[1:]))
	if size > maxPlain {
		return nil, fmt.Errorf("a size of %d bytes is over the limit of %d", size, maxPlain)
	}
	var plain []byte
	var err error
	switch how {
	case S2:
		if n, err := s2.DecodedLen(block); err != nil || int64(n) != size {
			return nil, fmt.Errorf("the block tells of %d bytes and not of %d: %v", n, size, err)
		}
		plain, err = s2.Decode(nil, block)
	case Zstd:
		plain, err = zstdDecoder().DecodeAll(block, make([]byte, 0, size))
	default:
		return nil, fmt.Errorf("compression %d is not known to this version", how)
	}
	if err == nil && int64(len(plain)) != size {
		err = fmt.Errorf("there are %d bytes and not %d", len(plain), size)
	}
	return plain, err
}

// The encoder and the decoder of Zstandard are made when they are first needed,
// and serve all clients of the process.
var (
	zstdEncoder = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil)
		if err != nil {
			panic(err) // the options are constants
		}
		return e
	})
	zstdDecoder = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(maxPlain))
		if err != nil {
			panic(err) // the options are constants
		}
		return d
	})
)
