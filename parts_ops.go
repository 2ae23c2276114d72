package ckpt

import "github.com/ckptbus/ckpt/internal/wire"

// A request or a reply that does not fit one message of the bus travels in
// parts. A request is announced by an [UploadRequest], on the subject of its
// operation and with the header [HeaderUpload]; the replica that answers takes its
// parts by [PartsPut] and carries it out on [PartsEnd]. A reply that does not
// fit is kept by its replica for a while: the answer is a TooLarge whose
// [Error.Parts] says how [PartsGet] reads it.

// HeaderUpload marks an announcement; its value is not looked at.
const HeaderUpload = "Ckpt-Upload"

// Upload is how a request that comes in parts is announced: on the subject of
// the request's own operation, whose permissions thus hold for it. It is not in
// the table, since it has no subject of its own.
var Upload = operation[UploadRequest, UploadReply]("upload", false)

// UploadRequest announces a request that comes in parts.
type UploadRequest struct {
	Size     int    // bytes of the request
	PartSize int    // bytes of each part; the last may have less
	Checksum uint64 // [Checksum] of the request
}

func (r *UploadRequest) fields(f *wire.Fields) {
	f.Required("size", &r.Size)
	f.Required("part_size", &r.PartSize)
	f.Required("checksum", &r.Checksum)
}

// UploadReply says where the parts go.
type UploadReply struct {
	Reply
	ID      string // of the upload
	Replica string // that waits for the parts
}

func (r *UploadReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Required("id", &r.ID)
	f.Required("replica", &r.Replica)
}

// PartsPutRequest carries one part of a request. Parts may come in any order,
// and more than once.
type PartsPutRequest struct {
	ID    string
	Index int // from 0
	Data  []byte
}

func (r *PartsPutRequest) fields(f *wire.Fields) {
	f.Required("id", (*id)(&r.ID))
	f.Required("index", &r.Index)
	f.Required("data", &r.Data)
}

// PartsPutReply says that the part is there.
type PartsPutReply struct{ Reply }

// PartsEndRequest asks to carry out the request whose parts are all there. The
// reply is that of the request's operation.
type PartsEndRequest struct{ ID string }

func (r *PartsEndRequest) fields(f *wire.Fields) { f.Required("id", (*id)(&r.ID)) }

// PartsEndReply is what every operation's reply has; the operation's own fields
// follow.
type PartsEndReply struct{ Reply }

// PartsGetRequest asks for one part of a reply.
type PartsGetRequest struct {
	ID    string
	Index int // from 0
}

func (r *PartsGetRequest) fields(f *wire.Fields) {
	f.Required("id", (*id)(&r.ID))
	f.Required("index", &r.Index)
}

// PartsGetReply carries one part.
type PartsGetReply struct {
	Reply
	Data []byte
}

func (r *PartsGetReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Required("data", &r.Data)
}

// Parts says how a reply is read that does not fit one message. It has
// [Error.Size] bytes.
type Parts struct {
	ID       string
	Replica  string // that keeps the reply
	PartSize int    // bytes of each part; the last may have less
	Checksum uint64 // [Checksum] of the reply
}

func (p *Parts) fields(f *wire.Fields) {
	f.Open()
	f.Required("id", &p.ID)
	f.Required("replica", &p.Replica)
	f.Required("part_size", &p.PartSize)
	f.Required("checksum", &p.Checksum)
}

// Checksum is the checksum of what travels in parts: xxHash64 with the seed 0.
func Checksum(b []byte) uint64 { return wire.Checksum(b) }

// partSize is the size of parts where the bus carries as much: larger ones gain
// nothing, and smaller ones let others in between.
const partSize = 512 << 10

// PartSize returns how many bytes a part has on a bus that carries payload
// bytes in one message.
func PartSize(payload int) int {
	return min(partSize, max(payload-overhead, payload/2, 1))
}

// PartCount returns how many parts size bytes are.
func PartCount(size, partSize int) int { return (size-1)/partSize + 1 }
