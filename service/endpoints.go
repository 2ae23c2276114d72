package service

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

// What may wait for one endpoint's handler. NATS drops what is over; its
// callers see a timeout and try again.
const (
	pendingRequests = 512 << 10
	pendingBytes    = 256 << 20
)

// handle registers an operation with an endpoint, which answers its share of
// the queue group's requests; see [receive].
func handle[Q, A any](s *Service, op ckpt.Op[Q, A], plan planner[Q, A], h func(r *call[Q, A])) {
	take := receive(s, op, plan, h)
	announce := announced(s, take)
	err := s.micro.AddEndpoint(strings.ReplaceAll(op.Name, ".", "-"), micro.HandlerFunc(func(m micro.Request) {
		a := arrival{subject: m.Subject(), inbox: m.Reply(), payload: m.Data(), endpoint: m}
		if header := m.Headers(); len(header) > 0 && header.Get(ckpt.HeaderUpload) != "" && !op.Replica {
			announce(a)
			return
		}
		take(a)
	}), micro.WithEndpointSubject(op.SubjectOf(s.prefix, s.replica)), micro.WithEndpointMetadata(map[string]string{
		"writes": strconv.FormatBool(op.Writes),
	}), micro.WithEndpointPendingLimits(pendingRequests, pendingBytes))
	if err != nil {
		panic(err) // the table's names are constants
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
