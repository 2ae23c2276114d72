package client

import (
	"context"
	"time"

	"github.com/ckptbus/ckpt"
)

// Changes are the events of past changes, as [Client.ListChanges] returns them.
type Changes struct {
	Events []ckpt.Event  // in the order of their revisions
	Next   ckpt.Position // behind it come the changes that are not among them
	// Complete says that no event is missing that was asked for. Otherwise the
	// service does not have all events up to Oldest: what changed up to it must be
	// read anew.
	Complete bool
	Oldest   uint64
}

// ListChanges returns the events of the latest changes that the service still
// has, in the order of their revisions: all of them, or as [From], [Since],
// [Thread], [User], [Kinds] and [Limit] say. [Client.Watch] does so by itself where it missed events.
func (c *Client[S]) ListChanges(ctx context.Context, opts ...ListChangesOption) (Changes, error) {
	var q ckpt.ChangesListRequest
	for _, o := range opts {
		o.listChanges(&q)
	}
	list := Changes{Complete: true}
	limit := q.Limit
	for {
		a, err := c.changesPage(ctx, q)
		if err != nil {
			return Changes{}, err
		}
		events, err := decodeRecords[ckpt.Event](a.Events)
		if err != nil {
			return Changes{}, err
		}
		list.Events = append(list.Events, events...)
		list.Next, list.Oldest, list.Complete = a.Next, max(list.Oldest, a.Oldest), list.Complete && a.Complete
		if limit > 0 {
			q.Limit = limit - len(list.Events)
		}
		if !a.HasMore || limit > 0 && q.Limit <= 0 {
			return list, nil
		}
		q.After, q.Skip, q.Since = a.Next, a.NextSkip, time.Time{}
	}
}

// ListChangesAsync is [Client.ListChanges] in a goroutine of its own.
func (c *Client[S]) ListChangesAsync(ctx context.Context, opts ...ListChangesOption) *Future[Changes] {
	return background(func() (Changes, error) { return c.ListChanges(ctx, opts...) })
}

func (t *transport) changesPage(ctx context.Context, q ckpt.ChangesListRequest) (ckpt.ChangesListReply, error) {
	k := newCall(ctx, t, &ckpt.ChangesList, q.ThreadID, itself[ckpt.ChangesListReply])
	k.request = q
	return k.encode(nil).result()
}

// From is the position behind which changes are listed or watched: that of a reply
// or of an event, or [Changes.Next].
type From ckpt.Position

func (f From) listChanges(q *ckpt.ChangesListRequest) { q.After = ckpt.Position(f) }

// Since asks for the changes from the first one of that time or a later one, by
// the clock of the service.
type Since time.Time

func (s Since) listChanges(q *ckpt.ChangesListRequest) { q.Since = time.Time(s) }

// Kinds keeps the events of these kinds, as in [ckpt.Event]; none keeps all.
type Kinds []string

func (k Kinds) listChanges(q *ckpt.ChangesListRequest)  { q.Kinds = k }
func (t Thread) listChanges(q *ckpt.ChangesListRequest) { q.ThreadID = string(t) }
func (u User) listChanges(q *ckpt.ChangesListRequest)   { q.UserID = string(u) }
func (l Limit) listChanges(q *ckpt.ChangesListRequest)  { q.Limit = int(l) }
