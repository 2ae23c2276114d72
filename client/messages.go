package client

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

// messagesPut is the request with the metadata that is still to be encoded.
type messagesPut struct {
	*ckpt.MessagesPutRequest
	metadata map[string]any
}

// PutMessages appends the messages to the thread in order, all or none. A
// message without an ID is given one; one whose ID is there already replaces
// that message in its place. The reply carries the IDs of all.
func (c *Client[S]) PutMessages(ctx context.Context, thread string, messages []ckpt.Message, opts ...PutMessagesOption) (ckpt.MessagesPutReply, error) {
	return c.putMessages(ctx, thread, messages, opts).result()
}

// PutMessagesAsync is [Client.PutMessages] without waiting for the reply. The
// messages are encoded before it returns.
func (c *Client[S]) PutMessagesAsync(ctx context.Context, thread string, messages []ckpt.Message, opts ...PutMessagesOption) *Future[ckpt.MessagesPutReply] {
	return c.putMessages(ctx, thread, messages, opts).begin()
}

func (c *Client[S]) putMessages(ctx context.Context, thread string, messages []ckpt.Message, opts []PutMessagesOption) *Future[ckpt.MessagesPutReply] {
	k := newCall(ctx, c.transport, &ckpt.MessagesPut, thread, itself)
	k.request = ckpt.MessagesPutRequest{WriteRef: write(thread)}
	q := messagesPut{MessagesPutRequest: &k.request}
	for _, o := range opts {
		o.putMessages(&q)
	}
	b := buffers.Get().(*[]byte)
	defer freeBuffer(b)
	return k.encode(q.encode(b, messages))
}

// encode sets the messages and metadata of the request to bytes of b.
func (q *messagesPut) encode(b *[]byte, messages []ckpt.Message) (err error) {
	if q.Messages, err = encodeMessages(b, messages); err != nil {
		return err
	}
	if len(q.metadata) > 0 {
		q.Metadata, err = wire.AppendAny(nil, q.metadata)
	}
	return err
}

// encodeMessages returns the encoded messages: bytes of b.
func encodeMessages(b *[]byte, messages []ckpt.Message) (list []ckpt.Raw, err error) {
	ends := make([]int, len(messages))
	for i := range messages {
		if *b, err = ckpt.Append(*b, &messages[i]); err != nil {
			return nil, err
		}
		ends[i] = len(*b)
	}
	list = make([]ckpt.Raw, len(messages))
	start := 0
	for i, end := range ends {
		list[i] = ckpt.Raw((*b)[start:end])
		start = end
	}
	return list, nil
}

// GetMessage returns one message of the thread, NotFound where it is not
// stored.
func (c *Client[S]) GetMessage(ctx context.Context, thread string, id ckpt.MessageID, opts ...GetMessageOption) (Stored[ckpt.Message], error) {
	return c.getMessage(ctx, thread, id, opts).result()
}

// GetMessageAsync is [Client.GetMessage] without waiting for the reply.
func (c *Client[S]) GetMessageAsync(ctx context.Context, thread string, id ckpt.MessageID, opts ...GetMessageOption) *Future[Stored[ckpt.Message]] {
	return c.getMessage(ctx, thread, id, opts).begin()
}

func (c *Client[S]) getMessage(ctx context.Context, thread string, id ckpt.MessageID, opts []GetMessageOption) *Future[Stored[ckpt.Message]] {
	k := newCall(ctx, c.transport, &ckpt.MessagesGet, thread, readMessage)
	k.request = ckpt.MessagesGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{ThreadID: thread}}, MessageID: id}
	for _, o := range opts {
		o.getMessage(&k.request)
	}
	return k.encode(nil)
}

// DeleteMessage removes one message of the thread; NotFound where it is not
// stored.
func (c *Client[S]) DeleteMessage(ctx context.Context, thread string, id ckpt.MessageID, opts ...DeleteMessageOption) (ckpt.MessagesDeleteReply, error) {
	return c.deleteMessage(ctx, thread, id, opts).result()
}

// DeleteMessageAsync is [Client.DeleteMessage] without waiting for the reply.
func (c *Client[S]) DeleteMessageAsync(ctx context.Context, thread string, id ckpt.MessageID, opts ...DeleteMessageOption) *Future[ckpt.MessagesDeleteReply] {
	return c.deleteMessage(ctx, thread, id, opts).begin()
}

func (c *Client[S]) deleteMessage(ctx context.Context, thread string, id ckpt.MessageID, opts []DeleteMessageOption) *Future[ckpt.MessagesDeleteReply] {
	k := newCall(ctx, c.transport, &ckpt.MessagesDelete, thread, itself)
	k.request = ckpt.MessagesDeleteRequest{WriteRef: write(thread), MessageID: id}
	for _, o := range opts {
		o.deleteMessage(&k.request)
	}
	return k.encode(nil)
}

