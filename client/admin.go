package client

import (
	"context"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nuid"
)

// clientName is what this package tells services of itself.
const clientName = "ckpt-go/" + ckpt.Version

// Setup is the handshake: it tells the service who asks, and returns what the
// service is and which limits it has. A service of another protocol is
// InvalidArgument. The other methods do not need it.
func (c *Client[S]) Setup(ctx context.Context) (ckpt.SetupReply, error) {
	return c.setup(ctx).result()
}

// SetupAsync is [Client.Setup] without waiting for the reply.
func (c *Client[S]) SetupAsync(ctx context.Context) *Future[ckpt.SetupReply] {
	return c.setup(ctx).begin()
}

func (c *Client[S]) setup(ctx context.Context) *Future[ckpt.SetupReply] {
	k := newCall(ctx, c.transport, &ckpt.Setup, "", readSetup)
	k.request = ckpt.SetupRequest{Client: clientName, Protocol: ckpt.Protocol}
	if c.name != "" {
		k.request.Client = c.name + " " + clientName
	}
	return k.encode(nil)
}

// Release empties the store, all threads of all users. The service refuses it
// unless it was started to allow it and confirm is its subject prefix.
func (c *Client[S]) Release(ctx context.Context, confirm string, opts ...ReleaseOption) (ckpt.ReleaseReply, error) {
	return c.release(ctx, confirm, opts).result()
}

// ReleaseAsync is [Client.Release] without waiting for the reply.
func (c *Client[S]) ReleaseAsync(ctx context.Context, confirm string, opts ...ReleaseOption) *Future[ckpt.ReleaseReply] {
	return c.release(ctx, confirm, opts).begin()
}

func (c *Client[S]) release(ctx context.Context, confirm string, opts []ReleaseOption) *Future[ckpt.ReleaseReply] {
	k := newCall(ctx, c.transport, &ckpt.Release, "", itself)
	k.request = ckpt.ReleaseRequest{Confirm: confirm, RequestID: nuid.Next()}
	for _, o := range opts {
		o.release(&k.request)
	}
	return k.encode(nil)
}

func readSetup(a *ckpt.SetupReply) (ckpt.SetupReply, error) {
	if a.Protocol != ckpt.Protocol {
		return *a, ckpt.Errorf(ckpt.InvalidArgument, "the service %s %s speaks protocol %d, this client %d",
			a.Service, a.Version, a.Protocol, ckpt.Protocol)
	}
	return *a, nil
}
