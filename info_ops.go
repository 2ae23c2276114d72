package ckpt

import (
	"time"

	"github.com/ckptbus/ckpt/internal/wire"
)

// InfoRequest asks every replica of a service how it does. It says nothing yet.
type InfoRequest struct{}

func (r *InfoRequest) fields(f *wire.Fields) {
	f.Open() // a replica tells of itself whichever version asks
}

// InfoReply tells how one replica of a service does. Its Revision is the
// position up to which the replica has applied the journal.
type InfoReply struct {
	Reply
	Replica   string    `json:"replica"`          // the replica's own ID, another one after each start
	Version   string    `json:"version"`          // its version
	Protocol  int       `json:"protocol"`         // the protocol it speaks
	Journal   string    `json:"journal"`          // as in [SetupReply]
	Last      uint64    `json:"last"`             // the last revision that it knows the journal to hold
	Serving   bool      `json:"serving"`          // whether it takes its share of the requests
	Reason    string    `json:"reason,omitempty"` // why it does not; empty where it does
	StartedAt time.Time `json:"started_at"`       // in milliseconds
	Requests  uint64    `json:"requests"`         // that it answered since its start, before this one
	Threads   int       `json:"threads"`          // that it holds
}

func (r *InfoReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Required("replica", &r.Replica)
	f.Required("version", &r.Version)
	f.Required("protocol", &r.Protocol)
	f.Required("journal", &r.Journal)
	f.Required("last", &r.Last)
	f.Required("serving", &r.Serving)
	f.Optional("reason", &r.Reason)
	f.Required("started_at", &r.StartedAt)
	f.Required("requests", &r.Requests)
	f.Required("threads", &r.Threads)
}

// Lag returns how many changes the replica knows of and has not applied yet.
func (r *InfoReply) Lag() uint64 { return max(r.Last, r.Revision) - r.Revision }
