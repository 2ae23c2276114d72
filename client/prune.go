package client

import (
	"context"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
	"github.com/nats-io/nuid"
)

// PruneThreadsOption is an option of [Client.PruneThreads].
type PruneThreadsOption interface{ pruneThreads(*threadsPrune) }

// threadsPrune is the request with the metadata that is still to be encoded.
type threadsPrune struct {
	*ckpt.ThreadsPruneRequest
	metadata map[string]any
}

// OlderThan keeps to the threads that have not changed for that long, in whole
// milliseconds.
type OlderThan time.Duration

func (o OlderThan) pruneThreads(q *threadsPrune) { q.OlderThan = TTL(o).whole() }

// UpdatedBefore keeps to the threads whose latest change was before that time.
type UpdatedBefore time.Time

func (u UpdatedBefore) pruneThreads(q *threadsPrune) { q.UpdatedBefore = time.Time(u) }

// DryRun, if true, only counts.
type DryRun bool

func (d DryRun) pruneThreads(q *threadsPrune) { q.DryRun = bool(d) }

func (u User) pruneThreads(q *threadsPrune)      { q.UserID = string(u) }
func (m Metadata) pruneThreads(q *threadsPrune)  { q.metadata = m }
func (l Limit) pruneThreads(q *threadsPrune)     { q.Limit = int(l) }
func (r RequestID) pruneThreads(q *threadsPrune) { q.RequestID = string(r) }

// Pinned, if true, has pinned threads removed too.
func (p Pinned) pruneThreads(q *threadsPrune) { q.Pinned = bool(p) }

// PruneThreads removes the threads that meet all of [OlderThan], [UpdatedBefore],
// [User] and [Metadata] that are given, of which one must be; see
// [ckpt.ThreadsPruneRequest]. Where the reply says that there are more, ask again.
func (c *Client[S]) PruneThreads(ctx context.Context, opts ...PruneThreadsOption) (ckpt.ThreadsPruneReply, error) {
	return c.pruneThreads(ctx, opts).result()
}

// PruneThreadsAsync is [Client.PruneThreads] without waiting for the reply.
func (c *Client[S]) PruneThreadsAsync(ctx context.Context, opts ...PruneThreadsOption) *Future[ckpt.ThreadsPruneReply] {
	return c.pruneThreads(ctx, opts).begin()
}

func (c *Client[S]) pruneThreads(ctx context.Context, opts []PruneThreadsOption) *Future[ckpt.ThreadsPruneReply] {
	k := newCall(ctx, c.transport, &ckpt.ThreadsPrune, "", itself)
	k.request.RequestID = nuid.Next()
	q := threadsPrune{ThreadsPruneRequest: &k.request}
	for _, o := range opts {
		o.pruneThreads(&q)
	}
	var err error
	if len(q.metadata) > 0 {
		q.ThreadsPruneRequest.Metadata, err = wire.AppendAny(nil, q.metadata)
	}
	return k.encode(err)
}
