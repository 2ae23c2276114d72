package client

import (
	"context"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nuid"
)

// Do makes one request of an operation and returns the reply as it came, with
// the retries and errors of the methods. It is for programs that must not lose
// a byte, such as backups: the methods read messages and records into Go's
// types, here they stay [ckpt.Raw]. A write that has no request ID is given
// one.
func Do[S, Q, A any](ctx context.Context, c *Client[S], op *ckpt.Op[Q, A], request Q) (A, error) {
	thread := ""
	if q, ok := any(&request).(interface{ Thread() *ckpt.ThreadRef }); ok {
		thread = q.Thread().ThreadID
	}
	identify(&request)
	k := newCall(ctx, c.transport, op, thread, itself[A])
	k.request, k.bytes = request, true
	return k.encode(nil).result()
}

// identify gives a write that has no request ID one.
func identify(request any) {
	var id *string
	switch q := request.(type) {
	case interface{ WriteTerms() *ckpt.Terms }:
		id = &q.WriteTerms().RequestID
	case *ckpt.ThreadsTransactRequest:
		id = &q.RequestID
	case *ckpt.ThreadsPruneRequest:
		id = &q.RequestID
	case *ckpt.ReleaseRequest:
		id = &q.RequestID
	default:
		return
	}
	if *id == "" {
		*id = nuid.Next()
	}
}
