package client

import (
	"context"

	"github.com/ckptbus/ckpt"
)

// ForkThread makes a new thread with the state, the messages and the record of
// another, as it is or, with [AtRevision], as it was; Conflict where the new one
// exists already. From then on both go on by themselves. The bytes of the messages
// are shared, so a long conversation costs little more than a short one.
// [ExpectedRevision] is a condition on the thread that is forked.
func (c *Client[S]) ForkThread(ctx context.Context, thread, to string, opts ...ForkThreadOption) (ckpt.ThreadsForkReply, error) {
	return c.forkThread(ctx, thread, to, opts).result()
}

// ForkThreadAsync is [Client.ForkThread] without waiting for the reply.
func (c *Client[S]) ForkThreadAsync(ctx context.Context, thread, to string, opts ...ForkThreadOption) *Future[ckpt.ThreadsForkReply] {
	return c.forkThread(ctx, thread, to, opts).begin()
}

func (c *Client[S]) forkThread(ctx context.Context, thread, to string, opts []ForkThreadOption) *Future[ckpt.ThreadsForkReply] {
	k := newCall(ctx, c.transport, &ckpt.ThreadsFork, thread, itself)
	k.request = ckpt.ThreadsForkRequest{WriteRef: write(thread), To: to}
	for _, o := range opts {
		o.forkThread(&k.request)
	}
	return k.encode(nil)
}
