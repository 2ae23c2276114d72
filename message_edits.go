package ckpt

import "github.com/ckptbus/ckpt/internal/wire"

// MessagesReplaceRequest asks to replace a message in its place. The answer is
// NotFound where the thread has none with its ID.
type MessagesReplaceRequest struct {
	WriteRef
	Message Raw // a map as [Message] writes it, with the ID of the message that it replaces
}

func (r *MessagesReplaceRequest) fields(f *wire.Fields) {
	r.WriteRef.fields(f)
	f.Required("message", &r.Message)
}

// MessagesReplaceReply says that the message is replaced.
type MessagesReplaceReply struct{ Reply }

// MessagesTruncateRequest asks to remove all messages behind one, as one change.
// The answer is NotFound where that one is not stored. There need not be any
// behind it.
type MessagesTruncateRequest struct {
	WriteRef
	MessageID MessageID // the last one that stays
}

func (r *MessagesTruncateRequest) fields(f *wire.Fields) {
	r.WriteRef.fields(f)
	f.Required("message_id", &r.MessageID)
}

// MessagesPopRequest asks to remove the last messages of a thread, as one change,
// and to return them.
type MessagesPopRequest struct {
	WriteRef
	Count int // how many, at least 1; see [Limits.Batch]; fewer where there are not so many
}

func (r *MessagesPopRequest) fields(f *wire.Fields) {
	r.WriteRef.fields(f)
	f.Required("count", &r.Count)
}

// MessagesPopReply carries the messages that were removed. Where they do not fit
// one reply, none is removed and the answer is TooLarge.
type MessagesPopReply struct {
	Reply
	Messages []Raw // in the order of their first insertion
}

func (r *MessagesPopReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Required("messages", &r.Messages)
}
