package client_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/nats-io/nats.go"
)

// foreign is {"x": 1, "role": "user", "delta": false, "message_id": 7}, which
// ckpt.Message would write in another order, with the 7 in one byte.
const foreign = "\x84\xa1x\xcd\x00\x01\xa4role\xa4user\xa5delta\xc2\xaamessage_id\xcd\x00\x07"

// What is put raw comes back raw, also between calls of the methods.
func TestDo(t *testing.T) {
	t.Parallel()
	c, _ := connect[ckpt.Raw](t, store(t, bus.Options{}))
	ctx := within(t, patience)
	for range 3 {
		q := ckpt.MessagesPutRequest{Messages: []ckpt.Raw{ckpt.Raw(foreign)}, Metadata: ckpt.Raw("\x81\xa1k\xcd\x00\x01")}
		q.ThreadID = "t"
		must[ckpt.MessagesPutReply](t)(client.Do(ctx, c, &ckpt.MessagesPut, q))
		must[client.Listed[ckpt.Message]](t)(c.ListMessages(ctx, "t"))
		got := must[ckpt.MessagesListReply](t)(client.Do(ctx, c, &ckpt.MessagesList, ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: q.ThreadRef}}))
		if len(got.Messages) != 1 || !bytes.Equal(got.Messages[0], q.Messages[0]) || !bytes.Equal(got.Metadata, q.Metadata) {
			t.Errorf("got %x, metadata %x", got.Messages, got.Metadata)
		}
	}
	_, err := client.Do(ctx, c, &ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{ThreadID: "none"}}})
	if e := failure(t, err); !errors.Is(err, ckpt.ErrNotFound) || e.ThreadID != "none" {
		t.Errorf("%v", err)
	}
}

func TestDoRequestIDs(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[ckpt.Raw](t, srv)
	var ids []string
	serve(t, srv, ckpt.StatePut, func(_ int64, q *ckpt.StatePutRequest, m *nats.Msg) {
		ids = append(ids, q.RequestID)
		answer(t, m, putReply(1))
	})
	serve(t, srv, ckpt.ThreadsPut, func(_ int64, q *ckpt.ThreadsPutRequest, m *nats.Msg) {
		ids = append(ids, q.RequestID)
		answer(t, m, &ckpt.ThreadsPutReply{})
	})
	ctx := within(t, patience)
	q := ckpt.StatePutRequest{State: ckpt.Raw{0xc0}}
	q.ThreadID = "t"
	for _, id := range []string{"", "mine"} {
		q.RequestID = id
		must[ckpt.StatePutReply](t)(client.Do(ctx, c, &ckpt.StatePut, q))
	}
	must[ckpt.ThreadsPutReply](t)(client.Do(ctx, c, &ckpt.ThreadsPut, ckpt.ThreadsPutRequest{Record: ckpt.Raw{0x80}}))
	c.Close()
	if len(ids) != 3 || ids[0] == "" || ids[1] != "mine" || ids[2] == "" {
		t.Errorf("request IDs %q", ids)
	}
}
