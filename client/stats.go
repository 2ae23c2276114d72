package client

import (
	"context"

	"github.com/ckptbus/ckpt"
)

// StatsOption is an option of [Client.Stats].
type StatsOption interface{ stats(*ckpt.StatsRequest) }

// Top is how many of the largest threads and users [Client.Stats] tells of, up to
// [ckpt.MaxTop]; 0 is 10.
type Top int

func (t Top) stats(q *ckpt.StatsRequest) { q.Top = int(t) }

// Stats returns figures of the whole store, and how the replica that answers has
// answered its requests.
func (c *Client[S]) Stats(ctx context.Context, opts ...StatsOption) (ckpt.StatsReply, error) {
	return c.stats(ctx, opts).result()
}

// StatsAsync is [Client.Stats] without waiting for the reply.
func (c *Client[S]) StatsAsync(ctx context.Context, opts ...StatsOption) *Future[ckpt.StatsReply] {
	return c.stats(ctx, opts).begin()
}

func (c *Client[S]) stats(ctx context.Context, opts []StatsOption) *Future[ckpt.StatsReply] {
	k := newCall(ctx, c.transport, &ckpt.Stats, "", itself)
	for _, o := range opts {
		o.stats(&k.request)
	}
	return k.encode(nil)
}
