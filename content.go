package ckpt

import (
	"bytes"
	"fmt"

	"github.com/ckptbus/ckpt/internal/wire"
)

// Block is one piece of a message's content. The blocks are the pointers to
// the Block types of this package; the set is closed, and what a later version
// or a foreign writer adds to it is an [UnknownBlock].
//
// A block travels as a map that starts with its type. A block of a known type
// that lacks a required field, or has a value of the wrong kind in a known
// one, is read as an UnknownBlock too, so that no block makes the message
// unreadable.
type Block interface {
	Record
	// BlockType returns the value of the key type, by which readers tell the
	// blocks apart; it is empty for an [UnknownBlock] that has none.
	BlockType() string
}

// blocks maps each type of block to its constructor.
var blocks = map[string]func() Block{
	"text":             func() Block { return new(TextBlock) },
	"image":            func() Block { return new(ImageBlock) },
	"audio":            func() Block { return new(AudioBlock) },
	"video":            func() Block { return new(VideoBlock) },
	"document":         func() Block { return new(DocumentBlock) },
	"data":             func() Block { return new(DataBlock) },
	"tool_call":        func() Block { return new(ToolCallBlock) },
	"remote_tool_call": func() Block { return new(RemoteToolCallBlock) },
	"tool_result":      func() Block { return new(ToolResultBlock) },
	"reasoning":        func() Block { return new(ReasoningBlock) },
	"annotation":       func() Block { return new(AnnotationBlock) },
	"error":            func() Block { return new(ErrorBlock) },
}

// BlockType returns the type of the block.
func (*TextBlock) BlockType() string { return "text" }

// BlockType returns the type of the block.
func (*ImageBlock) BlockType() string { return "image" }

// BlockType returns the type of the block.
func (*AudioBlock) BlockType() string { return "audio" }

// BlockType returns the type of the block.
func (*VideoBlock) BlockType() string { return "video" }

// BlockType returns the type of the block.
func (*DocumentBlock) BlockType() string { return "document" }

// BlockType returns the type of the block.
func (*DataBlock) BlockType() string { return "data" }

// BlockType returns the type of the block.
func (*ToolCallBlock) BlockType() string { return "tool_call" }

// BlockType returns the type of the block.
func (*RemoteToolCallBlock) BlockType() string { return "remote_tool_call" }

// BlockType returns the type of the block.
func (*ToolResultBlock) BlockType() string { return "tool_result" }

// BlockType returns the type of the block.
func (*ReasoningBlock) BlockType() string { return "reasoning" }

// BlockType returns the type of the block.
func (*AnnotationBlock) BlockType() string { return "annotation" }

// BlockType returns the type of the block.
func (*ErrorBlock) BlockType() string { return "error" }

// BlockType returns what the block says of itself.
func (u *UnknownBlock) BlockType() string {
	t, _ := u.Raw.Get("type").Str()
	return t
}

// UnknownBlock is a block that this version does not know or cannot read. It
// is written again byte for byte.
type UnknownBlock struct {
	Raw Raw // one sound msgpack value; whoever sets it checks it, see [Check]
	// bare marks content that is no array, such as the plain string of the
	// OpenAI chat format: alone in a message, it is written without one.
	bare bool
}

func (u *UnknownBlock) fields(f *wire.Fields) { f.Whole(&u.Raw) }

// blockFields declares what all blocks of known types have in common: the type
// and the fields of a later version.
func blockFields(f *wire.Fields, b Block, unknown *wire.Raw) {
	f.Keep(unknown)
	f.Required("type", blockType(b.BlockType()))
}

// blockType is the key by which a reader chose the block's Go type.
type blockType string

func (t blockType) AppendWire(b []byte) ([]byte, error) { return wire.AppendStr(b, string(t)), nil }
func (t blockType) EmptyWire() bool                     { return false }

func (t blockType) DecodeWire(raw wire.Raw) error {
	if s, err := raw.Str(); err != nil || s != string(t) {
		return fmt.Errorf("is not %q", string(t))
	}
	return nil
}

// content is the blocks of a message.
type content []Block

func (c *content) EmptyWire() bool { return len(*c) == 0 }

func (c *content) AppendWire(b []byte) ([]byte, error) {
	if len(*c) == 1 {
		if u, ok := (*c)[0].(*UnknownBlock); ok && u.bare {
			return Append(b, u)
		}
	}
	b = wire.AppendArrayHeader(b, len(*c))
	var err error
	for i, block := range *c {
		if block == nil {
			return b, fmt.Errorf("block %d is nil", i)
		}
		if b, err = Append(b, block); err != nil {
			return b, fmt.Errorf("block %d: %w", i, err)
		}
	}
	return b, nil
}

func (c *content) DecodeWire(raw wire.Raw) error {
	raws, err := raw.Elements()
	if err != nil {
		*c = content{&UnknownBlock{Raw: bytes.Clone(raw), bare: true}}
		return nil
	}
	*c = make(content, len(raws))
	for i := range raws {
		(*c)[i] = decodeBlock(raws[i])
	}
	return nil
}

// decodeBlock reads one block. What cannot be read is kept, in bytes of its
// own: the message may outlive the payload that it came in.
func decodeBlock(raw wire.Raw) Block {
	if t, err := raw.Get("type").Str(); err == nil && blocks[t] != nil {
		block := blocks[t]()
		if (object{block}).DecodeWire(raw) == nil {
			return block
		}
	}
	return &UnknownBlock{Raw: bytes.Clone(raw)}
}
