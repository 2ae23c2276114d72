package client

import (
	"context"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nuid"
)

// PutWatcher keeps the position of a watcher in the store, under its name. A watch
// with [Named] does so by itself.
func (c *Client[S]) PutWatcher(ctx context.Context, name string, p ckpt.Position, opts ...WriteOption) (ckpt.WatchersPutReply, error) {
	return c.putWatcher(ctx, name, p, opts).result()
}

// PutWatcherAsync is [Client.PutWatcher] without waiting for the reply.
func (c *Client[S]) PutWatcherAsync(ctx context.Context, name string, p ckpt.Position, opts ...WriteOption) *Future[ckpt.WatchersPutReply] {
	return c.putWatcher(ctx, name, p, opts).begin()
}

func (t *transport) putWatcher(ctx context.Context, name string, p ckpt.Position, opts []WriteOption) *Future[ckpt.WatchersPutReply] {
	k := newCall(ctx, t, &ckpt.WatchersPut, "", itself[ckpt.WatchersPutReply])
	k.request = ckpt.WatchersPutRequest{Name: name, Position: p, Terms: ckpt.Terms{RequestID: nuid.Next()}}
	for _, o := range opts {
		o(&k.request.Terms)
	}
	return k.encode(nil)
}

// GetWatcher returns the position that was kept under a watcher's name, NotFound
// where there is none.
func (c *Client[S]) GetWatcher(ctx context.Context, name string) (ckpt.WatchersGetReply, error) {
	return c.getWatcher(ctx, name).result()
}

// GetWatcherAsync is [Client.GetWatcher] without waiting for the reply.
func (c *Client[S]) GetWatcherAsync(ctx context.Context, name string) *Future[ckpt.WatchersGetReply] {
	return c.getWatcher(ctx, name).begin()
}

func (t *transport) getWatcher(ctx context.Context, name string) *Future[ckpt.WatchersGetReply] {
	k := newCall(ctx, t, &ckpt.WatchersGet, "", itself[ckpt.WatchersGetReply])
	k.request = ckpt.WatchersGetRequest{Name: name}
	return k.encode(nil)
}

// DeleteWatcher forgets a watcher's position. There need not have been one.
func (c *Client[S]) DeleteWatcher(ctx context.Context, name string, opts ...WriteOption) (ckpt.WatchersDeleteReply, error) {
	return c.deleteWatcher(ctx, name, opts).result()
}

// DeleteWatcherAsync is [Client.DeleteWatcher] without waiting for the reply.
func (c *Client[S]) DeleteWatcherAsync(ctx context.Context, name string, opts ...WriteOption) *Future[ckpt.WatchersDeleteReply] {
	return c.deleteWatcher(ctx, name, opts).begin()
}

func (t *transport) deleteWatcher(ctx context.Context, name string, opts []WriteOption) *Future[ckpt.WatchersDeleteReply] {
	k := newCall(ctx, t, &ckpt.WatchersDelete, "", itself[ckpt.WatchersDeleteReply])
	k.request = ckpt.WatchersDeleteRequest{Name: name, Terms: ckpt.Terms{RequestID: nuid.Next()}}
	for _, o := range opts {
		o(&k.request.Terms)
	}
	return k.encode(nil)
}
