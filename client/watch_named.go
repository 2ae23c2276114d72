package client

import (
	"context"
	"errors"
	"time"

	"github.com/ckptbus/ckpt"
)

// Named keeps the position of a watch in the store under that name, and begins
// where the watch of that name was, after a restart of its program too. The first
// one begins now, or where [From] or [Since] says. An event counts as taken
// when the range asks for the next one. The position is saved every five seconds
// while there are events, see [SaveEvery], and when the watch ends: so some events
// of the last seconds come again after a restart, and none is missed. Two watches
// of one name at once both see all, and either may set the position.
type Named string

func (n Named) watch(w *watcher) { w.name, w.named = string(n), true }

// SaveEvery is how often a [Named] watch saves its position while there are
// events. The default, and what 0 or less stands for, is [DefaultSaveEvery].
type SaveEvery time.Duration

// DefaultSaveEvery is the [SaveEvery] of a watch that was given none.
const DefaultSaveEvery = 5 * time.Second

func (s SaveEvery) watch(w *watcher) {
	if s > 0 {
		w.saveEvery = time.Duration(s)
	}
}

// resume finds out where the watch of the name was.
func (w *watcher) resume() error {
	a, err := w.getWatcher(w.ctx, w.name).result()
	switch {
	case errors.Is(err, ckpt.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	w.replay, w.from, w.saved = true, ckpt.ChangesListRequest{After: a.Position}, a.Position
	w.chain = chain{} // which was that of now
	return nil
}

// farBehind is how many revisions the saved position may be behind where none of
// the changes are such as the watch tells. The saves themselves are changes.
const farBehind = 1000

// save saves the position where it is time to: at once where last says so.
func (w *watcher) save(ctx context.Context, last bool) {
	if !w.named || !w.chain.known {
		return
	}
	p := w.position()
	began := w.saved == ckpt.Position{}
	if p == w.saved || !w.unsaved && !began && p.StoreID == w.saved.StoreID && p.Revision-w.saved.Revision < farBehind {
		return
	}
	if !last && !began && time.Since(w.savedAt) < w.saveEvery {
		return
	}
	w.savedAt = time.Now()
	ctx, cancel := context.WithTimeout(ctx, min(w.timeout, w.silence))
	defer cancel()
	if _, err := w.putWatcher(ctx, w.name, p, nil).result(); err == nil {
		w.saved, w.unsaved = p, len(w.told) > 0
	}
}
