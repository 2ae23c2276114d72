// Package client is the typed client of a checkpoint store.
//
// A [Client] is made on a NATS connection that the caller owns, for the type
// of the agent's state:
//
//	c, err := client.New[MyState](nc)
//	defer c.Close()
//	_, err = c.PutState(ctx, "thread-1", state)
//	stored, err := c.GetState(ctx, "thread-1")
//	if errors.Is(err, ckpt.ErrNotFound) { ... }
//
// Each method that asks the service has a second form, such as
// [Client.PutStateAsync], which returns a [Future] at once, so that one
// goroutine can keep many requests in flight. Lists come as a slice or as a
// range loop that pages by itself, and [Client.Watch] ranges over the changes
// of threads as they happen. [Client.HoldLease] holds the lease of a thread for a
// worker, and the option [WithLease] fences its writes.
//
// # Errors
//
// An error is an [*ckpt.Error] with its code, the subject that was asked and
// the thread, and matches the sentinel of its code. What a service refuses is
// passed on as it is. What nobody answered is Unknown and wraps the error of
// the context, or that of the connection or client which was closed meanwhile;
// of a write it says that it may have been applied. What was certainly not
// carried out, since nobody serves the subject or it was never sent, is
// Unavailable.
//
// # Retries
//
// Within the time of its context a request is sent again where nobody serves
// the subject, where no answer comes, and where the service says that it is
// overloaded or unavailable; see [Retry]. That is safe for writes too: each
// has a request ID, which all its attempts share, and the service applies one
// ID once.
//
// # Several replicas
//
// A client reads what it wrote, and never reads back in time, whichever replica
// of a service answers: each request tells the highest position of the replies
// before it. Another client knows of that where it is given [Client.Position]
// to observe, and of all that anybody wrote where it asks for [Linearizable]
// reads. That something is NotFound has no position: it may be found again by
// a replica that has not yet seen another client remove it.
//
// # Reading order
//
// client.go, call.go (one request, from its fields to its result), session.go
// (what the client has seen of the store), future.go,
// transport.go with pending.go and sweep.go (how requests and replies meet,
// and their times), errors.go; then the methods: state.go, messages.go,
// threads.go, leases.go, admin.go, info.go, with call_options.go, encode.go and paging.go;
// do.go; then watch.go with chain.go, and hold_lease.go.
package client
