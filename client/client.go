package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nats.go"
)

// Client calls a checkpoint store whose states are of type S: any type that
// the msgpack library vmihailenco/msgpack encodes, or [ckpt.Raw] for states
// that are encoded already. All methods may be called by many goroutines at
// once. The zero value is not usable; see [New].
type Client[S any] struct {
	*transport
	name string

	// The context of everything that the client began: its cause is why the
	// client ended.
	ctx context.Context
	end context.CancelCauseFunc
}

// ErrClosed is the cause of the errors of a client after [Client.Close].
var ErrClosed = errors.New("the client is closed")

// New returns a client on the connection nc, which stays the caller's: it is
// never closed by the client, and may be shared with others. New asks the
// service nothing; [Client.Setup] does. The error is that of an option, or of
// a connection that is closed.
func New[S any](nc *nats.Conn, opts ...Option) (*Client[S], error) {
	if nc == nil {
		return nil, ckpt.Errorf(ckpt.InvalidArgument, "the connection is nil")
	}
	s := settings{prefix: ckpt.DefaultPrefix, name: nc.Opts.Name, timeout: DefaultTimeout}
	for _, o := range opts {
		o(&s)
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	t, err := newTransport(nc, &s)
	if err != nil {
		return nil, err
	}
	c := &Client[S]{transport: t, name: s.name}
	c.ctx, c.end = context.WithCancelCause(context.Background())
	return c, nil
}

// Close fails what is under way with [ErrClosed], ends all watches and gives
// up the subscription for replies. It does not touch the connection. Closing
// twice is harmless.
func (c *Client[S]) Close() {
	c.end(ErrClosed)
	c.transport.close(ErrClosed)
}

// String names the client in logs.
func (c *Client[S]) String() string { return fmt.Sprintf("ckpt client of %s.>", c.prefix) }
