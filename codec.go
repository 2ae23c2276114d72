package ckpt

import (
	"github.com/ckptbus/ckpt/internal/wire"
)

// Raw is one msgpack value as its bytes, which the store keeps and returns
// untouched. Nil means that there is no value; the msgpack value nil is one
// byte.
type Raw = wire.Raw

// Record is a type of this package that travels as a msgpack map: the
// requests, the replies, [Message] with what it is made of, [ThreadInfo],
// [ExecutionMeta] and [Event].
type Record interface {
	fields(f *wire.Fields)
}

// Decode checks the payload b and reads it into r. The error is an [Error]
// with the code InvalidArgument that names the field. Fields that b lacks stay
// as they are. What r keeps of b as [Raw] shares b's bytes.
func Decode(b []byte, r Record) error {
	f := declare(r)
	defer f.Free()
	return decode(f, b)
}

func decode(f *wire.Fields, b []byte) error {
	if err := f.Decode(b); err != nil {
		return &Error{Code: InvalidArgument, Message: err.Error(), Err: err}
	}
	return nil
}

// Append appends r to b as a msgpack map. The error is that of a value in a
// field of type any which msgpack cannot encode.
func Append(b []byte, r Record) ([]byte, error) {
	f := declare(r)
	defer f.Free()
	return f.Append(b)
}

// ListDigest returns a digest of what makes the list that a request asks for a
// page of, and its order, as [Codec.Digest] does: the same for the requests of all
// its pages.
func ListDigest(r Record) (uint64, error) {
	f := declare(r)
	defer f.Free()
	return f.Digest("after", "linearizable", "offset", "limit", "cursor", "count_only", "select", "sizes")
}

func declare(r Record) *wire.Fields {
	f := wire.Declare()
	r.fields(f)
	return f
}

// Codec reads and writes one record, which is the memory of one value after the
// other: its fields are declared once, which takes as long as to read them.
type Codec struct{ f *wire.Fields }

// NewCodec returns the codec of the record that r points to.
func NewCodec(r Record) Codec { return Codec{declare(r)} }

// Decode reads b into the record, as the function [Decode] does.
func (c Codec) Decode(b []byte) error { return decode(c.f, b) }

// Append appends the record to b, as the function [Append] does.
func (c Codec) Append(b []byte) ([]byte, error) { return c.f.Append(b) }

// Digest returns a digest of what a request asks for, whoever asks for it and
// whatever of the store the caller has seen: the same for a retry, and for no
// other request but by an accident of one in 2^64. It is never 0.
func (c Codec) Digest() (uint64, error) { return c.f.Digest("request_id", "after", "user_id") }

// AppendReply appends a reply that was encoded without its revision and its
// store's ID to b, with both in their places, and with known where it is not 0.
func AppendReply(b, reply []byte, revision, known uint64, storeID string) []byte {
	fields := reply[0] // how many: always less than 15
	if known != 0 {
		fields++
	}
	b = append(b, fields)
	b = wire.AppendUint(wire.AppendStr(b, "revision"), revision)
	b = wire.AppendStr(wire.AppendStr(b, "store_id"), storeID)
	if known != 0 {
		b = wire.AppendUint(wire.AppendStr(b, "known"), known)
	}
	return append(b, reply[1+len(unstamped):]...)
}

// unstamped is how every reply begins while revision and store ID are empty.
const unstamped = "\xa8revision\x00\xa8store_id\xa0"

// Check reports whether b is exactly one msgpack value that is safe to hand to
// a decoder: lengths that fit, at most [MaxDepth] levels, scalar map keys,
// valid UTF-8, and nothing behind it.
func Check(b []byte) error { return wire.Check(b) }

// MaxDepth is how deep arrays and maps may nest in a payload.
const MaxDepth = wire.MaxDepth

// recordOf is a pointer to T that is a Record.
type recordOf[T any] interface {
	*T
	Record
}

// object is a nested record.
type object struct{ Record }

func (o object) AppendWire(b []byte) ([]byte, error) { return Append(b, o.Record) }
func (o object) EmptyWire() bool                     { return false }

func (o object) DecodeWire(raw wire.Raw) error {
	f := declare(o.Record)
	defer f.Free()
	return f.Decode(raw)
}

// pointer is a nested record that may be absent.
type pointer[T any, P recordOf[T]] struct{ to **T }

// pointerTo declares *to as a nested record that may be absent.
func pointerTo[T any, P recordOf[T]](to **T) wire.Value { return pointer[T, P]{to} }

func (p pointer[T, P]) EmptyWire() bool { return *p.to == nil }

func (p pointer[T, P]) AppendWire(b []byte) ([]byte, error) { return Append(b, P(*p.to)) }

func (p pointer[T, P]) DecodeWire(raw wire.Raw) error {
	*p.to = new(T)
	return object{P(*p.to)}.DecodeWire(raw)
}

// list is an array of nested records.
type list[T any, P recordOf[T]] struct{ of *[]T }

// listOf declares *of as an array of nested records.
func listOf[T any, P recordOf[T]](of *[]T) wire.Value { return list[T, P]{of} }

func (l list[T, P]) EmptyWire() bool { return len(*l.of) == 0 }

func (l list[T, P]) AppendWire(b []byte) ([]byte, error) {
	b = wire.AppendArrayHeader(b, len(*l.of))
	var err error
	for i := range *l.of {
		if b, err = Append(b, P(&(*l.of)[i])); err != nil {
			return b, err
		}
	}
	return b, nil
}

func (l list[T, P]) DecodeWire(raw wire.Raw) error {
	raws, err := raw.Elements()
	if err != nil {
		return err
	}
	*l.of = make([]T, len(raws))
	for i := range raws {
		if err := (object{P(&(*l.of)[i])}).DecodeWire(raws[i]); err != nil {
			return err
		}
	}
	return nil
}
