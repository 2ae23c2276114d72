package service

import (
	"context"
	"fmt"
	"sync"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nats.go"
)

// What may wait for one endpoint's handler. NATS drops what is over; its
// callers see a timeout and try again.
const (
	pendingRequests = 512 << 10
	pendingBytes    = 256 << 20
)

// endpoint is where the queue group's requests of one operation come in. They are
// handled one after the other.
type endpoint struct {
	op      ckpt.OpInfo
	subject string
	handler nats.MsgHandler
}

// handle makes an operation's endpoint; see [receive].
func handle[Q, A any](s *Service, op ckpt.Op[Q, A], plan planner[Q, A], h func(r *call[Q, A])) {
	take := receive(s, op, plan, h)
	announce := announced(s, take)
	s.endpoints = append(s.endpoints, endpoint{op.OpInfo, op.SubjectOf(s.prefix, s.replica), func(m *nats.Msg) {
		a := arrival{subject: m.Subject, inbox: m.Reply, payload: m.Data, grouped: true}
		if len(m.Header) > 0 && m.Header.Get(ckpt.HeaderUpload) != "" && !op.Replica {
			announce(a)
			return
		}
		take(a)
	}})
}

// member is the service's place in the queue group: the subscriptions of its
// endpoints, and those by which it is found.
type member struct {
	nc    *nats.Conn
	subs  []*nats.Subscription
	ended sync.WaitGroup // a subscription that has ended: its last handler has returned
}

// join makes the endpoints heard, and the service known.
func (s *Service) join() (*member, error) {
	m := &member{nc: s.nc}
	err := m.joinWith(s)
	if err == nil { // the subscriptions are in force when the server has answered
		err = s.nc.FlushTimeout(handshakeTimeout)
	}
	if err != nil {
		m.end()
		return nil, fmt.Errorf("service: %w", err)
	}
	return m, nil
}

func (m *member) joinWith(s *Service) error {
	for _, e := range s.endpoints {
		if err := m.subscribe(e.subject, ckpt.QueueGroup, e.handler); err != nil {
			return err
		}
	}
	return s.discoverable(m)
}

// subscribe adds a subscription; with no queue group, one that hears all.
func (m *member) subscribe(subject, group string, handler nats.MsgHandler) error {
	sub, err := m.nc.QueueSubscribe(subject, group, handler)
	if err != nil {
		return fmt.Errorf("%s: %w", subject, err)
	}
	m.ended.Add(1)
	sub.SetClosedHandler(func(string) { m.ended.Done() })
	m.subs = append(m.subs, sub)
	return sub.SetPendingLimits(pendingRequests, pendingBytes)
}

// end takes the subscriptions off the bus. What the server had sent by then is
// handled still.
func (m *member) end() {
	for _, sub := range m.subs {
		_ = sub.Drain() // fails where the connection is closed: it has ended then
	}
}

// wait returns when all that was sent to the subscriptions is handled.
func (m *member) wait(ctx context.Context) error { return waitFor(ctx, &m.ended) }

// waitFor waits for a group, or returns the context's error.
func waitFor(ctx context.Context, group *sync.WaitGroup) error {
	over := make(chan struct{})
	go func() { group.Wait(); close(over) }()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("service: requests are still under way: %w", ctx.Err())
	}
}

// listen registers an operation that every replica answers: by a subscription
// in no queue group, which stays where the endpoints go, and which the caller
// ends. h answers before it returns, since a stop waits for nothing else of it.
func listen[Q, A any](s *Service, op ckpt.Op[Q, A], h func(r *call[Q, A])) (*nats.Subscription, error) {
	take := receive(s, op, nil, h)
	sub, err := s.nc.Subscribe(op.Subject(s.prefix), func(m *nats.Msg) {
		take(arrival{subject: m.Subject, inbox: m.Reply, payload: m.Data})
	})
	if err == nil {
		err = sub.SetPendingLimits(pendingRequests, pendingBytes)
	}
	if err != nil {
		return nil, fmt.Errorf("service: %w", err)
	}
	return sub, nil
}
