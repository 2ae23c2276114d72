package service

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/journal"
	"github.com/ckptbus/ckpt/service/internal/store"
	"github.com/nats-io/nats.go/micro"
	"github.com/nats-io/nuid"
)

// openJournal opens the journal that the options choose.
func (s *Service) openJournal() (journal.Journal, error) {
	if !s.replicated {
		s.first <- nil
		id := nuid.Next()
		return journal.NewLocal(s.store, id, func(c store.Change) { s.events.applied(id, c, true) }), nil
	}
	ctx, cancel := context.WithTimeout(s.starting, openTimeout)
	defer cancel()
	o := journal.Options{
		Prefix:   s.prefix,
		Replicas: s.stream.Replicas,
		Memory:   s.stream.Memory,
		MaxBytes: s.stream.MaxBytes,
		UnderWay: s.stream.underWay(),
		Now:      s.now,
		Log:      s.log,
		Applied:  s.events.applied,
		Begun:    s.events.ring.begin,
		Serving:  s.follows,
	}
	s.tune(&o)
	return journal.OpenJetStream(ctx, s.nc, s.store, o)
}

// openTimeout bounds the opening of the stream: several elections.
const openTimeout = 30 * time.Second

// follows is told by the journal when the store follows it and when it does not
// any more. A replica that does not must not answer, and leaves the queue group.
func (s *Service) follows(serving bool, reason string) {
	s.group.Lock()
	defer s.group.Unlock()
	if s.following = serving; !s.begun {
		if serving {
			select {
			case s.first <- nil:
			default:
			}
		}
		return
	}
	if s.stopping.Load() {
		return
	}
	if !serving {
		s.log.Warn("left the queue group", "prefix", s.prefix, "replica", s.replica, "reason", reason)
		_ = s.leaveGroup() // fails where the connection is closed: it is left then
		return
	}
	if err := s.register(); err != nil {
		s.log.Error("the queue group was not joined", "err", err)
		return
	}
	s.log.Warn("joined the queue group again", "prefix", s.prefix, "replica", s.replica, "position", s.journal.Status().Applied)
}

// awaitFirst joins the queue group when the store has all that the journal held.
func (s *Service) awaitFirst() error {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for waiting := true; waiting; {
		select {
		case <-s.first:
			waiting = false
		case <-tick.C:
			status := s.journal.Status()
			s.log.Info("reading the journal", "position", status.Applied, "last", status.Last, "threads", s.store.Threads())
		case <-s.starting.Done():
			cause := context.Cause(s.starting)
			return &ckpt.Error{Code: ckpt.Unavailable, Message: "the journal was not read: " + cause.Error(), Err: cause}
		}
	}
	s.group.Lock()
	defer s.group.Unlock()
	s.begun = true
	if !s.following && s.replicated {
		return nil // it joins when it follows again
	}
	return s.register()
}

// progressEvery is how often the log tells how far a start has come.
const progressEvery = time.Second

// register makes the service known to NATS and its endpoints heard.
func (s *Service) register() error {
	m, err := micro.AddService(s.nc, micro.Config{
		Name:        "ckpt",
		Version:     ckpt.Version,
		Description: "checkpoint store for AI agents",
		QueueGroup:  ckpt.QueueGroup,
		Metadata: map[string]string{
			"prefix": s.prefix, "store_id": s.StoreID(), "journal": s.journal.Name(), "protocol": strconv.Itoa(ckpt.Protocol), "replica": s.replica,
		},
		ErrorHandler: func(_ micro.Service, err *micro.NATSError) { s.log.Error("NATS reports", "err", err) },
	})
	if err != nil {
		return fmt.Errorf("service: %w", err)
	}
	s.micro = m
	s.routes()
	// The subscriptions are in force when the server has answered.
	if err := s.nc.FlushTimeout(handshakeTimeout); err != nil {
		_ = s.leaveGroup()
		return fmt.Errorf("service: %w", err)
	}
	return nil
}

// leaveGroup takes the endpoints off the bus. The caller holds the group's lock.
func (s *Service) leaveGroup() error {
	if s.micro == nil {
		return nil
	}
	m := s.micro
	s.micro = nil
	return m.Stop()
}

// leave takes the endpoints off the bus, and returns when the handlers of what
// the server had sent by then have returned.
func (s *Service) leave(ctx context.Context) error {
	s.group.Lock()
	defer s.group.Unlock()
	if s.micro == nil {
		return nil
	}
	const verbSubscriptions = 9 // PING, INFO and STATS, each for all, by name and by ID
	left := s.nc.NumSubscriptions() - len(s.micro.Info().Endpoints) - verbSubscriptions
	if err := s.leaveGroup(); err != nil {
		return fmt.Errorf("service: %w", err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for s.nc.NumSubscriptions() > left {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("service: requests are still waiting: %w", ctx.Err())
		}
	}
	return nil
}
