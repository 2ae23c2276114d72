package service

import (
	"context"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/journal"
	"github.com/ckptbus/ckpt/service/internal/store"
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
		if s.member != nil {
			s.member.end()
			s.member = nil
		}
		return
	}
	if err := s.joinGroup(); err != nil {
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
	return s.joinGroup()
}

// joinGroup joins the queue group. The caller holds the group's lock.
func (s *Service) joinGroup() (err error) {
	s.member, err = s.join()
	return err
}

// progressEvery is how often the log tells how far a start has come.
const progressEvery = time.Second

// leave takes the endpoints off the bus, and returns when what the server had
// sent to them by then is handled.
func (s *Service) leave(ctx context.Context) error {
	s.group.Lock()
	m := s.member
	s.member = nil
	s.group.Unlock()
	if m == nil {
		return nil
	}
	m.end()
	return m.wait(ctx)
}
