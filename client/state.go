package client

import (
	"context"
	"time"

	"github.com/ckptbus/ckpt"
)

// Stored is something that was read back.
type Stored[T any] struct {
	Value    T
	Revision uint64 // the thread's revision when it was read
	// UpdatedAt is when a state was put, in milliseconds, and ExpiresAt when a
	// cached state expires, zero if never. They are zero for all else.
	UpdatedAt, ExpiresAt time.Time
	// PutRevision is the revision that put a message, where the thread's history
	// goes back so far; else 0.
	PutRevision uint64
}

// PutState replaces the state of the thread. A state that does not encode is
// InvalidArgument, one that does not fit the bus TooLarge.
func (c *Client[S]) PutState(ctx context.Context, thread string, state S, opts ...PutStateOption) (ckpt.StatePutReply, error) {
	return c.putState(ctx, thread, state, opts).result()
}

// PutStateAsync is [Client.PutState] without waiting for the reply. The state
// is encoded before it returns.
func (c *Client[S]) PutStateAsync(ctx context.Context, thread string, state S, opts ...PutStateOption) *Future[ckpt.StatePutReply] {
	return c.putState(ctx, thread, state, opts).begin()
}

func (c *Client[S]) putState(ctx context.Context, thread string, state S, opts []PutStateOption) *Future[ckpt.StatePutReply] {
	k := newCall(ctx, c.transport, &ckpt.StatePut, thread, itself)
	k.request = ckpt.StatePutRequest{WriteRef: write(thread)}
	for _, o := range opts {
		o.putState(&k.request)
	}
	scratch := buffers.Get().(*[]byte)
	defer freeBuffer(scratch)
	return k.encode(encodeState(scratch, &k.request.State, &state))
}

// GetState returns the state of the thread, NotFound where none is stored.
// Bytes that do not decode into S are Unknown.
func (c *Client[S]) GetState(ctx context.Context, thread string, opts ...GetStateOption) (Stored[S], error) {
	return c.getState(ctx, thread, opts).result()
}

// GetStateAsync is [Client.GetState] without waiting for the reply.
func (c *Client[S]) GetStateAsync(ctx context.Context, thread string, opts ...GetStateOption) *Future[Stored[S]] {
	return c.getState(ctx, thread, opts).begin()
}

func (c *Client[S]) getState(ctx context.Context, thread string, opts []GetStateOption) *Future[Stored[S]] {
	k := newCall(ctx, c.transport, &ckpt.StateGet, thread, readState[S])
	k.request = ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{ThreadID: thread}}}
	for _, o := range opts {
		o.getState(&k.request)
	}
	return k.encode(nil)
}

// ClearState removes the state of the thread, and the cached state with it
// unless [KeepCache] is given. There need not have been one.
func (c *Client[S]) ClearState(ctx context.Context, thread string, opts ...ClearStateOption) (ckpt.ClearReply, error) {
	return c.clearState(ctx, thread, opts).result()
}

// ClearStateAsync is [Client.ClearState] without waiting for the reply.
func (c *Client[S]) ClearStateAsync(ctx context.Context, thread string, opts ...ClearStateOption) *Future[ckpt.ClearReply] {
	return c.clearState(ctx, thread, opts).begin()
}

func (c *Client[S]) clearState(ctx context.Context, thread string, opts []ClearStateOption) *Future[ckpt.ClearReply] {
	k := newCall(ctx, c.transport, &ckpt.StateClear, thread, itself)
	k.request = ckpt.StateClearRequest{WriteRef: write(thread)}
	for _, o := range opts {
		o.clearState(&k.request)
	}
	return k.encode(nil)
}

// PutStateCache replaces the cached state of the thread: a second slot for the
// hot path, which expires where [TTL] is given.
func (c *Client[S]) PutStateCache(ctx context.Context, thread string, state S, opts ...PutStateCacheOption) (ckpt.CachePutReply, error) {
	return c.putStateCache(ctx, thread, state, opts).result()
}

// PutStateCacheAsync is [Client.PutStateCache] without waiting for the reply.
// The state is encoded before it returns.
func (c *Client[S]) PutStateCacheAsync(ctx context.Context, thread string, state S, opts ...PutStateCacheOption) *Future[ckpt.CachePutReply] {
	return c.putStateCache(ctx, thread, state, opts).begin()
}

func (c *Client[S]) putStateCache(ctx context.Context, thread string, state S, opts []PutStateCacheOption) *Future[ckpt.CachePutReply] {
	k := newCall(ctx, c.transport, &ckpt.CachePut, thread, itself)
	k.request = ckpt.CachePutRequest{WriteRef: write(thread)}
	for _, o := range opts {
		o.putCache(&k.request)
	}
	scratch := buffers.Get().(*[]byte)
	defer freeBuffer(scratch)
	return k.encode(encodeState(scratch, &k.request.State, &state))
}

// GetStateCache returns the cached state of the thread, NotFound where none is
// stored or it has expired.
func (c *Client[S]) GetStateCache(ctx context.Context, thread string, opts ...GetStateCacheOption) (Stored[S], error) {
	return c.getStateCache(ctx, thread, opts).result()
}

// GetStateCacheAsync is [Client.GetStateCache] without waiting for the reply.
func (c *Client[S]) GetStateCacheAsync(ctx context.Context, thread string, opts ...GetStateCacheOption) *Future[Stored[S]] {
	return c.getStateCache(ctx, thread, opts).begin()
}

func (c *Client[S]) getStateCache(ctx context.Context, thread string, opts []GetStateCacheOption) *Future[Stored[S]] {
	k := newCall(ctx, c.transport, &ckpt.CacheGet, thread, readState[S])
	k.request = ckpt.CacheGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{ThreadID: thread}}}
	for _, o := range opts {
		o.getCache(&k.request)
	}
	return k.encode(nil)
}

// ClearStateCache removes the cached state alone. There need not have been one.
func (c *Client[S]) ClearStateCache(ctx context.Context, thread string, opts ...ClearStateCacheOption) (ckpt.ClearReply, error) {
	return c.clearStateCache(ctx, thread, opts).result()
}

// ClearStateCacheAsync is [Client.ClearStateCache] without waiting for the
// reply.
func (c *Client[S]) ClearStateCacheAsync(ctx context.Context, thread string, opts ...ClearStateCacheOption) *Future[ckpt.ClearReply] {
	return c.clearStateCache(ctx, thread, opts).begin()
}

func (c *Client[S]) clearStateCache(ctx context.Context, thread string, opts []ClearStateCacheOption) *Future[ckpt.ClearReply] {
	k := newCall(ctx, c.transport, &ckpt.CacheClear, thread, itself)
	k.request = ckpt.CacheClearRequest{WriteRef: write(thread)}
	for _, o := range opts {
		o.clearCache(&k.request)
	}
	return k.encode(nil)
}

func readState[S any](a *ckpt.StateGetReply) (Stored[S], error) {
	s := Stored[S]{Revision: a.Revision, UpdatedAt: a.UpdatedAt, ExpiresAt: a.ExpiresAt}
	if err := decodeState(a.State, &s.Value); err != nil {
		return Stored[S]{}, err
	}
	return s, nil
}
