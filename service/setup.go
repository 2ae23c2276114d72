package service

import (
	"errors"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nats.go"
)

// setup answers the handshake.
func setup(r *call[ckpt.SetupRequest, ckpt.SetupReply]) {
	q := &r.q
	if q.Protocol != ckpt.Protocol {
		r.fail(ckpt.Errorf(ckpt.InvalidArgument, "protocol %d: this service speaks %d: use a client of that protocol", q.Protocol, ckpt.Protocol))
		return
	}
	r.log.Debug("setup", "client", q.Client)
	r.a = ckpt.SetupReply{
		Reply:    ckpt.Reply{Revision: r.store.Revision()},
		Service:  "ckpt",
		Version:  ckpt.Version,
		Protocol: ckpt.Protocol,
		Journal:  r.journal.Name(),
		Limits:   r.store.Limits(),
	}
	r.reply()
}

// release empties the store.
func release(r *call[ckpt.ReleaseRequest, ckpt.ReleaseReply]) {
	q := &r.q
	switch {
	case !r.allowRelease:
		r.fail(ckpt.Errorf(ckpt.PermissionDenied, "release is switched off: start the service with --allow-release"))
	case q.Confirm != r.prefix:
		r.fail(ckpt.Errorf(ckpt.InvalidArgument, "confirm is %.64q, want the subject prefix of the store to be emptied", q.Confirm))
	default:
		r.slowly(func() {
			r.hold()
			r.journal.Release(q.RequestID, r.millis(), func(a ckpt.ReleaseReply, err error) {
				defer r.release()
				if err != nil {
					r.fail(err)
					return
				}
				r.log.Warn("released", "threads", a.Removed.Threads, "messages", a.Removed.Messages)
				r.a = a
				r.reply()
			})
		})
	}
}

// handshakeTimeout bounds the round trips of a start. Whether another service is
// there is asked several times: a replica that has just lost its server answers none
// of the requests that are on their way to it.
const (
	handshakeTimeout  = 2 * time.Second
	handshakeAttempts = 5
)

// askOther sends the handshake until somebody answers or there is nobody.
func (s *Service) askOther(handshake []byte) (msg *nats.Msg, err error) {
	for range handshakeAttempts {
		msg, err = s.nc.Request(ckpt.Setup.Subject(s.prefix), handshake, handshakeTimeout)
		if !errors.Is(err, nats.ErrTimeout) || s.starting.Err() != nil {
			break
		}
		s.log.Debug("no answer to whether a service serves the prefix already")
	}
	return msg, err
}

// refuseOther is an error where a service answers on the prefix already that has
// not this one's store: each of the two would see half of the requests. Two
// memories are two stores, whatever their IDs.
func (s *Service) refuseOther() error {
	b, err := ckpt.Append(nil, &ckpt.SetupRequest{Client: "ckpt service", Protocol: ckpt.Protocol})
	if err != nil {
		return err
	}
	msg, err := s.askOther(b)
	if errors.Is(err, nats.ErrNoResponders) {
		return nil
	}
	if err != nil {
		return ckpt.Errorf(ckpt.Unavailable, "asking whether a service serves prefix %q already: %v", s.prefix, err)
	}
	var other ckpt.SetupReply
	switch err := ckpt.Decode(msg.Data, &other); {
	case len(msg.Header) > 0:
		return ckpt.Errorf(ckpt.Conflict, "the service that serves prefix %q speaks another protocol than %d (%s): stop it first, or choose another prefix",
			s.prefix, ckpt.Protocol, msg.Header.Get(ckpt.HeaderError))
	case err != nil || other.StoreID == "":
		return ckpt.Errorf(ckpt.Conflict, "another program answers on %s: choose another prefix", msg.Subject)
	case s.replicated && other.StoreID == s.journal.StoreID():
		return nil
	}
	return ckpt.Errorf(ckpt.Conflict, "a service serves prefix %q on this bus already, with store %s (%s), and a second one would split its data: stop that one, choose another prefix, or run both as replicas with --journal jetstream",
		s.prefix, other.StoreID, other.Journal)
}
