package service

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/journal"
	"github.com/ckptbus/ckpt/service/internal/store"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
)

// Service is a running service.
type Service struct {
	options
	nc      *nats.Conn
	replica string // its own ID
	started time.Time
	store   *store.Store
	journal journal.Journal

	endpoints []endpoint // of the operations, in the order of the table

	group     sync.Mutex // guards the next ones
	member    *member    // nil: not in the queue group
	following bool       // what the journal said last
	begun     bool       // the start has joined the group

	direct *nats.Subscription // of [ckpt.Info], which it answers until it has stopped
	events events

	uploads   uploads
	downloads downloads

	measures map[string]*measure // of the operations, by their names

	underWay sync.WaitGroup // requests that are not answered yet
	answered atomic.Uint64  // requests that are, or are about to be
	stopping atomic.Bool
	slow     chan struct{} // a place for each slow request that may run at once
	stopOnce sync.Once
	quit     chan struct{} // closed when the service is to stop
	done     chan struct{} // closed when it has
	first    chan error    // whether it answers, for the first time
	err      error         // why it stopped by itself; set before done is closed
	stopErr  error         // of the stop
}

// Start starts a service on a connection that it has to itself until
// [Service.Stop] has returned; the caller closes the connection afterwards. It
// returns when the service answers.
//
// The data is in memory and gone with the process, so that a second service on
// the same bus and prefix, which would split it, is refused; unless
// [WithJetStream] makes the service one of the replicas of a store that is kept
// in a JetStream stream.
func Start(nc *nats.Conn, opts ...Option) (*Service, error) {
	o := newOptions(opts)
	if err := ckpt.CheckPrefix(o.prefix); err != nil {
		return nil, err
	}
	if err := o.checkRetention(); err != nil {
		return nil, err
	}
	s := &Service{
		options:  o,
		nc:       nc,
		replica:  nuid.Next(),
		started:  o.now(),
		slow:     make(chan struct{}, maxSlow),
		quit:     make(chan struct{}),
		done:     make(chan struct{}),
		measures: newMeasures(),
		first:    make(chan error, 1),
	}
	limits, err := o.limits(int(nc.MaxPayload()))
	if err != nil {
		return nil, err
	}
	s.uploads = uploads{limit: limits.Uploads, byID: make(map[string]*upload)}
	s.downloads = downloads{limit: limits.Uploads, byID: make(map[string]*download)}
	s.events = events{nc: nc, prefix: o.prefix, log: o.log, limit: limits.Page, ring: newEventRing(o.eventRing), loses: o.loses}
	so := store.Options{
		Limits:    limits,
		NewID:     func() string { return uuid.Must(uuid.NewV7()).String() },
		History:   o.history,
		Retention: o.retention,
		Missed:    s.events.ring.missed,
	}
	if limit := so.Limits.History; o.history < 0 || o.history > limit {
		return nil, ckpt.Errorf(ckpt.InvalidArgument, "history %d: want 0, for none, to %d", o.history, limit)
	}
	if s.replicated {
		so.Window = journal.Window
	}
	s.store = store.New(so)
	s.routes()
	if err := s.begin(); err != nil {
		return nil, err
	}
	s.direct.SetClosedHandler(func(string) { s.stopped(errors.New("the connection to NATS is closed")) })
	if !s.direct.IsValid() { // closed before there was a handler
		s.stopped(errors.New("the connection to NATS is closed"))
	}
	go s.run()
	o.log.Info("serving", "prefix", o.prefix, "store", s.StoreID(), "replica", s.replica, "journal", s.journal.Name(), "version", ckpt.Version)
	return s, nil
}

// begin opens the journal, and returns when the service answers.
func (s *Service) begin() (err error) {
	if s.journal, err = s.openJournal(); err != nil {
		return err
	}
	if err = s.refuseOther(); err == nil {
		s.direct, err = listen(s, ckpt.Info, info)
	}
	if err == nil {
		if err = s.awaitFirst(); err != nil {
			_ = s.direct.Unsubscribe()
		}
	}
	if err != nil {
		s.journal.Close()
	}
	return err
}

// StoreID identifies the service's data.
func (s *Service) StoreID() string { return s.journal.StoreID() }

// Done is closed when the service has stopped, by itself or by [Service.Stop].
func (s *Service) Done() <-chan struct{} { return s.done }

// Err returns why the service stopped by itself; nil while it runs and after
// [Service.Stop].
func (s *Service) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// run sweeps until the service stops.
func (s *Service) run() {
	defer close(s.done)
	tick := time.NewTicker(s.sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			now := s.millis()
			s.journal.Sweep(now)
			s.uploads.sweep(now)
			s.downloads.sweep(now)
		case <-s.quit:
			return
		}
	}
}

func (s *Service) millis() int64 { return s.now().UnixMilli() }

// stopped ends the service for a reason that is not its Stop.
func (s *Service) stopped(err error) {
	s.stopOnce.Do(func() {
		s.err = err
		s.log.Error("stopped", "err", err)
		_ = s.direct.Unsubscribe() // fails where the connection is closed
		go func() {                // which may be about to tell of the same
			s.journal.Close()
			close(s.quit)
		}()
	})
}

// Stop takes the service off the bus and returns when every request that
// reached it is answered, or with ctx's error.
func (s *Service) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() {
		s.stopErr = s.drain(ctx)
		s.journal.Close()
		close(s.quit)
	})
	<-s.done
	return s.stopErr
}

// drain unsubscribes, waits until what the server had sent by then is
// answered, and flushes the answers. Info is told until all others are.
func (s *Service) drain(ctx context.Context) error {
	s.stopping.Store(true)
	defer s.direct.Unsubscribe() // where it comes to an end before that
	if err := s.leave(ctx); err != nil {
		return err
	}
	// A subscription is gone when the handler of its last request has returned;
	// what runs beside the handlers is still counted.
	if err := waitFor(ctx, &s.underWay); err != nil {
		return err
	}
	if err := s.drainDirect(ctx); err != nil {
		return err
	}
	s.log.Info("stopped", "prefix", s.prefix, "store", s.StoreID())
	return s.flush(ctx)
}

// drainDirect ends the replica's own subscription when what the server had
// sent to it is answered.
func (s *Service) drainDirect(ctx context.Context) error {
	ended := make(chan struct{})
	s.direct.SetClosedHandler(func(string) { close(ended) })
	if err := s.direct.Drain(); err != nil {
		return fmt.Errorf("service: %w", err)
	}
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("service: requests are still waiting: %w", ctx.Err())
	}
}

func (s *Service) flush(ctx context.Context) error {
	if _, bounded := ctx.Deadline(); !bounded { // which FlushWithContext insists on
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, handshakeTimeout)
		defer cancel()
	}
	if err := s.nc.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("service: %w", err)
	}
	return nil
}
