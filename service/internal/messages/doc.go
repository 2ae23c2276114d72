// Package messages keeps the messages of many threads in memory: for each
// thread a [List] in the order of first insertion, and the bytes of all lists
// of one shard in a [Heap]. It also finds text in them ([Search]).
//
// There may be many millions of messages, so what each costs beyond its own
// bytes is what this package is about: 8 bytes for its place in the order, and
// in long lists 10 to 13 more for an index from IDs to places. None of that
// holds a pointer, so that the garbage collector has next to nothing to visit.
//
// # Locks
//
// Nothing here locks. The caller guards a heap and its lists together: methods
// that change them exclusively, the others shared. Bytes that were handed out
// are never written again, and memory that is given up is left to the garbage
// collector, so a message's bytes and a [Snapshot] stay valid without a lock.
//
// # Reading order
//
// heap.go (the bytes), list.go (order, lookup, change), index.go (lookup in
// long lists), tombstones.go (deletion in long lists), snapshot.go (reading
// without a lock), compact.go (reclaiming memory), id.go (the ID in a
// message's bytes), search.go, letter.go (how one letter is found in any case).
package messages
