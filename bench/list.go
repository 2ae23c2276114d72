package main

import (
	"fmt"
	"strings"

	"github.com/ckptbus/ckpt"
)

// messageBytes is the size of the messages that are listed and searched.
const messageBytes = 300

// fill puts n messages into a thread.
func (r *rig) fill(thread string, n int) error {
	const batch = 1000
	for done := 0; done < n; {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		q := ckpt.MessagesPutRequest{WriteRef: ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: thread}}}
		for ; done < n && len(q.Messages) < batch; done++ {
			b, err := message(done)
			if err != nil {
				return err
			}
			q.Messages = append(q.Messages, b)
		}
		if _, err := r.send(ckpt.MessagesPut.OpInfo, &q); err != nil {
			return err
		}
	}
	return nil
}

// message returns the n-th message, which has messageBytes.
func message(n int) (ckpt.Raw, error) {
	m := ckpt.TextMessage(ckpt.RoleUser, strings.Repeat("x", 100)) // whose length takes as many bytes as the text's will
	m.MessageID = ckpt.StringID(fmt.Sprintf("message-%012d", n))
	b, err := ckpt.Append(nil, &m)
	if err != nil {
		return nil, err
	}
	text := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 7)[:100+messageBytes-len(b)]
	m.Content = ckpt.TextMessage(ckpt.RoleUser, text).Content
	return ckpt.Append(nil, &m)
}

// lists compares the last messages of a thread with a responder that answers
// as many bytes, for threads of different lengths.
func lists(r *rig, b bounds, t *table) error {
	const last = 50
	t.begin(fmt.Sprintf("List the last %d messages of %d B, against a responder that answers as many bytes", last, messageBytes), "of")
	subject := ckpt.MessagesList.Subject(ckpt.DefaultPrefix)
	for i, n := range b.threads {
		thread := fmt.Sprintf("long-%d", i)
		if err := r.fill(thread, n); err != nil {
			return err
		}
		request, err := ckpt.Append(nil, &ckpt.MessagesListRequest{
			ReadRef: ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{ThreadID: thread}},
			Page:    ckpt.Page{Offset: max(0, n-last), Limit: last},
		})
		if err != nil {
			return err
		}
		reply, err := r.ask(subject, request)
		if err != nil {
			return err
		}
		bare := fmt.Sprintf("bare.messages.list%d", i)
		if err := r.respond(bare, reply); err != nil {
			return err
		}
		for _, inFlight := range b.inFlight {
			f, err := compare(b, inFlight, r.same(bare, request), r.same(subject, request))
			if err != nil {
				return err
			}
			t.add(f, 1, inFlight, fmt.Sprint(n))
		}
	}
	return nil
}
