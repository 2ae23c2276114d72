package ckpt

import (
	"encoding/json"
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/ckptbus/ckpt/internal/wire"
)

// MaxIDBytes is the longest thread, user, message, run or request ID. It keeps
// an encoded ID, at most three times as long, well inside the 4 KiB that a
// NATS server allows for a protocol line.
const MaxIDBytes = 256

// CheckID reports why s cannot be an ID: IDs have 1 to [MaxIDBytes] bytes of
// UTF-8 without control characters.
func CheckID(s string) error {
	switch {
	case s == "":
		return fmt.Errorf("is empty, want 1 to %d bytes", MaxIDBytes)
	case len(s) > MaxIDBytes:
		return fmt.Errorf("has %d bytes, want 1 to %d", len(s), MaxIDBytes)
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c >= 0x7f {
			return checkRunes(s)
		}
	}
	return nil
}

// checkRunes is the slow path of CheckID, for IDs beyond printable ASCII.
func checkRunes(s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("is not valid UTF-8")
	}
	for i, r := range s {
		if unicode.IsControl(r) {
			return fmt.Errorf("has the control character %U at byte %d", r, i)
		}
	}
	return nil
}

// id is a string field that is an ID; on the wire an integer stands for its
// decimal string.
type id string

func (i *id) AppendWire(b []byte) ([]byte, error) { return wire.AppendStr(b, string(*i)), nil }
func (i *id) EmptyWire() bool                     { return *i == "" }

func (i *id) DecodeWire(raw wire.Raw) error {
	m, err := decodeID(raw)
	*i = id(m.text)
	return err
}

// MessageID identifies a message in its thread. It is a string or an integer
// and keeps its type: 7 and "7" are two messages. The zero value is no ID. Two
// MessageIDs are equal by == exactly if they identify the same message.
type MessageID struct {
	text    string // of an integer, its decimal form
	integer bool
}

// StringID returns the message ID that is the string s.
func StringID(s string) MessageID { return MessageID{text: s} }

// IntID returns the message ID that is the integer n.
func IntID(n int64) MessageID { return MessageID{strconv.FormatInt(n, 10), true} }

// UintID returns the message ID that is the integer n.
func UintID(n uint64) MessageID { return MessageID{strconv.FormatUint(n, 10), true} }

// IsZero reports whether there is no ID.
func (m MessageID) IsZero() bool { return m == MessageID{} }

// IsInt reports whether the ID is an integer.
func (m MessageID) IsInt() bool { return m.integer }

// String returns the ID's text: an integer's decimal form, or the string.
func (m MessageID) String() string { return m.text }

// MarshalJSON returns a JSON string or number, as the ID's type is.
func (m MessageID) MarshalJSON() ([]byte, error) {
	if m.integer {
		return []byte(m.text), nil
	}
	return json.Marshal(m.text)
}

// UnmarshalJSON sets the ID from a JSON string or integer.
func (m *MessageID) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*m = MessageID{}
		return json.Unmarshal(b, &m.text)
	}
	if n, err := strconv.ParseUint(string(b), 10, 64); err == nil {
		*m = UintID(n)
		return nil
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return fmt.Errorf("message ID %.64q is neither a string nor an integer", b)
	}
	*m = IntID(n)
	return nil
}

// EncodeMsgpack writes the ID in its place inside a value that the msgpack
// library encodes; no ID is nil.
func (m MessageID) EncodeMsgpack(e *msgpack.Encoder) error {
	if m.IsZero() {
		return e.EncodeNil()
	}
	b, err := m.AppendWire(nil)
	if err != nil {
		return err
	}
	return Raw(b).EncodeMsgpack(e)
}

// DecodeMsgpack reads the ID from inside a value.
func (m *MessageID) DecodeMsgpack(d *msgpack.Decoder) error {
	b, err := d.DecodeRaw()
	if err != nil {
		return err
	}
	if err := Check(b); err != nil {
		return err
	}
	return m.DecodeWire(Raw(b))
}

// EmptyWire reports whether there is no ID.
func (m *MessageID) EmptyWire() bool { return m.IsZero() }

// AppendWire appends the ID as a msgpack string or integer.
func (m *MessageID) AppendWire(b []byte) ([]byte, error) {
	if !m.integer {
		return wire.AppendStr(b, m.text), nil
	}
	if n, err := strconv.ParseInt(m.text, 10, 64); err == nil {
		return wire.AppendInt(b, n), nil
	}
	n, err := strconv.ParseUint(m.text, 10, 64)
	return wire.AppendUint(b, n), err
}

// DecodeWire sets the ID from a msgpack string or integer, of whatever width.
func (m *MessageID) DecodeWire(raw Raw) (err error) {
	*m, err = decodeID(raw)
	return err
}

func decodeID(raw wire.Raw) (MessageID, error) {
	if text, ok := raw.Text(); ok { // nearly always
		s := string(text)
		return StringID(s), CheckID(s)
	}
	switch raw.Kind() {
	case wire.Int:
		n, _ := raw.Int()
		return IntID(n), nil
	case wire.Uint:
		n, _ := raw.Uint()
		return UintID(n), nil
	}
	return MessageID{}, fmt.Errorf("is %s, want string or integer", raw.Kind())
}

// messageIDs is a list of message IDs.
type messageIDs []MessageID

func (m *messageIDs) EmptyWire() bool { return len(*m) == 0 }

func (m *messageIDs) AppendWire(b []byte) ([]byte, error) {
	b = wire.AppendArrayHeader(b, len(*m))
	var err error
	for i := range *m {
		if b, err = (*m)[i].AppendWire(b); err != nil {
			return b, err
		}
	}
	return b, nil
}

func (m *messageIDs) DecodeWire(raw wire.Raw) error {
	raws, err := raw.Elements()
	if err != nil {
		return err
	}
	*m = make(messageIDs, len(raws))
	for i := range raws {
		if (*m)[i], err = decodeID(raws[i]); err != nil {
			return fmt.Errorf("element %d %w", i, err)
		}
	}
	return nil
}

// ids is a list of IDs.
type ids []string

func (l *ids) EmptyWire() bool { return len(*l) == 0 }

func (l *ids) AppendWire(b []byte) ([]byte, error) {
	b = wire.AppendArrayHeader(b, len(*l))
	for _, s := range *l {
		b = wire.AppendStr(b, s)
	}
	return b, nil
}

func (l *ids) DecodeWire(raw wire.Raw) error {
	raws, err := raw.Elements()
	if err != nil {
		return err
	}
	*l = make(ids, len(raws))
	for i := range raws {
		if err := (*id)(&(*l)[i]).DecodeWire(raws[i]); err != nil {
			return fmt.Errorf("element %d %w", i, err)
		}
	}
	return nil
}
