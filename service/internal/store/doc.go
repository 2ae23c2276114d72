// Package store keeps the threads in memory.
//
// It is pure: it knows no NATS, no clock and no randomness beyond what it is
// given, so that the same changes in the same order give the same store
// wherever they are applied. A write goes through two steps:
//
//   - a [Plan] looks at the thread as it stands and produces an [Entry], the
//     effect of the request rather than the request;
//   - apply changes memory by an entry and can no longer fail.
//
// A journal stands between the two and gives the entry its revision.
//
// Values are kept as the bytes that came in. They are never written to again,
// so a reader may use them after it let go of the lock.
//
// Reading order: thread.go (what a thread holds), entry.go, store.go (the
// shards and their locks), plan_*.go, apply.go, then the queries: read.go,
// list.go.
package store
