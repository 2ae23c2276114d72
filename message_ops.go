package ckpt

import "github.com/ckptbus/ckpt/internal/wire"

// MessagesPutRequest asks to append messages to a thread, all or none. A
// message whose ID the thread has replaces that one in its place; one without
// an ID is given a UUIDv7.
type MessagesPutRequest struct {
	WriteRef
	Messages []Raw // each a map as [Message] writes it, in order; none is allowed and stores nothing but the metadata
	Metadata Raw   // a map; where it is not empty it replaces the thread's message metadata
	// KeepMessages is how many messages the thread is to have afterwards at the
	// most: the oldest are removed by the same change. 0 leaves that to what was
	// set for the thread, and where nothing was, to the service.
	KeepMessages int
}

func (r *MessagesPutRequest) fields(f *wire.Fields) {
	r.WriteRef.fields(f)
	f.Optional("metadata", &r.Metadata)
	f.Optional("keep_messages", &r.KeepMessages)
	f.Required("messages", &r.Messages)
}

// MessagesPutReply says that the messages are stored.
type MessagesPutReply struct {
	Reply
	MessageIDs []MessageID // of all messages of the request, in its order
	Count      int         // how many messages the request had
}

func (r *MessagesPutReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Required("message_ids", (*messageIDs)(&r.MessageIDs))
	f.Required("count", &r.Count)
}

// MessagesGetRequest asks for one message.
type MessagesGetRequest struct {
	ReadRef
	MessageID  MessageID
	AtRevision uint64 // the message as it was at a revision that is kept; 0 means as it is
}

func (r *MessagesGetRequest) fields(f *wire.Fields) {
	r.ReadRef.fields(f)
	f.Optional("at_revision", &r.AtRevision)
	f.Required("message_id", &r.MessageID)
}

// MessagesGetReply carries one message; where it is not stored the answer is
// NotFound instead.
type MessagesGetReply struct {
	Reply
	Message Raw
	// PutRevision is the revision that put the message as it is; 0 where the
	// thread's history does not go back so far.
	PutRevision uint64
}

func (r *MessagesGetReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Optional("put_revision", &r.PutRevision)
	f.Required("message", &r.Message)
}

// MessagesListRequest asks for messages in the order of their first insertion.
// What it filters by, a message must meet all of.
type MessagesListRequest struct {
	ReadRef
	Page
	AtRevision uint64 // the messages as they were at a revision that is kept; 0 means as they are
	Role       Role   // only messages of this role; empty means all
	// From and Until keep the messages whose timestamp is From or later and
	// before Until, in seconds since 1970 as in [Message]; 0 is no bound. A
	// message without a timestamp meets neither.
	From, Until float64
	// Metadata keeps the messages whose own metadata have each of its pairs, see
	// [ThreadsListRequest]; a map, or nil.
	Metadata Raw
}

func (r *MessagesListRequest) fields(f *wire.Fields) {
	r.ReadRef.fields(f)
	f.Optional("at_revision", &r.AtRevision)
	r.Page.fields(f)
	f.Optional("role", (*string)(&r.Role))
	f.Optional("from", &r.From)
	f.Optional("until", &r.Until)
	f.Optional("metadata", &r.Metadata)
}

// Reads reports whether messages must be read to answer: those of a search, of a
// filter or of the past. Others are found by their places.
func (r *MessagesListRequest) Reads() bool {
	return r.AtRevision != 0 || r.Search != "" || r.Role != "" || r.From != 0 || r.Until != 0 || len(r.Metadata) > 0
}

// MessagesListReply carries one page of messages. A thread that does not exist
// has none.
type MessagesListReply struct {
	Reply
	PageReply
	Metadata Raw   // of the last put that had some; nil if none
	Messages []Raw // in the order of their first insertion
}

func (r *MessagesListReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	r.PageReply.fields(f)
	f.Optional("metadata", &r.Metadata)
	f.Required("messages", &r.Messages)
}

// MessagesDeleteRequest asks to remove one message, or several as one change. The
// answer is NotFound where none of them is stored.
type MessagesDeleteRequest struct {
	WriteRef
	MessageID  MessageID   // zero where MessageIDs is given
	MessageIDs []MessageID // those that are not stored are passed over; see [Limits.Batch]
}

func (r *MessagesDeleteRequest) fields(f *wire.Fields) {
	r.WriteRef.fields(f)
	f.Optional("message_id", &r.MessageID)
	f.Optional("message_ids", (*messageIDs)(&r.MessageIDs))
}

// MessagesDeleteReply says that the messages are removed.
type MessagesDeleteReply struct {
	Reply
	Deleted int // how many were
}

func (r *MessagesDeleteReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Required("deleted", &r.Deleted)
}
