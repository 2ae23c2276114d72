package service

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/nats-io/nats.go"
)

// In memory each change has a revision of its own, one above the one before, and
// what changes nothing takes none. Replicas promise less: what a record holds
// shares its revision.
func TestLocalRevisions(t *testing.T) {
	t.Parallel()
	h := startLocal(t, setting{options: []Option{AllowRelease()}})
	last := uint64(0)
	next := func(what string, revision uint64) {
		t.Helper()
		if last++; revision != last {
			t.Errorf("%s: revision %d, want %d", what, revision, last)
		}
	}
	for _, id := range []string{"t", "u"} {
		next("state", h.putState(id, ckpt.Raw{1}).Revision)
		next("messages", h.putMessages(id, textMessage(t, 1, "x")).Revision)
		next("record", h.putThread("thread_id", id).Revision)
	}
	do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: write1("nobody")})
	next("record_only", do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: write1("t"), RecordOnly: true}).Revision)
	do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: write1("t"), RecordOnly: true})
	next("record again", h.putThread("thread_id", "t").Revision)
	next("clean", do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: write1("t")}).Revision)
	h.putState("v", ckpt.Raw{1})
	last += 2 // it and one of the two threads that the release removes
	next("release", do(h, ckpt.Release, ckpt.ReleaseRequest{Confirm: h.prefix}).Revision)
}

// A replica does not join a service that speaks another protocol.
func TestAnotherProtocolRefused(t *testing.T) {
	t.Parallel()
	srv := bustest.StartJetStream(t, setting{}.bus)
	nc := bustest.Connect(t, srv)
	_, err := nc.Subscribe(ckpt.Setup.Subject(ckpt.DefaultPrefix), func(m *nats.Msg) {
		_ = m.RespondMsg(&nats.Msg{Header: nats.Header{
			ckpt.HeaderErrorCode: {fmt.Sprint(int(ckpt.InvalidArgument))},
			ckpt.HeaderError:     {"protocol 1: this service speaks 2"},
		}})
	})
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, opts := range [][]Option{{quiet}, {quiet, WithJetStream(Stream{Memory: true})}} {
		s, err := Start(bustest.Connect(t, srv), opts...)
		if e, ok := err.(*ckpt.Error); !ok || e.Code != ckpt.Conflict || !strings.Contains(e.Message, "another protocol") {
			t.Errorf("error %v, want CONFLICT that tells of the protocol", err)
		}
		if err == nil {
			stop(t, s)
		}
	}
}
