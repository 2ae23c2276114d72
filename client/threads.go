package client

import (
	"context"
	"iter"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nuid"
)

// PutThread replaces the record of the thread that it names. The service keeps
// CreatedAt and Bare by itself.
func (c *Client[S]) PutThread(ctx context.Context, thread ckpt.ThreadInfo, opts ...PutThreadOption) (ckpt.ThreadsPutReply, error) {
	return c.putThread(ctx, thread, opts).result()
}

// PutThreadAsync is [Client.PutThread] without waiting for the reply. The
// record is encoded before it returns.
func (c *Client[S]) PutThreadAsync(ctx context.Context, thread ckpt.ThreadInfo, opts ...PutThreadOption) *Future[ckpt.ThreadsPutReply] {
	return c.putThread(ctx, thread, opts).begin()
}

func (c *Client[S]) putThread(ctx context.Context, thread ckpt.ThreadInfo, opts []PutThreadOption) *Future[ckpt.ThreadsPutReply] {
	k := newCall(ctx, c.transport, &ckpt.ThreadsPut, thread.ThreadID, itself)
	k.request = ckpt.ThreadsPutRequest{Terms: ckpt.Terms{RequestID: nuid.Next()}}
	for _, o := range opts {
		o.putThread(&k.request)
	}
	record, err := ckpt.Append(nil, &thread)
	k.request.Record = record
	return k.encode(err)
}

// GetThread returns the record of the thread, NotFound where the thread holds
// nothing. One that was never given a record has one of its ID, user and
// times, marked bare.
func (c *Client[S]) GetThread(ctx context.Context, thread string, opts ...GetThreadOption) (Stored[ckpt.ThreadInfo], error) {
	return c.getThread(ctx, thread, opts).result()
}

// GetThreadAsync is [Client.GetThread] without waiting for the reply.
func (c *Client[S]) GetThreadAsync(ctx context.Context, thread string, opts ...GetThreadOption) *Future[Stored[ckpt.ThreadInfo]] {
	return c.getThread(ctx, thread, opts).begin()
}

func (c *Client[S]) getThread(ctx context.Context, thread string, opts []GetThreadOption) *Future[Stored[ckpt.ThreadInfo]] {
	k := newCall(ctx, c.transport, &ckpt.ThreadsGet, thread, readThread)
	k.request = ckpt.ThreadsGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{ThreadID: thread}}}
	for _, o := range opts {
		o.getThread(&k.request)
	}
	return k.encode(nil)
}

// CleanThread removes the thread with all that it holds, as one change, or
// just its record where [RecordOnly] is given. There need not have been one.
func (c *Client[S]) CleanThread(ctx context.Context, thread string, opts ...CleanThreadOption) (ckpt.ThreadsCleanReply, error) {
	return c.cleanThread(ctx, thread, opts).result()
}

// CleanThreadAsync is [Client.CleanThread] without waiting for the reply.
func (c *Client[S]) CleanThreadAsync(ctx context.Context, thread string, opts ...CleanThreadOption) *Future[ckpt.ThreadsCleanReply] {
	return c.cleanThread(ctx, thread, opts).begin()
}

func (c *Client[S]) cleanThread(ctx context.Context, thread string, opts []CleanThreadOption) *Future[ckpt.ThreadsCleanReply] {
	k := newCall(ctx, c.transport, &ckpt.ThreadsClean, thread, itself)
	k.request = ckpt.ThreadsCleanRequest{WriteRef: write(thread)}
	for _, o := range opts {
		o.cleanThread(&k.request)
	}
	return k.encode(nil)
}

// ListThreads returns the records of the threads that hold anything, in the
// order of their creation or as [OrderBy] says: all of them, from as many pages as it
// takes, or as many as [Limit] says. It goes by offset, and counts, unless [Cursor] is
// given.
func (c *Client[S]) ListThreads(ctx context.Context, opts ...ListThreadsOption) (Listed[ckpt.ThreadInfo], error) {
	return collect(c.threadPages(ctx, listThreads(opts), fault(opts)))
}

// ListThreadsAsync is [Client.ListThreads] in a goroutine of its own.
func (c *Client[S]) ListThreadsAsync(ctx context.Context, opts ...ListThreadsOption) *Future[Listed[ckpt.ThreadInfo]] {
	return background(func() (Listed[ckpt.ThreadInfo], error) { return c.ListThreads(ctx, opts...) })
}

// Threads ranges over what [Client.ListThreads] returns and holds one page at
// a time. It goes by cursor, see [Cursor], unless [Offset] is given. An error is the
// last that it yields.
func (c *Client[S]) Threads(ctx context.Context, opts ...ListThreadsOption) iter.Seq2[ckpt.ThreadInfo, error] {
	q := listThreads(opts)
	stable(&q.Page)
	return rows(c.threadPages(ctx, q, fault(opts)))
}

// CountThreads returns how many threads [Client.ListThreads] would return.
func (c *Client[S]) CountThreads(ctx context.Context, opts ...ListThreadsOption) (int, error) {
	return c.countThreads(ctx, opts).result()
}

// CountThreadsAsync is [Client.CountThreads] without waiting for the reply.
func (c *Client[S]) CountThreadsAsync(ctx context.Context, opts ...ListThreadsOption) *Future[int] {
	return c.countThreads(ctx, opts).begin()
}

func (c *Client[S]) countThreads(ctx context.Context, opts []ListThreadsOption) *Future[int] {
	k := newCall(ctx, c.transport, &ckpt.ThreadsList, "", func(a *ckpt.ThreadsListReply) (int, error) { return a.Total, nil })
	k.request = listThreads(opts)
	k.request.CountOnly = true
	return k.encode(fault(opts))
}

func listThreads(opts []ListThreadsOption) (q ckpt.ThreadsListRequest) {
	for _, o := range opts {
		o.listThreads(&q)
	}
	return q
}

func (c *Client[S]) threadPages(ctx context.Context, q ckpt.ThreadsListRequest, fault error) iter.Seq2[Listed[ckpt.ThreadInfo], error] {
	return pages(ckpt.ThreadsList.Subject(c.prefix), "", q.Page, func(p ckpt.Page) (Listed[ckpt.ThreadInfo], error) {
		k := newCall(ctx, c.transport, &ckpt.ThreadsList, "", readThreads)
		k.request, k.request.Page = q, p
		return k.encode(fault).result()
	})
}

func readThread(a *ckpt.ThreadsGetReply) (Stored[ckpt.ThreadInfo], error) {
	t, err := decodeRecord[ckpt.ThreadInfo](a.Record)
	return Stored[ckpt.ThreadInfo]{Value: t, Revision: a.Revision}, err
}

func readThreads(a *ckpt.ThreadsListReply) (Listed[ckpt.ThreadInfo], error) {
	l := listed[ckpt.ThreadInfo](&a.Reply, &a.PageReply)
	var err error
	l.Items, err = decodeRecords[ckpt.ThreadInfo](a.Threads)
	return l, err
}
