package client

import (
	"context"

	"github.com/ckptbus/ckpt"
)

// RetainThread sets how long the thread is kept and how much of it, by [TTL],
// [Sliding], [Pinned] and [KeepMessages], of which one must be given: what is not
// stays as it is. NotFound where the thread holds nothing.
func (c *Client[S]) RetainThread(ctx context.Context, thread string, opts ...RetainThreadOption) (ckpt.ThreadsRetainReply, error) {
	return c.retainThread(ctx, thread, opts).result()
}

// RetainThreadAsync is [Client.RetainThread] without waiting for the reply.
func (c *Client[S]) RetainThreadAsync(ctx context.Context, thread string, opts ...RetainThreadOption) *Future[ckpt.ThreadsRetainReply] {
	return c.retainThread(ctx, thread, opts).begin()
}

func (c *Client[S]) retainThread(ctx context.Context, thread string, opts []RetainThreadOption) *Future[ckpt.ThreadsRetainReply] {
	k := newCall(ctx, c.transport, &ckpt.ThreadsRetain, thread, itself)
	k.request = ckpt.ThreadsRetainRequest{WriteRef: write(thread)}
	for _, o := range opts {
		o.retainThread(&k.request)
	}
	return k.encode(nil)
}
