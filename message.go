package ckpt

import (
	"strings"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/ckptbus/ckpt/internal/wire"
)

// Role says who speaks in a message.
type Role string

// The roles of the model. Any other role of a foreign writer passes.
const (
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
	RoleSystem    Role = "system"
	RoleTool      Role = "tool"
)

// Message is one message of a conversation. It can be stored by itself and
// stand inside a state that the msgpack library encodes.
//
// What a later version or a foreign writer adds is not lost: unknown fields
// and blocks come back byte for byte, and so does content that is not an array
// of blocks, as one [UnknownBlock]. Known fields are written in this package's
// own form: empty ones are left out, except role and content.
type Message struct {
	// MessageID identifies the message in its thread. The service gives a
	// message without one a UUIDv7.
	MessageID  MessageID
	Role       Role
	Content    []Block
	Delta      bool             // a part of a message that is still being generated
	ToolsCalls []map[string]any // the model's tool calls in the provider's own form
	Reasoning  string
	Timestamp  float64 // seconds since 1970; 0 means that it is not known
	Metadata   map[string]any
	Usages     *TokenUsages   // nil if not counted
	Raw        map[string]any // the provider's response, for whoever needs it

	unknown wire.Raw // fields of a later version, kept as they came
}

func (m *Message) fields(f *wire.Fields) {
	f.Keep(&m.unknown)
	f.Optional("message_id", &m.MessageID)
	f.Always("role", (*string)(&m.Role))
	f.Always("content", (*content)(&m.Content))
	f.Optional("delta", &m.Delta)
	f.Optional("tools_calls", &m.ToolsCalls)
	f.Optional("reasoning", &m.Reasoning)
	f.Optional("timestamp", &m.Timestamp)
	f.Optional("metadata", &m.Metadata)
	f.Optional("usages", pointerTo(&m.Usages))
	f.Optional("raw", &m.Raw)
}

// TextMessage returns a message of one text block. Like the other constructors
// it sets no ID and no timestamp.
func TextMessage(role Role, text string) Message {
	return Message{Role: role, Content: []Block{&TextBlock{Text: text}}}
}

// ToolCalls returns the assistant's message that asks for tools to be called.
func ToolCalls(calls ...*ToolCallBlock) Message {
	m := Message{Role: RoleAssistant}
	for _, call := range calls {
		m.Content = append(m.Content, call)
	}
	return m
}

// ToolResult returns the tool's message with the output of the call callID.
// See [ToolResultBlock] for what output may be.
func ToolResult(callID string, output any) Message {
	return Message{Role: RoleTool, Content: []Block{&ToolResultBlock{CallID: callID, Output: output}}}
}

// Text returns the text of the message: its text blocks and plain strings
// joined, with the outputs of tool results between them, as JSON where they
// are not strings.
func (m *Message) Text() string {
	var text strings.Builder
	for _, block := range m.Content {
		switch block := block.(type) {
		case *TextBlock:
			text.WriteString(block.Text)
		case *ToolResultBlock:
			text.WriteString(block.text())
		case *UnknownBlock:
			if s, err := block.Raw.Str(); err == nil {
				text.WriteString(s)
			}
		}
	}
	return text.String()
}

// MarshalJSON returns the message as a JSON object with the keys of the wire.
func (m Message) MarshalJSON() ([]byte, error) { return marshalJSON(&m) }

// EncodeMsgpack writes the message in its place inside another value that the
// msgpack library encodes.
func (m Message) EncodeMsgpack(e *msgpack.Encoder) error { return encodeMsgpack(e, &m) }

// DecodeMsgpack reads the message from inside another value, checked as
// [Decode] does.
func (m *Message) DecodeMsgpack(d *msgpack.Decoder) error {
	*m = Message{}
	return decodeMsgpack(d, m)
}

// TokenUsages counts the tokens that a message cost. A count that is not known
// is 0.
type TokenUsages struct {
	CompletionTokens         int
	PromptTokens             int
	TotalTokens              int
	ReasoningTokens          int
	CacheCreationInputTokens int
	CacheReadInputTokens     int
	ImageTokens              int
	AudioTokens              int

	unknown wire.Raw
}

func (u *TokenUsages) fields(f *wire.Fields) {
	f.Keep(&u.unknown)
	f.Always("completion_tokens", &u.CompletionTokens)
	f.Always("prompt_tokens", &u.PromptTokens)
	f.Always("total_tokens", &u.TotalTokens)
	f.Optional("reasoning_tokens", &u.ReasoningTokens)
	f.Optional("cache_creation_input_tokens", &u.CacheCreationInputTokens)
	f.Optional("cache_read_input_tokens", &u.CacheReadInputTokens)
	f.Optional("image_tokens", &u.ImageTokens)
	f.Optional("audio_tokens", &u.AudioTokens)
}

// marshalJSON returns r as a JSON object with the keys of the wire.
func marshalJSON(r Record) ([]byte, error) {
	b, err := Append(nil, r)
	if err != nil {
		return nil, err
	}
	return Raw(b).MarshalJSON()
}

// encodeMsgpack writes r in its place inside a value of the msgpack library.
func encodeMsgpack(e *msgpack.Encoder, r Record) error {
	b, err := Append(nil, r)
	if err != nil {
		return err
	}
	return Raw(b).EncodeMsgpack(e)
}

// decodeMsgpack reads r from inside a value of the msgpack library.
func decodeMsgpack(d *msgpack.Decoder, r Record) error {
	b, err := d.DecodeRaw()
	if err != nil {
		return err
	}
	return Decode(b, r)
}
