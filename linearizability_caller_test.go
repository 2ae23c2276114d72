package ckpt_test

import (
	"context"
	"errors"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
)

// caller carries out requests, one after the other.
type caller interface {
	do(ctx context.Context, q request) (response, error)
}

// padded is a state whose size makes the journal grow.
type padded struct {
	Value   int64
	Padding []byte
}

// storeCaller carries requests out through a client.
type storeCaller struct {
	*client.Client[padded]
	linearizable client.Linearizable
	padding      []byte
}

func (c *storeCaller) do(ctx context.Context, q request) (r response, err error) {
	r, err = c.ask(ctx, q)
	var e *ckpt.Error
	if errors.As(err, &e) && e.Code == ckpt.NotFound && (q.kind == getState || q.kind == deleteMessage) {
		return response{revision: e.Revision, known: e.Known.Revision}, nil
	}
	return r, err
}

func (c *storeCaller) ask(ctx context.Context, q request) (r response, err error) {
	switch q.kind {
	case putState:
		a, err := c.PutState(ctx, q.thread, padded{q.value, c.padding})
		return response{found: true, revision: a.Revision}, err
	case getState:
		a, err := c.GetState(ctx, q.thread, c.linearizable)
		return response{found: true, value: a.Value.Value, revision: a.Revision}, err
	case clearState:
		a, err := c.ClearState(ctx, q.thread)
		return response{found: a.Cleared, revision: a.Revision}, err
	case putMessages:
		a, err := c.PutMessages(ctx, q.thread, messagesOf(q))
		return response{found: true, messages: bracketed(a.MessageIDs), revision: a.Revision}, err
	case commitThread:
		a, err := c.Commit(ctx, q.thread, client.Commit[padded]{
			State: &padded{q.value, c.padding}, Messages: messagesOf(q), Delete: []ckpt.MessageID{ckpt.IntID(q.delete)}})
		return response{found: true, messages: bracketed(a.MessageIDs), revision: a.Revision}, err
	case listMessages:
		a, err := c.ListMessages(ctx, q.thread, c.linearizable)
		r = response{found: true, revision: a.Revision}
		for _, m := range a.Items {
			r.messages += messageIDs("[" + m.MessageID.String() + "]")
		}
		return r, err
	case deleteMessage:
		a, err := c.DeleteMessage(ctx, q.thread, ckpt.IntID(q.value))
		return response{found: true, revision: a.Revision}, err
	case cleanThread:
		a, err := c.CleanThread(ctx, q.thread)
		return response{found: a.Cleaned, revision: a.Revision}, err
	}
	panic("no such kind of request: " + q.kind)
}

// messagesOf returns the messages to put.
func messagesOf(q request) (list []ckpt.Message) {
	for _, id := range q.ids() {
		m := ckpt.TextMessage(ckpt.RoleUser, "")
		m.MessageID = ckpt.IntID(id)
		list = append(list, m)
	}
	return list
}

func bracketed(ids []ckpt.MessageID) (m messageIDs) {
	for _, id := range ids {
		m += messageIDs("[" + id.String() + "]")
	}
	return m
}
