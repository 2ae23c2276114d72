package client

import (
	"context"
	"slices"
	"time"

	"github.com/ckptbus/ckpt"
)

// orient finds out where the store is now: of what changes from now on, nothing is
// missed. It asks once, so that a watch begins at once where there is no service.
func (w *watcher) orient() {
	ctx, cancel := context.WithTimeout(w.ctx, w.silence)
	defer cancel()
	b, err := ckpt.Append(nil, &ckpt.ChangesListRequest{Since: time.Now().AddDate(100, 0, 0)})
	if err != nil {
		return
	}
	inbox := w.nc.NewInbox()
	sub, err := w.nc.SubscribeSync(inbox)
	if err != nil {
		return
	}
	defer sub.Unsubscribe() // fails where the connection is closed
	if w.nc.PublishRequest(ckpt.ChangesList.Subject(w.prefix), inbox, b) != nil {
		return
	}
	m, err := sub.NextMsgWithContext(ctx)
	if err != nil || failure(m) != nil {
		return
	}
	var a ckpt.ChangesListReply
	if ckpt.Decode(m.Data, &a) != nil || w.chain.storeID != "" && w.chain.storeID != a.StoreID {
		return
	}
	w.chain.storeID, w.chain.known, w.chain.upTo, w.chain.began = a.StoreID, true, a.Next.Revision, a.Next.Revision
}

// pause is how long the service is not asked again.
func (w *watcher) pause() time.Duration { return w.silence << min(w.failed, 4) }

// tick asks the service, when it is time to, whether anything was missed.
func (w *watcher) tick(yield yieldEvent) {
	mark := w.mark
	w.mark = w.highest
	if time.Since(w.checked) < w.pause() {
		return
	}
	if !w.chain.known {
		w.checked = time.Now()
		if w.orient(); w.chain.known { // what changed before may have been missed
			w.gap("", yield)
		}
		return
	}
	if mark > w.chain.upTo && !w.check(mark, yield) || mark < w.highest {
		return
	}
	w.check(0, yield) // nothing came for a while
}

// half returns a revision up to which half of the events are that were told live.
func (w *watcher) half() uint64 {
	revisions := make([]uint64, 0, len(w.told))
	for c := range w.told {
		revisions = append(revisions, c.revision)
	}
	slices.Sort(revisions)
	return revisions[len(revisions)/2]
}

// check asks the service whether all changes up to a revision were told, 0 for
// the latest, tells what was not, and reports whether that is done.
func (w *watcher) check(until uint64, yield yieldEvent) bool {
	w.checked = time.Now()
	if !w.chain.known {
		return false
	}
	q := ckpt.ChangesListRequest{After: w.position(), Until: until}
	for c, wanted := range w.told {
		if wanted && c.revision > q.After.Revision && c.revision <= until {
			q.Seen++
		}
	}
	ctx, cancel := context.WithTimeout(w.ctx, w.timeout)
	defer cancel()
	if err := w.catchUp(ctx, q, yield); err != nil {
		w.failed++
		return false
	}
	w.failed = 0
	return true
}

// heal tells what was missed before an event, and perhaps it and what is behind it,
// and reports whether that is done.
func (w *watcher) heal(e *ckpt.Event, yield yieldEvent) bool {
	ctx, cancel := context.WithTimeout(w.ctx, w.timeout)
	defer cancel()
	for !w.over && w.chain.known && w.chain.storeID == e.StoreID && w.chain.upTo < e.Revision {
		if err := w.catchUp(ctx, ckpt.ChangesListRequest{After: w.position(), Until: e.Revision}, yield); err != nil {
			return false
		}
		if w.chain.upTo < e.Revision { // changes that are being made beside it
			select {
			case <-time.After(time.Millisecond):
			case <-ctx.Done():
				return false
			}
		}
	}
	return true
}

func (w *watcher) position() ckpt.Position {
	return ckpt.Position{StoreID: w.chain.storeID, Revision: w.chain.upTo}
}

// replicasAsked is how many answers it takes to believe that events are gone:
// one replica may have started lately and keep fewer than another.
const replicasAsked = 3

// catchUp tells the changes that are asked for and were not told, and moves the
// position behind them.
func (w *watcher) catchUp(ctx context.Context, q ckpt.ChangesListRequest, yield yieldEvent) error {
	q.ThreadID, q.UserID, q.Kinds = w.filter.ThreadID, w.filter.UserID, w.filter.Kinds
	for asked := 1; !w.over; {
		a, err := w.changesPage(ctx, q)
		if err != nil {
			return err
		}
		another := w.chain.storeID != "" && a.StoreID != w.chain.storeID
		if !a.Complete && !another && asked < replicasAsked {
			asked++
			continue
		}
		if another || q.After.StoreID != "" && q.After.StoreID != a.StoreID {
			w.restarts(a.StoreID, yield)
		} else if !a.Complete {
			w.gap("", yield)
		}
		w.chain.storeID = a.StoreID
		for _, raw := range a.Events {
			w.tellListed(raw, yield)
		}
		if w.over {
			return nil
		}
		w.advance(a.Next.Revision)
		if !a.HasMore {
			return nil
		}
		q.After, q.Skip, q.Since, q.Seen = a.Next, a.NextSkip, time.Time{}, 0
	}
	return nil
}

func (w *watcher) progressed() {
	if !w.chain.known {
		return
	}
	for _, p := range w.progress {
		p(w.position())
	}
}

// tellListed tells one change of a list, unless it was told.
func (w *watcher) tellListed(raw ckpt.Raw, yield yieldEvent) {
	var e ckpt.Event
	if ckpt.Decode(raw, &e) != nil {
		thread, _ := raw.Get("thread_id").Str()
		w.gap(thread, yield)
		return
	}
	c := change{e.ThreadID, e.Revision}
	if _, told := w.told[c]; told {
		return
	}
	if e.Revision <= w.chain.last(e.ThreadID) { // one behind it was told, and their order is lost
		w.yield(gap(e.ThreadID), yield)
		return
	}
	w.chain.remember(&e)
	w.yield(e, yield)
}

// advance moves the position up to which all is told.
func (w *watcher) advance(upTo uint64) {
	w.chain.known, w.chain.upTo = true, max(w.chain.upTo, upTo)
	for c := range w.told {
		if c.revision <= w.chain.upTo {
			delete(w.told, c)
		}
	}
	w.progressed()
}
