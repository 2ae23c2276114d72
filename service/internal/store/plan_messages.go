package store

import (
	"bytes"
	"fmt"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

// PlanMessagesPut plans a messages.put.
func PlanMessagesPut(v *View, q *ckpt.MessagesPutRequest, a *ckpt.MessagesPutReply, e *Entry) error {
	var err error
	if e.Messages, a.MessageIDs, err = v.messages(q.Messages); err != nil {
		return err
	}
	if len(q.Messages) == 1 {
		e.Messages[0].keep = len(q.Metadata) < len(q.Messages[0])/8
	}
	a.Count = len(a.MessageIDs)
	if e.Latest, err = v.latest(q.KeepMessages); err != nil {
		return err
	}
	e.Metadata, err = v.metadata(q.Metadata)
	return err
}

// messages checks messages that are to be put and returns them with their IDs.
func (v *View) messages(bodies []ckpt.Raw) ([]message, []ckpt.MessageID, error) {
	limits := v.store.opts.Limits
	if len(bodies) > limits.Batch {
		return nil, nil, ckpt.Errorf(ckpt.TooLarge, "%d messages in one put, limit %d: put them in several", len(bodies), limits.Batch)
	}
	list := make([]message, len(bodies))
	ids := make([]ckpt.MessageID, len(bodies))
	size := 0 // of the IDs in the reply
	for i, body := range bodies {
		m, err := v.message(body)
		if err != nil {
			return nil, nil, inMessage(err, i)
		}
		list[i], ids[i] = m, m.id
		size += len(m.id.String()) + maxIDHeader
	}
	if size > limits.Page {
		return nil, nil, ckpt.TooLargef(size, limits.Page, "the reply with the IDs of %d messages does not fit the bus", len(bodies))
	}
	return list, ids, nil
}

// maxIDHeader is the longest header of a msgpack string of an ID's length.
const maxIDHeader = 3

// inMessage says which message of a request an error is about.
func inMessage(err error, i int) error {
	e, ok := err.(*ckpt.Error)
	if !ok {
		e = &ckpt.Error{Code: ckpt.InvalidArgument, Message: err.Error()}
	}
	e.Message = fmt.Sprintf("messages[%d]: %s", i, e.Message)
	return e
}

// message checks one message and gives it an ID where it has none.
func (v *View) message(body ckpt.Raw) (message, error) {
	if body.Kind() != wire.Map {
		return message{}, fmt.Errorf("is %s, want map", body.Kind())
	}
	var m message
	var found bool
	for key, value := range body.Pairs {
		name, ok := key.Text()
		if !ok {
			return message{}, fmt.Errorf("has a key that is %s, want string", key.Kind())
		}
		var err error
		switch string(name) {
		case "message_id":
			if found {
				err = fmt.Errorf("is there twice")
			} else if found = true; value.Kind() != wire.Nil {
				err = m.id.DecodeWire(value)
			}
		case "role":
			if role, e := value.Str(); e != nil {
				err = e
			} else {
				err = checkRole(role)
			}
		}
		if err != nil {
			return message{}, fmt.Errorf("%s %w", name, err)
		}
	}
	m.body = body
	if m.id.IsZero() {
		m.id = ckpt.StringID(v.store.opts.NewID())
		m.body = withID(body, m.id)
	}
	if limit := v.store.opts.Limits.Value; len(m.body) > limit {
		return message{}, ckpt.TooLargef(len(m.body), limit, "the message is over the limit of a value")
	}
	return m, nil
}

// maxRole is the longest role: a role is a token, not a text.
const maxRole = 64

func checkRole(role string) error {
	err := ckpt.CheckID(role)
	if err == nil && len(role) > maxRole {
		err = fmt.Errorf("has %d bytes, want 1 to %d", len(role), maxRole)
	}
	return err
}

// withID returns the message with its ID in front, and without a nil one.
func withID(body ckpt.Raw, id ckpt.MessageID) ckpt.Raw {
	n := 1
	var rest []byte
	for key, value := range body.Pairs {
		if name, _ := key.Text(); string(name) != "message_id" {
			n++
			rest = append(append(rest, key...), value...)
		}
	}
	b := wire.AppendStr(wire.AppendMapHeader(make([]byte, 0, len(body)+64), n), "message_id")
	b, _ = id.AppendWire(b) // an ID that was made here can be written
	return append(b, rest...)
}

// metadata returns message metadata that the store may keep, nil where it is
// empty.
func (v *View) metadata(raw ckpt.Raw) (ckpt.Raw, error) {
	if len(raw) == 0 || raw.Kind() == wire.Nil {
		return nil, nil
	}
	if raw.Kind() != wire.Map {
		return nil, ckpt.Errorf(ckpt.InvalidArgument, "field \"metadata\": is %s, want map", raw.Kind())
	}
	if limit := v.store.opts.Limits.Metadata; len(raw) > limit {
		return nil, ckpt.TooLargef(len(raw), limit, "the metadata is over its limit")
	}
	for range raw.Pairs {
		return bytes.Clone(raw), nil
	}
	return nil, nil
}
