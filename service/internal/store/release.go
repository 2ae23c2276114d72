package store

import "github.com/ckptbus/ckpt"

// Release removes every thread, as one moment for all of them: it holds the
// locks of all shards. Each thread's removal is a change of its own, with its
// own revision.
func (s *Store) Release(requestID string, now int64, next func() uint64, applied func(Change)) ckpt.ReleaseReply {
	s.lock()
	defer s.unlock()
	entries, removed := s.releases(requestID, now)
	var a ckpt.ReleaseReply
	for i := range entries {
		e := &entries[i]
		a.Removed.Add(removed[i])
		sh := s.shard(e.ThreadID)
		revision := next()
		applied(s.apply(sh, sh.threads.get(e.ThreadID), e, now, revision, revision))
	}
	a.Revision = s.Revision()
	return a
}

// Releases returns entries that remove every thread, and what each removes.
func (s *Store) Releases(requestID string, now int64) ([]Entry, []ckpt.Removed) {
	s.lock()
	defer s.unlock()
	return s.releases(requestID, now)
}

func (s *Store) releases(requestID string, now int64) (list []Entry, removed []ckpt.Removed) {
	for _, t := range s.directory.all() {
		e := Entry{Kind: ckpt.Release.Name, At: now, Base: t.revision, NoThread: true}
		e.ThreadID, e.RequestID = t.id, requestID
		list = append(list, e)
		var n ckpt.Removed
		if v := s.view(s.shard(t.id), t, now); v.thread != nil {
			n = v.count()
		}
		removed = append(removed, n)
	}
	return list, removed
}

func (s *Store) lock() {
	for i := range s.shards {
		s.shards[i].mu.Lock()
	}
}

func (s *Store) unlock() {
	for i := range s.shards {
		s.shards[i].mu.Unlock()
	}
}
