package wire

import "sync"

// Raw is one msgpack value as the bytes that stand for it. Nil means that
// there is no value; the msgpack value nil is Raw{0xc0}.
type Raw []byte

// A Value is a field type that reads and writes itself.
type Value interface {
	// AppendWire appends the value to b; the error is that of a value which
	// msgpack cannot encode.
	AppendWire(b []byte) ([]byte, error)
	// DecodeWire sets the value from raw, which is checked and not nil.
	// What it keeps of raw it must not write to.
	DecodeWire(raw Raw) error
	// EmptyWire reports whether the value is the one that an absent field means.
	EmptyWire() bool
}

// Fields lists the fields of one map. A type declares each of its fields once,
// by [Fields.Optional] or [Fields.Required], in a method that both directions
// call:
//
//	func (r *Request) fields(f *wire.Fields) {
//		f.Required("thread_id", &r.ThreadID)
//		f.Optional("limit", &r.Limit)
//	}
//
// The pointer's type chooses the codec: *string, *bool, *int, *int64, *uint64,
// *float64, *time.Time (milliseconds since 1970), *time.Duration
// (milliseconds), **int, **bool and **time.Duration (nil where absent), *Raw, *[]Raw, *[]string, *[]int,
// *[]float64, *[][2]int, *any, *map[string]any, *[]map[string]any, *[]byte (a
// binary) and [Value].
type Fields struct {
	list    []field
	whole   *Raw // the value is not a map of fields but this
	unknown *Raw // where pairs with undeclared keys go
	open    bool // undeclared keys are passed over
	scratch []byte
}

type field struct {
	name     string
	ptr      any
	written  bool // even where it is empty
	required bool
}

// Optional declares a field that is left out where its value is empty.
func (f *Fields) Optional(name string, ptr any) {
	f.list = append(f.list, field{name: name, ptr: ptr})
}

// Always declares a field that is always written and may be absent when read.
func (f *Fields) Always(name string, ptr any) {
	f.list = append(f.list, field{name: name, ptr: ptr, written: true})
}

// Required declares a field that is always written and must be there when read.
func (f *Fields) Required(name string, ptr any) {
	f.list = append(f.list, field{name: name, ptr: ptr, written: true, required: true})
}

// Whole declares that the value is raw, of whatever kind, in place of a map of
// fields.
func (f *Fields) Whole(raw *Raw) { f.whole = raw }

// Keep makes the map open: pairs with undeclared keys are kept in rest, as
// they came, and written again behind the declared ones.
func (f *Fields) Keep(rest *Raw) { f.unknown, f.open = rest, true }

// Open makes the map open: pairs with undeclared keys are passed over, so that
// a later version may add fields. A map that is not open refuses them: a field
// that is not understood must not be ignored where it could be a condition.
func (f *Fields) Open() { f.open = true }

// Each calls yield with the declared fields in order.
func (f *Fields) Each(yield func(name string, required bool) bool) {
	for i := range f.list {
		if !yield(f.list[i].name, f.list[i].required) {
			return
		}
	}
}

// The pool spares each request the list's allocation.
var pool = sync.Pool{New: func() any { return &Fields{list: make([]field, 0, 16)} }}

// Declare returns an empty list of fields; give it back with [Fields.Free].
func Declare() *Fields { return pool.Get().(*Fields) }

// Free gives the list back. It must not be used afterwards.
func (f *Fields) Free() {
	clear(f.list)
	*f = Fields{list: f.list[:0], scratch: f.scratch[:0]}
	pool.Put(f)
}
