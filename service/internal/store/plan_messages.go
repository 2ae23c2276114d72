package store

import (
	"bytes"
	"fmt"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

// PlanMessagesPut plans a messages.put.
func PlanMessagesPut(v *View, q *ckpt.MessagesPutRequest, a *ckpt.MessagesPutReply, e *Entry) error {
	limits := v.store.opts.Limits
	if len(q.Messages) > limits.Batch {
		return ckpt.Errorf(ckpt.TooLarge, "%d messages in one put, limit %d: put them in several", len(q.Messages), limits.Batch)
	}
	e.Messages = make([]message, len(q.Messages))
	a.MessageIDs = make([]ckpt.MessageID, len(q.Messages))
	ids := 0 // bytes of the IDs in the reply
	for i, body := range q.Messages {
		m, err := v.message(body)
		if err != nil {
			return inMessage(err, i)
		}
		m.keep = len(q.Messages) == 1 && len(q.Metadata) < len(body)/8
		e.Messages[i], a.MessageIDs[i] = m, m.id
		ids += len(m.id.String()) + maxIDHeader
	}
	if ids > limits.Page {
		return ckpt.TooLargef(ids, limits.Page, "the reply with the IDs of %d messages does not fit the bus", len(q.Messages))
	}
	a.Count = len(a.MessageIDs)
	var err error
	if e.Keep, err = v.keep(q.KeepMessages); err != nil {
		return err
	}
	e.Metadata, err = v.metadata(q.Metadata)
	return err
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
			err = checkRole(value)
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
		return message{}, ckpt.TooLargef(len(m.body), limit, "the message does not fit the bus")
	}
	return m, nil
}

// maxRole is the longest role: a role is a token, not a text.
const maxRole = 64

func checkRole(value ckpt.Raw) error {
	role, err := value.Str()
	if err == nil {
		err = ckpt.CheckID(role)
	}
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

// PlanMessagesDelete plans a messages.delete.
func PlanMessagesDelete(v *View, q *ckpt.MessagesDeleteRequest, _ *ckpt.MessagesDeleteReply, e *Entry) error {
	if v.thread == nil {
		return v.noMessage(q.MessageID)
	}
	if _, ok := v.thread.messages.Get(&v.shard.heap, q.MessageID); !ok {
		return v.noMessage(q.MessageID)
	}
	e.Delete = []ckpt.MessageID{q.MessageID}
	return nil
}

func (v *View) noMessage(id ckpt.MessageID) error {
	return v.notFound("the thread has no message %q", id)
}
