package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
)

// handshakeTimeout is how long a service may take to show that it is there: one
// that is about to start or to be replaced is waited for.
const handshakeTimeout = 3 * time.Second

// opened is a client of a store that answered.
type opened struct {
	*client.Client[ckpt.Raw]
	nc    *nats.Conn
	setup ckpt.SetupReply
}

// open connects to the store that the flags name and asks who it is. Values
// stay bytes.
func (c *connection) open(cmd *cobra.Command) (*opened, error) {
	nc, err := c.connect(newLogger(cmd, c.level))
	if err != nil {
		return nil, err
	}
	o := &opened{nc: nc}
	if o.Client, err = client.New[ckpt.Raw](nc, client.WithPrefix(c.prefix)); err != nil {
		nc.Close()
		return nil, err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), handshakeTimeout)
	defer cancel()
	if o.setup, err = o.Setup(ctx); err != nil {
		o.close()
		return nil, c.explain(err)
	}
	return o, nil
}

func (o *opened) close() {
	o.Close()
	o.nc.Close()
}

// explain says what to do about the error of a handshake.
func (c *connection) explain(err error) error {
	if errors.Is(err, nats.ErrNoResponders) {
		return fmt.Errorf("no store is served under the prefix %q there, start one with ckpt serve: %w", c.prefix, err)
	}
	return err
}
