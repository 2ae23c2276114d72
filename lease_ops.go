package ckpt

import (
	"fmt"
	"time"

	"github.com/ckptbus/ckpt/internal/wire"
)

// MinLease and MaxLease bound the time of a lease: long enough to be renewed
// over a network, and not so long that a thread stays closed for days because
// its holder died.
const (
	MinLease = 100 * time.Millisecond
	MaxLease = 24 * time.Hour
)

// LeasesAcquireRequest asks for the lease of a thread: the right to write it on
// the lease's terms, which one owner has at a time. The thread need not exist.
// Its present owner renews the lease by it. Where another holds it the answer
// is a Conflict with the present lease's token.
type LeasesAcquireRequest struct {
	WriteRef
	Owner string        // who is to hold it, an ID that no other worker has
	TTL   time.Duration // milliseconds on the wire, from MinLease to MaxLease
}

func (r *LeasesAcquireRequest) fields(f *wire.Fields) {
	r.WriteRef.fields(f)
	f.Required("owner", (*id)(&r.Owner))
	f.Required("ttl_ms", &r.TTL)
}

// LeasesRenewRequest asks that a lease end no sooner and no later than TTL from
// now. One that has run out cannot be renewed: that is a Conflict.
type LeasesRenewRequest struct {
	WriteRef
	Token uint64        // of the lease
	TTL   time.Duration // as in [LeasesAcquireRequest]
}

func (r *LeasesRenewRequest) fields(f *wire.Fields) {
	r.WriteRef.fields(f)
	f.Required("token", (*token)(&r.Token))
	f.Required("ttl_ms", &r.TTL)
}

// LeasesReleaseRequest asks to end a lease.
type LeasesReleaseRequest struct {
	WriteRef
	Token uint64 // of the lease
}

func (r *LeasesReleaseRequest) fields(f *wire.Fields) {
	r.WriteRef.fields(f)
	f.Required("token", (*token)(&r.Token))
}

// LeasesReleaseReply says whether the lease was held until now. It need not
// have been.
type LeasesReleaseReply struct {
	Reply
	Released bool
}

func (r *LeasesReleaseReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Required("released", &r.Released)
}

// LeasesGetRequest asks who holds the lease of a thread. The answer knows of
// every lease that was answered before the request was sent. It is NotFound
// where nobody holds it.
type LeasesGetRequest struct{ ThreadRef }

// LeaseReply is a lease as it is now. Its Revision is the thread's, which no
// lease changes.
type LeaseReply struct {
	Reply
	Token     uint64    // higher than those of all leases of the thread before it
	Owner     string    // who holds it
	ExpiresAt time.Time // when it runs out unless it is renewed, in milliseconds
}

func (r *LeaseReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Required("token", &r.Token)
	f.Required("owner", &r.Owner)
	f.Required("expires_at", &r.ExpiresAt)
}

// token is a lease's token in a request, which is never 0: who sends that has
// lost it, and must not pass for one who has none.
type token uint64

func (t *token) EmptyWire() bool { return *t == 0 }

func (t *token) AppendWire(b []byte) ([]byte, error) { return wire.AppendUint(b, uint64(*t)), nil }

func (t *token) DecodeWire(raw wire.Raw) error {
	n, err := raw.Uint()
	if err == nil && n == 0 {
		err = fmt.Errorf("is 0, want the token of a lease")
	}
	*t = token(n)
	return err
}
