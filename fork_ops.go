package ckpt

import "github.com/ckptbus/ckpt/internal/wire"

// ThreadsForkRequest asks for a new thread with the state, the messages and the
// record of another one, which goes on by itself. ThreadID is the thread that is
// forked; Expected is a condition on that one. Its cached state and the answers
// that it remembers are not taken over. The new thread belongs to the user of the
// other one or, where that has none, to UserID.
type ThreadsForkRequest struct {
	WriteRef
	To         string // the ID of the new thread; Conflict where that exists
	AtRevision uint64 // the thread as it was at a revision that is kept; 0 means as it is
}

func (r *ThreadsForkRequest) fields(f *wire.Fields) {
	r.WriteRef.fields(f)
	f.Required("to", (*id)(&r.To))
	f.Optional("at_revision", &r.AtRevision)
}

// ThreadsForkReply says that the new thread is there. Its Revision is that of the
// new thread.
type ThreadsForkReply struct {
	Reply
	Origin   Origin
	Messages int // how many messages the new thread has
}

func (r *ThreadsForkReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Required("origin", object{&r.Origin})
	f.Required("messages", &r.Messages)
}

// Origin is what a thread was forked from.
type Origin struct {
	ThreadID string `json:"thread_id"`
	Revision uint64 `json:"revision"` // of that thread, as which the fork began
}

func (o *Origin) fields(f *wire.Fields) {
	f.Open()
	f.Required("thread_id", (*id)(&o.ThreadID))
	f.Required("revision", &o.Revision)
}
