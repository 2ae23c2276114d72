package service

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

// This file makes the service known to NATS tools, as one of the micro services of
// NATS: https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-32.md.

// serviceName is what such tools call the service.
const serviceName = "ckpt"

// discoverable has the service answer who it is: to all who ask for any service,
// for one of its name, or for this one by its ID, which is the replica's.
func (s *Service) discoverable(m *member) error {
	for verb, answer := range map[micro.Verb]func() any{
		micro.PingVerb:  func() any { return micro.Ping{ServiceIdentity: s.identity(), Type: micro.PingResponseType} },
		micro.InfoVerb:  func() any { return s.discoveryInfo() },
		micro.StatsVerb: func() any { return s.discoveryStats() },
	} {
		handler := func(msg *nats.Msg) {
			b, err := json.Marshal(answer())
			if err == nil {
				err = msg.Respond(b)
			}
			if err != nil {
				s.log.Warn("a service request was not answered", "subject", msg.Subject, "err", err)
			}
		}
		for _, of := range [][2]string{{"", ""}, {serviceName, ""}, {serviceName, s.replica}} {
			subject, err := micro.ControlSubject(verb, of[0], of[1])
			if err == nil {
				err = m.subscribe(subject, "", handler)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) identity() micro.ServiceIdentity {
	return micro.ServiceIdentity{
		Name: serviceName, ID: s.replica, Version: ckpt.Version,
		Metadata: map[string]string{
			"prefix": s.prefix, "store_id": s.StoreID(), "journal": s.journal.Name(), "protocol": strconv.Itoa(ckpt.Protocol), "replica": s.replica,
		},
	}
}

func (s *Service) discoveryInfo() micro.Info {
	info := micro.Info{ServiceIdentity: s.identity(), Type: micro.InfoResponseType, Description: "checkpoint store for AI agents"}
	for _, e := range s.endpoints {
		info.Endpoints = append(info.Endpoints, micro.EndpointInfo{
			Name: e.name(), Subject: e.subject, QueueGroup: ckpt.QueueGroup,
			Metadata: map[string]string{"writes": strconv.FormatBool(e.op.Writes)},
		})
	}
	return info
}

func (s *Service) discoveryStats() micro.Stats {
	stats := micro.Stats{ServiceIdentity: s.identity(), Type: micro.StatsResponseType, Started: s.started.UTC()}
	for _, e := range s.endpoints {
		told := &micro.EndpointStats{Name: e.name(), Subject: e.subject, QueueGroup: ckpt.QueueGroup}
		if m := s.measures[e.op.Name]; m != nil {
			requests, sum, latest := m.total()
			told.NumRequests, told.NumErrors, told.LastError = int(requests), int(m.errors.Load()), latest
			told.ProcessingTime, told.AverageProcessingTime = sum, sum/time.Duration(max(requests, 1))
		}
		stats.Endpoints = append(stats.Endpoints, told)
	}
	return stats
}

// name is the endpoint's in such tools, which allow no dots.
func (e *endpoint) name() string { return strings.ReplaceAll(e.op.Name, ".", "-") }
