package ckpt

import (
	"time"

	"github.com/ckptbus/ckpt/internal/wire"
)

// StatsRequest asks for figures of the whole store, and of the replica that
// answers.
type StatsRequest struct {
	Top int // how many of the largest threads and users to tell of, up to [MaxTop]; 0 is 10
}

func (r *StatsRequest) fields(f *wire.Fields) { f.Optional("top", &r.Top) }

// MaxTop bounds the threads and the users that a [StatsReply] tells of.
const MaxTop = 100

// StatsReply has the figures. Threads are looked at one after the other, so they
// are those of no single moment where others write. Its Revision is the position
// up to which the replica has applied the journal.
type StatsReply struct {
	Reply
	Replica    string           `json:"replica"`    // the replica that answers
	Last       uint64           `json:"last"`       // the last revision that it knows the journal to hold: it lags by Last less Revision
	StartedAt  time.Time        `json:"started_at"` // since when it counts requests
	Threads    int              `json:"threads"`
	Messages   int              `json:"messages"`
	LiveBytes  int              `json:"live_bytes"` // of all states, messages and records
	HeldBytes  int              `json:"held_bytes"` // memory that the replica holds for them
	Largest    []ThreadStats    `json:"largest"`    // the threads with the most bytes, largest first
	Users      []UserStats      `json:"users"`      // the users with the most bytes, likewise
	Operations []OperationStats `json:"operations"` // those that the replica was asked for, in the order of the table
}

func (r *StatsReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Required("replica", &r.Replica)
	f.Required("last", &r.Last)
	f.Required("started_at", &r.StartedAt)
	f.Required("threads", &r.Threads)
	f.Required("messages", &r.Messages)
	f.Required("live_bytes", &r.LiveBytes)
	f.Required("held_bytes", &r.HeldBytes)
	f.Required("largest", listOf(&r.Largest))
	f.Required("users", listOf(&r.Users))
	f.Required("operations", listOf(&r.Operations))
}

// Lag returns how many changes the replica knows of and has not applied yet.
func (r *StatsReply) Lag() uint64 { return max(r.Last, r.Revision) - r.Revision }

// ThreadStats is how large a thread is.
type ThreadStats struct {
	ThreadID string `json:"thread_id"`
	UserID   string `json:"user_id,omitempty"` // whom it belongs to
	Messages int    `json:"messages"`
	Bytes    int    `json:"bytes"` // of its messages, states and record
}

func (s *ThreadStats) fields(f *wire.Fields) {
	f.Open()
	f.Required("thread_id", (*id)(&s.ThreadID))
	f.Optional("user_id", (*id)(&s.UserID))
	f.Required("messages", &s.Messages)
	f.Required("bytes", &s.Bytes)
}

// UserStats is what a user has.
type UserStats struct {
	UserID   string `json:"user_id"`
	Threads  int    `json:"threads"`
	Messages int    `json:"messages"`
	Bytes    int    `json:"bytes"`
}

func (s *UserStats) fields(f *wire.Fields) {
	f.Open()
	f.Required("user_id", (*id)(&s.UserID))
	f.Required("threads", &s.Threads)
	f.Required("messages", &s.Messages)
	f.Required("bytes", &s.Bytes)
}

// OperationStats is how the replica has answered an operation since its start.
// Times are from when the replica takes a request to when it hands the reply to
// NATS; quantiles are exact to an eighth.
type OperationStats struct {
	Operation string        `json:"operation"`
	Requests  uint64        `json:"requests"` // those that were errors included
	Errors    uint64        `json:"errors"`
	Mean      time.Duration `json:"mean_ns"`
	P50       time.Duration `json:"p50_ns"`
	P99       time.Duration `json:"p99_ns"`
	Max       time.Duration `json:"max_ns"`
}

func (s *OperationStats) fields(f *wire.Fields) {
	f.Open()
	f.Required("operation", &s.Operation)
	f.Required("requests", &s.Requests)
	f.Required("errors", &s.Errors)
	f.Required("mean_ns", (*int64)(&s.Mean))
	f.Required("p50_ns", (*int64)(&s.P50))
	f.Required("p99_ns", (*int64)(&s.P99))
	f.Required("max_ns", (*int64)(&s.Max))
}
