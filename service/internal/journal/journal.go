// Package journal is where changes get their order.
//
// A journal takes a write, has the store plan it, fixes the place of its entry
// in the order of all changes, has the store apply it, and hands out the
// answer. What a service promises of its data beyond the life of its process
// is its journal's to keep.
package journal

import (
	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/store"
)

// Journal fixes the order of all changes. Its methods may be called at once
// from many goroutines; times are milliseconds since 1970. Each change is told
// once, and the changes of one thread in their order.
type Journal interface {
	// Name is what setup tells of it.
	Name() string
	// Status returns how far it has come.
	Status() Status
	// Commit carries out a write and tells the caller what became of it, which
	// may be after Commit returned.
	Commit(w *store.Write, now int64, caller Caller)
	// Release removes every thread and calls done with what was removed.
	Release(requestID string, now int64, done func(ckpt.ReleaseReply, error))
	// Sweep frees what has expired.
	Sweep(now int64)
}

// Status is how far a journal has come.
type Status struct {
	Applied uint64 // the revision up to which the store has its changes
	Last    uint64 // the last revision that it is known to hold
	Serving bool   // whether the store may answer requests
	Reason  string // why it may not; empty where it may
}

// Caller waits for a write.
type Caller interface {
	// Done is called once, with what became of the write.
	Done(store.Result, error)
}
