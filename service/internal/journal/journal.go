// Package journal is where changes get their order.
//
// A journal takes a write, has the store plan it, fixes the place of its entry
// in the order of all changes, has the store apply it, and hands out the
// answer. What a service promises of its data beyond the life of its process
// is its journal's to keep.
//
// # The JetStream journal
//
// [JetStream] keeps the changes in one stream, whose messages all replicas apply
// in the same order. The subject is <prefix>.log, and the stream's metadata
// names the store. Each message is a part of a record:
//
//	byte    2, the version of the format; records of version 1 are read too
//	array   store ID, writer, number, index, count
//	bytes   the part's piece of the record's body
//
// The writer is a name that a replica takes at its start; it counts its records
// from 1 and may send one again, which changes nothing. A record that fits one
// message is part 0 of 1; the parts of a larger one come in order, and it counts
// as the message of its last part. The body is a msgpack array:
//
//	integer the position of the journal that the oldest entry was planned at
//	integer the time in milliseconds since 1970
//	array   the entries, each a binary, at most one of a thread; see
//	        entry_codec.go in the store
//
// An entry is applied where its thread is at exactly the revision that it was
// planned on, and ignored elsewhere; its writer plans it anew then. So a record
// that is committed twice, or late, does no harm, and whoever reads the stream
// from its beginning comes to the same store. A record that was planned more
// than [Window] records ago is ignored as a whole.
//
// The revision of a change is the stream's sequence of its record. A thread
// needs the records from the one that created it. Where the stream holds much
// more than is live, compact.go writes snapshots of the threads that need the
// oldest records, and then cuts the stream's head off.
package journal

import (
	"fmt"
	"runtime/debug"

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
	// StoreID identifies the data.
	StoreID() string
	// View returns what requests may be answered from, nil while there is nothing.
	View() *View
	// Commit carries out a write and tells the caller what became of it, which
	// may be after Commit returned.
	Commit(w *store.Write, now int64, caller Caller)
	// Release removes every thread and calls done with what was removed.
	Release(requestID string, now int64, done func(ckpt.ReleaseReply, error))
	// Sweep frees what has expired.
	Sweep(now int64)
	// Knows reports whether the store knows of all changes up to the revision.
	Knows(revision uint64) bool
	// Await calls then when the store knows of all changes up to the revision.
	Await(revision uint64, then func(error))
	// Barrier calls then when the store knows of every change that was answered
	// before, by whichever replica.
	Barrier(then func(error))
	// Close answers what is under way and ends the journal.
	Close()
}

// View stands for a store that follows its journal without a break. What was read
// in one view must not be answered in another: between the two the store may have
// been built anew.
type View struct{ StoreID string }

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

// panicked makes an error of a panic in a plan, so that the write's caller is
// told of it and the journal goes on.
func panicked(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
	}
}
