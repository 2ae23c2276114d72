// Package ckpt is the contract of a checkpoint store for AI agents on NATS.
//
// Agent workers keep what they must not lose in it over NATS request/reply:
// the state and the cached state of each thread (one conversation or run), its
// messages, and its record. Watchers are told of every change.
//
// This package holds what both sides must agree on and nothing else: the table
// of operations (subjects.go), what their requests have in common (refs.go,
// condition.go, page.go of lists), the requests and replies (state_ops.go, history_ops.go, fork_ops.go,
// message_ops.go, message_edits.go, commit_ops.go, thread_ops.go, lease_ops.go,
// retention_ops.go, prune_ops.go, stats_ops.go, store_ops.go, info_ops.go, change_ops.go,
// watcher_ops.go), how large ones travel (parts_ops.go), the error codes (errors.go),
// IDs (id.go), events and changes (event.go, change.go), positions (position.go), and the
// domain's types (message.go, content.go, agent_state.go). It imports no NATS.
// Programs use package client; package service answers.
//
// # Promises
//
//   - What is put comes back byte for byte: the service never builds the
//     caller's objects.
//   - A request is applied whole or not at all, and a refused one changes
//     nothing.
//   - Revisions of one thread only grow; every reply carries one.
//   - A write that expects a revision changes nothing where the thread has another.
//   - A write under a lease changes nothing where the lease is not held any more.
//   - A write that is sent again with its request ID is not applied again.
//   - No payload, whatever its bytes, ends the service or makes it allocate
//     more than a small multiple of the payload's size.
//
// # Reading order
//
// subjects.go; refs.go with condition.go and page.go; one family of operations, say state_ops.go, with codec.go (how
// a record travels); errors.go, id.go, event.go,
// position.go; then the domain's types:
// message.go and content.go with its blocks (blocks.go, media.go), thread_ops.go,
// agent_state.go with execution.go.
//
// On the service's side follow service/requests.go, where requests come in,
// service/commit.go, where changes are committed, and service/internal/store,
// where threads live; on the other side client/call.go, which all methods go
// through. docs/architecture.md shows how it all fits together.
package ckpt
