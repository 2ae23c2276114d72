// Package service answers the operations of a checkpoint store on NATS.
//
// A request takes one way: it comes in, is checked and decoded in requests.go;
// the table in routes.go says which query answers it or which plan a write
// follows; commit.go commits writes through the journal; replies.go answers;
// events.go tells of what was committed. The data lives in internal/store, whose
// messages lie in internal/messages; internal/journal gives changes their order.
package service
