package store

import "github.com/ckptbus/ckpt"

// Release removes every thread, as one moment for all of them: it holds the
// locks of all shards. Each thread's removal is a change of its own, with its
// own revision.
func (s *Store) Release(requestID string, now int64, next func() uint64, applied func(Change)) ckpt.ReleaseReply {
	for i := range s.shards {
		s.shards[i].mu.Lock()
		defer s.shards[i].mu.Unlock()
	}
	var a ckpt.ReleaseReply
	for _, t := range s.directory.all() {
		sh := s.shard(t.id)
		if v := s.view(sh, t, now); v.thread != nil {
			n := v.count()
			a.Removed.Threads += n.Threads
			a.Removed.States += n.States
			a.Removed.Caches += n.Caches
			a.Removed.Messages += n.Messages
			a.Removed.Records += n.Records
		}
		e := &Entry{Kind: ckpt.Release.Name, At: now, NoThread: true}
		e.ThreadID, e.RequestID = t.id, requestID
		applied(s.apply(sh, t, e, next()))
	}
	a.Revision = s.Revision()
	return a
}
