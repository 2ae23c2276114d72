package store

import (
	"time"

	"github.com/ckptbus/ckpt"
)

// The position of a named watcher is kept in a thread of its own, so that it is
// replicated, outlives the journal's compaction and takes conditions and request
// IDs like all else. No caller can name the thread, no list has it, and no event
// tells of it: an ID has no control characters.

// WatcherThread returns the ID of the thread that belongs to a watcher.
func WatcherThread(name string) string { return "\x00watcher " + name }

// Hidden reports whether a thread is the store's own.
func Hidden(threadID string) bool { return len(threadID) > 0 && threadID[0] == 0 }

// PlanWatchersPut plans a watchers.put.
func PlanWatchersPut(_ *View, q *ckpt.WatchersPutRequest, _ *ckpt.WatchersPutReply, e *Entry) (err error) {
	e.Metadata, err = q.Position.AppendWire(nil)
	return err
}

// PlanWatchersDelete plans a watchers.delete.
func PlanWatchersDelete(v *View, _ *ckpt.WatchersDeleteRequest, a *ckpt.WatchersDeleteReply, e *Entry) error {
	e.NoThread = v.thread != nil
	a.Deleted = e.NoThread
	return nil
}

// WatchersGet answers a watchers.get.
func (s *Store) WatchersGet(q *ckpt.WatchersGetRequest, a *ckpt.WatchersGetReply, now int64) error {
	v, err := s.open(&ckpt.ThreadRef{ThreadID: WatcherThread(q.Name)}, now)
	if err != nil {
		return err
	}
	defer v.close()
	if v.thread == nil {
		return v.notFound("no watcher has the name %q", q.Name)
	}
	a.Reply, a.UpdatedAt = v.stamp(), time.UnixMilli(v.thread.updated)
	return a.Position.DecodeWire(v.details().metadata)
}
