package store

import "slices"

// visitAtOnce is how many threads a visit looks at before it lets others to the
// shard: some microseconds.
const visitAtOnce = 256

// visit calls look with each thread that there is when it begins, under its
// shard's lock. Between them threads change; look sees some that are gone.
func (s *Store) visit(look func(sh *shard, t *thread)) {
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		list := make([]*thread, 0, sh.threads.used)
		for t := range sh.threads.all {
			list = append(list, t)
		}
		sh.mu.Unlock()
		for part := range slices.Chunk(list, visitAtOnce) {
			sh.mu.Lock()
			for _, t := range part {
				look(sh, t)
			}
			sh.mu.Unlock()
		}
	}
}
