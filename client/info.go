package client

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nats.go"
)

// InfoOption is an option of [Client.Info].
type InfoOption interface{ info(*gathering) }

// Quiet is how long [Client.Info] waits for one more reply after the latest.
// The default, and what 0 or less stands for, is [DefaultQuiet].
type Quiet time.Duration

func (q Quiet) info(g *gathering) {
	if q > 0 {
		g.quiet = time.Duration(q)
	}
}

// DefaultQuiet outlasts the round trip to a replica on another continent.
const DefaultQuiet = 300 * time.Millisecond

// Info asks all replicas of the service how they do, and returns the replies
// in the order of the replicas' IDs. Nobody knows how many replicas there are,
// so it takes replies until none has come for some time, see [Quiet], or until
// ctx or the client ends. That none came at all is Unavailable. The request is not sent
// again. Where a replica answered with an error, that is returned beside the
// replies of the others.
func (c *Client[S]) Info(ctx context.Context, opts ...InfoOption) ([]ckpt.InfoReply, error) {
	g := gathering{subject: ckpt.Info.Subject(c.prefix), quiet: DefaultQuiet}
	for _, o := range opts {
		o.info(&g)
	}
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	defer context.AfterFunc(c.ctx, func() { end(context.Cause(c.ctx)) })()
	if err := g.ask(ctx, c.nc); err != nil {
		return nil, g.label(err)
	}
	slices.SortFunc(g.replies, func(a, b ckpt.InfoReply) int { return cmp.Compare(a.Replica, b.Replica) })
	if g.failed != nil {
		return g.replies, g.label(g.failed)
	}
	return g.replies, nil
}

// InfoAsync is [Client.Info] without waiting for the replies.
func (c *Client[S]) InfoAsync(ctx context.Context, opts ...InfoOption) *Future[[]ckpt.InfoReply] {
	return background(func() ([]ckpt.InfoReply, error) { return c.Info(ctx, opts...) })
}

// gathering is a request that many answer.
type gathering struct {
	subject string
	quiet   time.Duration
	replies []ckpt.InfoReply
	failed  *ckpt.Error // the latest reply that is an error
}

// ask sends the request and takes the replies. The error is that of a request
// to which none came.
func (g *gathering) ask(ctx context.Context, nc *nats.Conn) *ckpt.Error {
	if ctx.Err() != nil {
		return notSent(context.Cause(ctx))
	}
	request, err := ckpt.Append(nil, &ckpt.InfoRequest{})
	if err != nil {
		return notEncoded(err)
	}
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return notSent(err)
	}
	defer sub.Unsubscribe() // fails where the connection is closed
	if err := nc.PublishRequest(g.subject, inbox, request); err != nil {
		return notSent(err)
	}
	m, err := sub.NextMsgWithContext(ctx)
	for err == nil {
		g.take(m)
		m, err = g.next(ctx, sub)
	}
	if len(g.replies) == 0 && g.failed == nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return &ckpt.Error{Code: ckpt.Unavailable, Message: "no replica answered: " + err.Error(), Err: err}
	}
	return nil
}

// next returns one more reply, or an error where none comes in time.
func (g *gathering) next(ctx context.Context, sub *nats.Subscription) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, g.quiet)
	defer cancel()
	return sub.NextMsgWithContext(ctx)
}

// take reads one reply.
func (g *gathering) take(m *nats.Msg) {
	var a ckpt.InfoReply
	e := failure(m)
	if e == nil {
		if err := ckpt.Decode(m.Data, &a); err != nil {
			e = unreadable(err, "the reply does not decode")
		}
	}
	if e != nil {
		g.failed = e
		return
	}
	g.replies = append(g.replies, a)
}

// label says in e which request failed.
func (g *gathering) label(e *ckpt.Error) *ckpt.Error {
	e.Subject = g.subject
	return e
}