// ListMessages returns the messages of the thread in the order of their first
// insertion: all of them, from as many pages as it takes, or as many as
// [Limit] says. A thread that does not exist has none. It goes by offset, and counts,
// unless [Cursor] is given.
func (c *Client[S]) ListMessages(ctx context.Context, thread string, opts ...ListMessagesOption) (Listed[ckpt.Message], error) {
	return collect(c.messagePages(ctx, listMessages(thread, opts), fault(opts)))
}

// ListMessagesAsync is [Client.ListMessages] in a goroutine of its own.
func (c *Client[S]) ListMessagesAsync(ctx context.Context, thread string, opts ...ListMessagesOption) *Future[Listed[ckpt.Message]] {
	return background(func() (Listed[ckpt.Message], error) { return c.ListMessages(ctx, thread, opts...) })
}

// Messages ranges over what [Client.ListMessages] returns and holds one page
// at a time. It goes by cursor, see [Cursor], unless [Offset] is given. An error is
// the last that it yields.
func (c *Client[S]) Messages(ctx context.Context, thread string, opts ...ListMessagesOption) iter.Seq2[ckpt.Message, error] {
	q := listMessages(thread, opts)
	stable(&q.Page)
	return rows(c.messagePages(ctx, q, fault(opts)))
}

// LastMessages returns the last n messages of the thread, at least one, in the
// order of their insertion. HasMore tells whether there are earlier ones; the n before
// them are what the same call with [Cursor] of its NextCursor returns.
func (c *Client[S]) LastMessages(ctx context.Context, thread string, n int, opts ...ListMessagesOption) (Listed[ckpt.Message], error) {
	if n < 1 {
		return Listed[ckpt.Message]{}, notEncoded(fmt.Errorf("the last %d messages: want 1 or more", n))
	}
	q := listMessages(thread, opts)
	q.Reverse, q.Limit = true, n
	stable(&q.Page)
	l, err := collect(c.messagePages(ctx, q, fault(opts)))
	slices.Reverse(l.Items)
	return l, err
}

// CountMessages returns how many messages [Client.ListMessages] would return.
func (c *Client[S]) CountMessages(ctx context.Context, thread string, opts ...ListMessagesOption) (int, error) {
	return c.countMessages(ctx, thread, opts).result()
}

// CountMessagesAsync is [Client.CountMessages] without waiting for the reply.
func (c *Client[S]) CountMessagesAsync(ctx context.Context, thread string, opts ...ListMessagesOption) *Future[int] {
	return c.countMessages(ctx, thread, opts).begin()
}

func (c *Client[S]) countMessages(ctx context.Context, thread string, opts []ListMessagesOption) *Future[int] {
	k := newCall(ctx, c.transport, &ckpt.MessagesList, thread, func(a *ckpt.MessagesListReply) (int, error) { return a.Total, nil })
	k.request = listMessages(thread, opts)
	k.request.CountOnly = true
	return k.encode(fault(opts))
}

func listMessages(thread string, opts []ListMessagesOption) ckpt.MessagesListRequest {
	q := ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{ThreadID: thread}}}
	for _, o := range opts {
		o.listMessages(&q)
	}
	return q
}

func (c *Client[S]) messagePages(ctx context.Context, q ckpt.MessagesListRequest, fault error) iter.Seq2[Listed[ckpt.Message], error] {
	return pages(ckpt.MessagesList.Subject(c.prefix), q.ThreadID, q.Page, func(p ckpt.Page) (Listed[ckpt.Message], error) {
		k := newCall(ctx, c.transport, &ckpt.MessagesList, q.ThreadID, readMessages)
		k.request, k.request.Page = q, p
		return k.encode(fault).result()
	})
}

func readMessage(a *ckpt.MessagesGetReply) (Stored[ckpt.Message], error) {
	m, err := decodeRecord[ckpt.Message](a.Message)
	return Stored[ckpt.Message]{Value: m, Revision: a.Revision, PutRevision: a.PutRevision}, err
}

func readMessages(a *ckpt.MessagesListReply) (Listed[ckpt.Message], error) {
	l := listed[ckpt.Message](&a.Reply, &a.PageReply)
	var err error
	if len(a.Metadata) > 0 {
		if l.Metadata, err = a.Metadata.StrMap(); err != nil {
			return l, unreadable(err, "the metadata of the messages")
		}
	}
	l.Items, err = decodeRecords[ckpt.Message](a.Messages)
	return l, err
}
