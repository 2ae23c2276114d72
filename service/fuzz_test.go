package service

import (
	"bytes"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nats.go"
)

// Whatever bytes an operation is sent, it answers; a success is a reply of the
// operation, a refusal is told by an error and leaves everything as it was.
func FuzzRequest(f *testing.F) {
	for i, op := range ckpt.Operations() {
		f.Add(uint8(i), []byte(pack(f, goodRequest(f, op))))
	}
	f.Add(uint8(3), []byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Add(uint8(9), []byte("\x82\xa9thread_id\x07\xa8messages\x91\x81\xaamessage_id\xcf\xff\xff\xff\xff\xff\xff\xff\xff"))
	h := startLocal(f, setting{options: []Option{AllowRelease()}})
	f.Fuzz(func(t *testing.T, n uint8, payload []byte) {
		op := ckpt.Operations()[int(n)%len(ckpt.Operations())]
		sent := bytes.Clone(payload)
		before := h.store.Revision()
		m, err := h.nc.RequestMsg(&nats.Msg{Subject: op.SubjectOf(h.prefix, h.replica), Data: payload}, patience)
		if err != nil {
			t.Fatalf("%s: %v", op.Name, err)
		}
		if !bytes.Equal(sent, payload) {
			t.Errorf("%s: the payload was written to", op.Name)
		}
		code := m.Header.Get(ckpt.HeaderErrorCode)
		reply := op.NewReply()
		if code != "" {
			reply = new(ckpt.Error)
		}
		if err := ckpt.Decode(m.Data, reply); err != nil {
			t.Errorf("%s: reply %x: %v", op.Name, m.Data, err)
		}
		switch after := h.store.Revision(); {
		case code == "500":
			t.Errorf("%s: %s", op.Name, m.Header.Get(ckpt.HeaderError))
		case (code != "" || !op.Writes) && after != before:
			t.Errorf("%s, answered with code %q, changed something", op.Name, code)
		case code == "" && ckpt.Check(payload) != nil:
			t.Errorf("%s took a payload that is not sound", op.Name)
		}
		// All that is listed is sound and can be read back.
		for _, raw := range listAll(t, h) {
			if err := ckpt.Decode(raw, new(ckpt.ThreadInfo)); err != nil {
				t.Errorf("after %s: record %x: %v", op.Name, []byte(raw), err)
			}
		}
	})
}

func listAll(t *testing.T, h *harness) []ckpt.Raw {
	t.Helper()
	var a ckpt.ThreadsListReply
	if err := h.store.ThreadsList(&ckpt.ThreadsListRequest{Page: ckpt.Page{Limit: 50}}, &a, h.millis()); err != nil {
		t.Fatal(err)
	}
	return a.Threads
}
