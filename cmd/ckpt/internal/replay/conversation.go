package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/ckptbus/ckpt"
)

// Conversation is one recorded conversation.
type Conversation struct {
	Source   string // the name that [Read] was given
	Number   int    // its place there, counted from 1
	UserID   string // what the recording names as user_id; empty if nothing
	Messages []ckpt.Message
}

// Read reads all conversations of r; name stands for r in errors, which tell
// the conversation, its line and what is wrong.
//
// The input is one JSON array, or any number of JSON values behind one another
// (JSONL). Each of its elements is a conversation: an object that holds its
// messages under traj or messages, or an array of messages. Elements that are
// messages themselves are one conversation together. Messages are those of
// OpenAI's chat format.
func Read(name string, r io.Reader) ([]Conversation, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	in := input{name, bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))} // a mark that some editors write
	values, err := in.values()
	if err != nil {
		return nil, err
	}
	if len(values) == 0 {
		return nil, fmt.Errorf("%s: no conversation in it", name)
	}
	if isMessage(values[0].raw) {
		var whole recording
		for _, v := range values {
			whole.Messages = append(whole.Messages, v.raw)
		}
		c, err := in.conversation(1, values[0], whole)
		return []Conversation{c}, err
	}
	list := make([]Conversation, len(values))
	for i, v := range values {
		rec, err := parseRecording(v.raw)
		if err != nil {
			return nil, in.errorf(i+1, v, "%w", err)
		}
		if list[i], err = in.conversation(i+1, v, rec); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// recording is a conversation as it stands in a file.
type recording struct {
	Messages []json.RawMessage
	UserID   string
}

// isMessage reports whether raw is a message and not a conversation.
func isMessage(raw json.RawMessage) bool {
	var m map[string]json.RawMessage
	return json.Unmarshal(raw, &m) == nil && m["role"] != nil && m["traj"] == nil && m["messages"] == nil
}

// parseRecording reads an object or an array of messages.
func parseRecording(raw json.RawMessage) (rec recording, err error) {
	list := raw
	switch raw[0] {
	case '[':
	case '{':
		var m map[string]json.RawMessage
		if err := json.Unmarshal(raw, &m); err != nil {
			return rec, err
		}
		key := "traj"
		switch {
		case m["traj"] == nil && m["messages"] == nil:
			return rec, errors.New("has neither traj nor messages")
		case m["traj"] != nil && m["messages"] != nil:
			return rec, errors.New("has both traj and messages: which of them is the conversation?")
		case m["messages"] != nil:
			key = "messages"
		}
		if list = m[key]; list[0] != '[' {
			return rec, fmt.Errorf("%s is %.40s, want an array of messages", key, list)
		}
		_ = json.Unmarshal(m["user_id"], &rec.UserID) // a user_id of another type is not one of ours
	default:
		return rec, fmt.Errorf("is %.40s, want an object or an array of messages", raw)
	}
	return rec, json.Unmarshal(list, &rec.Messages)
}

// conversation converts the recording that begins at v.
func (in input) conversation(number int, v value, rec recording) (Conversation, error) {
	c := Conversation{Source: in.name, Number: number, UserID: rec.UserID, Messages: make([]ckpt.Message, len(rec.Messages))}
	if len(rec.Messages) == 0 {
		return c, in.errorf(number, v, "has no messages")
	}
	if rec.UserID != "" {
		if err := ckpt.CheckID(rec.UserID); err != nil {
			return c, in.errorf(number, v, "user_id %w", err)
		}
	}
	for i, raw := range rec.Messages {
		var err error
		if c.Messages[i], err = parseMessage(raw); err != nil {
			return c, in.errorf(number, v, "message %d: %w", i+1, err)
		}
		c.Messages[i].MessageID = ckpt.IntID(int64(i + 1))
	}
	return c, nil
}
