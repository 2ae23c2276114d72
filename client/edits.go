package client

import (
	"context"

	"github.com/ckptbus/ckpt"
)

// DeleteMessages removes some messages of the thread as one change. Those that are
// not stored are passed over; where none of them is, the error is NotFound.
func (c *Client[S]) DeleteMessages(ctx context.Context, thread string, ids []ckpt.MessageID, opts ...DeleteMessageOption) (ckpt.MessagesDeleteReply, error) {
	return c.deleteMessages(ctx, thread, ids, opts).result()
}

// DeleteMessagesAsync is [Client.DeleteMessages] without waiting for the reply.
func (c *Client[S]) DeleteMessagesAsync(ctx context.Context, thread string, ids []ckpt.MessageID, opts ...DeleteMessageOption) *Future[ckpt.MessagesDeleteReply] {
	return c.deleteMessages(ctx, thread, ids, opts).begin()
}

func (c *Client[S]) deleteMessages(ctx context.Context, thread string, ids []ckpt.MessageID, opts []DeleteMessageOption) *Future[ckpt.MessagesDeleteReply] {
	k := newCall(ctx, c.transport, &ckpt.MessagesDelete, thread, itself)
	k.request = ckpt.MessagesDeleteRequest{WriteRef: write(thread), MessageIDs: ids}
	for _, o := range opts {
		o.deleteMessage(&k.request)
	}
	return k.encode(nil)
}

// ReplaceMessage replaces the message of the thread that has its ID, in its place;
// NotFound where there is none.
func (c *Client[S]) ReplaceMessage(ctx context.Context, thread string, message ckpt.Message, opts ...ReplaceMessageOption) (ckpt.MessagesReplaceReply, error) {
	return c.replaceMessage(ctx, thread, &message, opts).result()
}

// ReplaceMessageAsync is [Client.ReplaceMessage] without waiting for the reply.
func (c *Client[S]) ReplaceMessageAsync(ctx context.Context, thread string, message ckpt.Message, opts ...ReplaceMessageOption) *Future[ckpt.MessagesReplaceReply] {
	return c.replaceMessage(ctx, thread, &message, opts).begin()
}

func (c *Client[S]) replaceMessage(ctx context.Context, thread string, message *ckpt.Message, opts []ReplaceMessageOption) *Future[ckpt.MessagesReplaceReply] {
	k := newCall(ctx, c.transport, &ckpt.MessagesReplace, thread, itself)
	k.request = ckpt.MessagesReplaceRequest{WriteRef: write(thread)}
	for _, o := range opts {
		o.replaceMessage(&k.request)
	}
	body, err := ckpt.Append(nil, message)
	k.request.Message = body
	return k.encode(err)
}

// TruncateMessages removes all messages of the thread behind the one with the ID,
// as one change; NotFound where that one is not stored. It tells how many were
// removed, none perhaps.
func (c *Client[S]) TruncateMessages(ctx context.Context, thread string, last ckpt.MessageID, opts ...TruncateMessagesOption) (ckpt.MessagesDeleteReply, error) {
	return c.truncateMessages(ctx, thread, last, opts).result()
}

// TruncateMessagesAsync is [Client.TruncateMessages] without waiting for the reply.
func (c *Client[S]) TruncateMessagesAsync(ctx context.Context, thread string, last ckpt.MessageID, opts ...TruncateMessagesOption) *Future[ckpt.MessagesDeleteReply] {
	return c.truncateMessages(ctx, thread, last, opts).begin()
}

func (c *Client[S]) truncateMessages(ctx context.Context, thread string, last ckpt.MessageID, opts []TruncateMessagesOption) *Future[ckpt.MessagesDeleteReply] {
	k := newCall(ctx, c.transport, &ckpt.MessagesTruncate, thread, itself)
	k.request = ckpt.MessagesTruncateRequest{WriteRef: write(thread), MessageID: last}
	for _, o := range opts {
		o.truncateMessages(&k.request)
	}
	return k.encode(nil)
}

// PopMessages removes the last count messages of the thread, as one change, and
// returns them in the order of their first insertion; fewer where there are not so
// many. Where they do not fit one reply the error is TooLarge, and none is removed.
func (c *Client[S]) PopMessages(ctx context.Context, thread string, count int, opts ...PopMessagesOption) (Stored[[]ckpt.Message], error) {
	return c.popMessages(ctx, thread, count, opts).result()
}

// PopMessagesAsync is [Client.PopMessages] without waiting for the reply.
func (c *Client[S]) PopMessagesAsync(ctx context.Context, thread string, count int, opts ...PopMessagesOption) *Future[Stored[[]ckpt.Message]] {
	return c.popMessages(ctx, thread, count, opts).begin()
}

func (c *Client[S]) popMessages(ctx context.Context, thread string, count int, opts []PopMessagesOption) *Future[Stored[[]ckpt.Message]] {
	k := newCall(ctx, c.transport, &ckpt.MessagesPop, thread, readPopped)
	k.request = ckpt.MessagesPopRequest{WriteRef: write(thread), Count: count}
	for _, o := range opts {
		o.popMessages(&k.request)
	}
	return k.encode(nil)
}

func readPopped(a *ckpt.MessagesPopReply) (Stored[[]ckpt.Message], error) {
	list, err := decodeRecords[ckpt.Message](a.Messages)
	return Stored[[]ckpt.Message]{Value: list, Revision: a.Revision}, err
}
