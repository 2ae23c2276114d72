package ckpt

import "github.com/ckptbus/ckpt/internal/wire"

// Protocol is the version of the protocol that this package speaks. It changes
// where a client or a service of the other version would err.
const Protocol = 1

// Version is the version of this module, as services tell it.
const Version = "0.1.0"

// SetupRequest is the handshake.
type SetupRequest struct {
	Client   string // the client's name and version, for the service's log
	Protocol int    // the protocol that the client speaks; one that the service does not is an error
}

func (r *SetupRequest) fields(f *wire.Fields) {
	f.Open() // a later client's handshake must be read far enough to be refused well
	f.Optional("client", &r.Client)
	f.Required("protocol", &r.Protocol)
}

// SetupReply tells what the service is.
type SetupReply struct {
	Reply
	Service  string // its name, "ckpt"
	Version  string // its version
	Protocol int    // the protocol it speaks
	Journal  string // where changes go: "local" is memory alone, "jetstream" a stream that replicas share
	Limits   Limits
}

func (r *SetupReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Required("service", &r.Service)
	f.Required("version", &r.Version)
	f.Required("protocol", &r.Protocol)
	f.Required("journal", &r.Journal)
	f.Required("limits", object{&r.Limits})
}

// Limits are the bounds that a service puts on requests and replies, in bytes
// unless one says otherwise. What exceeds one is TooLarge, or InvalidArgument
// for an ID, the depth, the TTL or the time of a lease.
type Limits struct {
	Payload  int   // one request or reply, as the bus carries it
	Value    int   // one state or message
	Metadata int   // a thread's message metadata, or its record
	Page     int   // the rows of one list reply
	Batch    int   // messages in one put: a count
	ID       int   // one thread, user, message, run or request ID
	Depth    int   // levels that arrays and maps nest
	TTL      int64 // the longest TTL, in milliseconds
	LeaseMin int64 // the shortest time of a lease, in milliseconds
	LeaseMax int64 // the longest, in milliseconds
}

func (l *Limits) fields(f *wire.Fields) {
	f.Open()
	f.Required("payload", &l.Payload)
	f.Required("value", &l.Value)
	f.Required("metadata", &l.Metadata)
	f.Required("page", &l.Page)
	f.Required("batch", &l.Batch)
	f.Required("id", &l.ID)
	f.Required("depth", &l.Depth)
	f.Required("ttl_ms", &l.TTL)
	f.Required("lease_min_ms", &l.LeaseMin)
	f.Required("lease_max_ms", &l.LeaseMax)
}

// overhead is what a request or a reply needs beside the value that it
// carries: keys, IDs of at most [MaxIDBytes], figures. It is generous, since
// what went in must come out again.
const overhead = 1 << 10

// maxMetadata bounds the maps that travel beside messages.
const maxMetadata = 64 << 10

// maxBatch bounds the messages of one put, since a message may be one byte in
// the request and some hundred in memory.
const maxBatch = 10_000

// LimitsFor returns the limits of a service on a bus that carries payload
// bytes in one message, all others derived from that one.
func LimitsFor(payload int) Limits {
	value := max(payload-overhead, 0)
	return Limits{
		Payload:  payload,
		Value:    value,
		Metadata: min(maxMetadata, value),
		Page:     value,
		Batch:    maxBatch,
		ID:       MaxIDBytes,
		Depth:    MaxDepth,
		TTL:      MaxTTL.Milliseconds(),
		LeaseMin: MinLease.Milliseconds(),
		LeaseMax: MaxLease.Milliseconds(),
	}
}

// ReleaseRequest asks to empty the store.
type ReleaseRequest struct {
	Confirm   string // the service's subject prefix, so that nobody empties the wrong store
	RequestID string // as in [WriteRef]; emptying twice is harmless, so it is only told in the events
}

func (r *ReleaseRequest) fields(f *wire.Fields) {
	f.Optional("request_id", (*id)(&r.RequestID))
	f.Required("confirm", &r.Confirm)
}

// ReleaseReply says what was removed.
type ReleaseReply struct {
	Reply
	Removed Removed
}

func (r *ReleaseReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Required("removed", object{&r.Removed})
}
