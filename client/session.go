package client

import (
	"slices"
	"sync/atomic"

	"github.com/ckptbus/ckpt"
)

// session is what a client has seen of the store: the highest position of all
// replies, which every request that can carry it tells the service. A replica
// that is behind it waits, so that the client reads what it wrote and never
// reads back in time, whichever replicas answer.
//
// Where a reply names another store, the positions of the store before mean
// nothing and are forgotten. It must be known which of two stores is the later
// one: while one takes the place of the other, requests are under way, and the
// old store may answer some after the new one has answered others. So a reply
// counts as news of another store only where its request was encoded while the
// present one was already known: whoever answers that is later. Any other reply
// that names another store is passed over, and where it was news after all, the
// next request brings it again. No list of old stores is needed for that, and a
// store that comes back, from a backup for instance, is taken like any other.
type session struct{ store atomic.Pointer[seenStore] }

// seenStore is one store as far as the client has seen it. Before the first
// reply it is one without an ID.
type seenStore struct {
	id       string
	revision atomic.Uint64 // the highest
	replaced []string      // the IDs of the stores before it, the latest last
}

// maxReplaced bounds the IDs of earlier stores that are remembered.
const maxReplaced = 8

// Position returns the highest position of all replies that the client has
// given out, or of what it was told to observe; the zero value before the
// first. Another client that observes it reads what this one wrote or read.
// The reply of a [Future] that was not waited for does not count, nor does an error
// that tells nothing of a thread.
func (c *Client[S]) Position() ckpt.Position { return c.session.store.Load().position() }

// Observe makes all requests that are begun from now on know of p, which is
// the [Client.Position] of another client: a worker that hands a thread to
// another hands its position along. A position that is behind the client's own
// changes nothing, nor does the zero value, nor one in a store that another has
// taken the place of, as far as this client has seen. One in a store that is
// new to the client takes the place of its own; if that store is gone, the next
// reply tells.
func (c *Client[S]) Observe(p ckpt.Position) {
	for p.StoreID != "" {
		now := c.session.store.Load()
		if now.id == p.StoreID {
			now.raise(p.Revision)
			return
		}
		// Positions lie in queues and outlive their store. This one is
		// hearsay, so the client's own store does not count as replaced.
		if slices.Contains(now.replaced, p.StoreID) || c.session.replace(now, p, now.replaced) {
			return
		}
	}
}

// learn takes the stamp of a reply to a request that was encoded while asked
// was the store.
func (s *session) learn(r *ckpt.Reply, asked *seenStore) {
	s.see(ckpt.Position{StoreID: r.StoreID, Revision: max(r.Revision, r.Known)}, asked)
}

// see takes a position that came with an answer, if any did.
func (s *session) see(p ckpt.Position, asked *seenStore) {
	for p.StoreID != "" {
		now := s.store.Load()
		if now.id == p.StoreID {
			now.raise(p.Revision)
			return
		}
		if now != asked || s.replace(now, p, now.succeeded()) {
			return
		}
	}
}

// replace puts the store of p in the place of now, unless another was faster.
func (s *session) replace(now *seenStore, p ckpt.Position, replaced []string) bool {
	next := &seenStore{id: p.StoreID, replaced: replaced}
	next.revision.Store(p.Revision)
	return s.store.CompareAndSwap(now, next)
}

// succeeded returns the IDs that are replaced when another store takes the
// place of s.
func (s *seenStore) succeeded() []string {
	if s.id == "" {
		return nil
	}
	ids := append(slices.Clone(s.replaced), s.id)
	return ids[max(len(ids)-maxReplaced, 0):]
}

// raise sets the revision to r where that is higher.
func (s *seenStore) raise(r uint64) {
	for seen := s.revision.Load(); seen < r && !s.revision.CompareAndSwap(seen, r); {
		seen = s.revision.Load()
	}
}

func (s *seenStore) position() ckpt.Position {
	return ckpt.Position{StoreID: s.id, Revision: s.revision.Load()}
}

// setAfter sets the position that the answer to the request must know of. The
// handshake, a release and the record of a thread have no field for it.
func setAfter(request any, p ckpt.Position) {
	switch q := request.(type) {
	case interface{ Thread() *ckpt.ThreadRef }:
		q.Thread().After = p
	case *ckpt.ThreadsListRequest:
		q.After = p
	case *ckpt.WatchersGetRequest:
		q.After = p
	case *ckpt.StateManyRequest:
		q.After = p
	case *ckpt.ThreadsTransactRequest:
		q.After = p
	case *ckpt.ThreadsPruneRequest:
		q.After = p
	}
}

// stamped is any reply.
type stamped interface{ Stamp() *ckpt.Reply }
