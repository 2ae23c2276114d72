package ckpt

import (
	"time"

	"github.com/ckptbus/ckpt/internal/wire"
)

// WatchersPutRequest asks to keep the position of a watcher under its name, so that
// it goes on there after its own restart.
type WatchersPutRequest struct {
	Name     string   // required, an ID
	Position Position // required: up to there the watcher has seen all
	Terms
}

func (r *WatchersPutRequest) fields(f *wire.Fields) {
	f.Required("name", (*id)(&r.Name))
	r.Terms.fields(f)
	f.Required("position", &r.Position)
}

// WatchersPutReply says that the position is kept.
type WatchersPutReply struct{ Reply }

// WatchersGetRequest asks for the position of a watcher.
type WatchersGetRequest struct {
	Name string // required
	// After and Linearizable are those of [ThreadRef] and [ReadRef].
	After        Position
	Linearizable bool
}

func (r *WatchersGetRequest) fields(f *wire.Fields) {
	f.Required("name", (*id)(&r.Name))
	f.Optional("after", &r.After)
	f.Optional("linearizable", &r.Linearizable)
}

// WatchersGetReply carries the position. Its Revision is that of the put.
type WatchersGetReply struct {
	Reply
	Position  Position
	UpdatedAt time.Time
}

func (r *WatchersGetReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Required("position", &r.Position)
	f.Required("updated_at", &r.UpdatedAt)
}

// WatchersDeleteRequest asks to forget a watcher.
type WatchersDeleteRequest struct {
	Name string // required
	Terms
}

func (r *WatchersDeleteRequest) fields(f *wire.Fields) {
	f.Required("name", (*id)(&r.Name))
	r.Terms.fields(f)
}

// WatchersDeleteReply says whether there was such a watcher; there need not be.
type WatchersDeleteReply struct {
	Reply
	Deleted bool
}

func (r *WatchersDeleteReply) fields(f *wire.Fields) {
	r.Reply.fields(f)
	f.Required("deleted", &r.Deleted)
}
