// Package replay plays recorded conversations through a checkpoint store as
// agent workers do, reads back what they left there, and compares it with what
// was sent.
//
// Reading order: conversation.go (files), chat.go (their messages), run.go
// (workers), lease.go (how they share the threads out), play.go and verify.go (what
// they do with one conversation), figures.go and report.go (what came of it).
package replay
