package client

import (
	"testing"

	"github.com/ckptbus/ckpt"
)

// The position costs a request no memory.
func TestPositionAllocatesNothing(t *testing.T) {
	var s session
	s.store.Store(&seenStore{})
	r := ckpt.Reply{StoreID: "a"}
	s.learn(&r, s.store.Load())
	var q ckpt.StatePutRequest
	n := testing.AllocsPerRun(100, func() {
		asked := s.store.Load()
		setAfter(&q, asked.position())
		r.Revision++
		s.learn(&r, asked)
	})
	if n != 0 || q.After.Revision != r.Revision-1 {
		t.Errorf("%v allocations, the request comes after %+v", n, q.After)
	}
}
