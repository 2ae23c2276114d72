package journal

import "sync"

// statusBox is whether the replica serves, and why not.
type statusBox struct {
	mu      sync.Mutex
	serving bool
	reason  string
}

func (s *statusBox) get() (bool, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.serving, s.reason
}

// set reports whether that is a change.
func (s *statusBox) set(serving bool, reason string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := s.serving != serving
	s.serving, s.reason = serving, reason
	return changed
}
