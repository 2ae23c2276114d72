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
// for an ID, the depth, the TTL, the time of a lease, the messages to keep or the history.
// for an ID, the depth, the TTL, the threads to prune or tell of, the messages to keep or the history.
type Limits struct {
	Payload  int   // one request or reply, as the bus carries it
	Value    int   // one state or message; in parts where it does not fit a payload
	Metadata int   // a thread's message metadata, or its record
	Page     int   // the rows of one list reply
	Batch    int   // messages in one put or removal: a count
	Rows     int   // rows of one list reply: a count
	Threads  int   // threads in one transaction, or in one request for states: a count
	ID       int   // one thread, user, message, run or request ID
	Depth    int   // levels that arrays and maps nest
	TTL      int64 // the longest TTL of a cached state or a thread, in milliseconds
	Filters  int   // pairs of metadata that a list is filtered by: a count
	Prune    int   // threads that one prune removes: a count
	Top      int   // threads, and users, in one stats: a count
	Keep     int   // the messages that a thread can be told to keep: a count
	LeaseMin int64 // the shortest time of a lease, in milliseconds
	LeaseMax int64 // the longest, in milliseconds
	History  int   // the earlier states that a thread may keep: a count
	Uploads  int   // requests, and also replies, in parts at once at one replica: a count; more are Overloaded
}

func (l *Limits) fields(f *wire.Fields) {
	f.Open()
	f.Required("payload", &l.Payload)
	f.Required("value", &l.Value)
	f.Required("metadata", &l.Metadata)
	f.Required("page", &l.Page)
	f.Required("batch", &l.Batch)
	f.Required("rows", &l.Rows)
	f.Required("threads", &l.Threads)
	f.Required("id", &l.ID)
	f.Required("depth", &l.Depth)
	f.Required("ttl_ms", &l.TTL)
	f.Required("filters", &l.Filters)
	f.Required("prune", &l.Prune)
	f.Required("top", &l.Top)
	f.Required("keep_messages", &l.Keep)
	f.Required("lease_min_ms", &l.LeaseMin)
	f.Required("lease_max_ms", &l.LeaseMax)
	f.Required("history", &l.History)
	f.Required("uploads", &l.Uploads)
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

// maxHistory bounds the earlier states that a thread may keep, since each is as
// large as the state.
const maxHistory = 1000

// maxFilters bounds what a list must look at for each of its rows.
const maxFilters = 16

// maxPrune bounds what one request removes, so that it is answered in time.
const maxPrune = 10_000

// MaxThreads bounds the threads of one request: they are locked at once.
const MaxThreads = 100

// What a service takes unless it is set otherwise: see [Limits].
const (
	DefaultMaxValue = 64 << 20
	DefaultUploads  = 4
)

// maxPayloads bounds a value by the messages that it takes on the bus: a
// journal's record is of one value at least, and must not hold up all others.
const maxPayloads = 256

// MaxValue returns the largest limit of values on a bus that carries payload
// bytes in one message.
func MaxValue(payload int) int { return max(payload-overhead, 0) * maxPayloads }

// maxRows bounds the rows of one reply, so that what one request does under a
// thread's lock takes no longer than a millisecond or so.
const maxRows = 10_000

// LimitsFor returns the limits of a service on a bus that carries payload
// bytes in one message, unless it is set otherwise.
func LimitsFor(payload int) Limits {
	fits := max(payload-overhead, 0) // one message
	return Limits{
		Payload:  payload,
		Value:    max(min(DefaultMaxValue, MaxValue(payload)), fits),
		Metadata: min(maxMetadata, fits),
		Page:     fits,
		Batch:    maxBatch,
		Rows:     maxRows,
		Threads:  MaxThreads,
		ID:       MaxIDBytes,
		Depth:    MaxDepth,
		TTL:      MaxTTL.Milliseconds(),
		Filters:  maxFilters,
		Prune:    maxPrune,
		Top:      MaxTop,
		Keep:     MaxKeepMessages,
		LeaseMin: MinLease.Milliseconds(),
		LeaseMax: MaxLease.Milliseconds(),
		History:  maxHistory,
		Uploads:  DefaultUploads,
	}
}

// Request returns how many bytes one request may have, in parts where they do
// not fit a payload: a value and what is around it.
func (l Limits) Request() int { return max(l.Value+overhead, l.Payload) }

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
