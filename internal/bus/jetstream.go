package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// pollInterval is how often the state of JetStream is looked at: the server
// has no way to tell of a change. Elections take some hundred milliseconds.
const pollInterval = 20 * time.Millisecond

// ErrStopped is the error of waiting for a server that was stopped.
var ErrStopped = errors.New("the NATS server is stopped")

// WaitJetStream waits until JetStream takes requests: in a cluster, until its
// servers have a leader and this one knows all that the leader decided. It ends
// with the error of ctx, with [ErrStopped], or at once where there is no
// JetStream.
func (s *Server) WaitJetStream(ctx context.Context) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for !s.jetStreamReady() {
		if !s.ns.Running() {
			return ErrStopped
		}
		if !s.ns.JetStreamEnabled() {
			return errors.New("the NATS server has no JetStream: give it a data folder")
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for a leader of JetStream: %w", ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}

func (s *Server) jetStreamReady() bool {
	if !s.ns.Running() || !s.ns.JetStreamEnabled() || !s.ns.JetStreamIsCurrent() {
		return false
	}
	if !s.ns.JetStreamIsClustered() {
		return true
	}
	// A server is current also where there is no leader to tell it otherwise.
	info, err := s.ns.Jsz(nil)
	return err == nil && info.Meta != nil && info.Meta.Leader != ""
}

// JetStreamPeers returns how many servers with JetStream the leader of the
// cluster knows, itself included: as many replicas can a stream have. It is 0
// where this server is not the leader.
func (s *Server) JetStreamPeers() int { return len(s.ns.JetStreamClusterPeers()) }

// IsStreamLeader reports whether this server leads the stream: the one that
// takes its writes. It is false where this server has no replica of it, and on
// a server on its own.
func (s *Server) IsStreamLeader(stream string) bool {
	return s.ns.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream)
}

// IsStreamCurrent reports whether the replica of the stream on this server has
// all that its leader told. It is false where this server has none.
func (s *Server) IsStreamCurrent(stream string) bool {
	return s.ns.JetStreamIsStreamCurrent(server.DEFAULT_GLOBAL_ACCOUNT, stream)
}
