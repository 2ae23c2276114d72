package service

import (
	"strings"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/bus"
)

// Snapshots that exceed what the bus carries in one message come in parts, also
// between those of other records.
func TestRecordsInParts(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{MaxPayload: 8 << 10})
	replicas := g.startAll(2)
	l := g.load(4)
	c := g.client()
	text := strings.Repeat("x", 2000)
	for i := range 200 { // far more than one message carries, again and again
		for n := range 2 {
			m := ckpt.TextMessage(ckpt.RoleUser, text)
			m.MessageID = ckpt.IntID(int64(i % 40))
			if _, err := c.PutMessages(t.Context(), []string{"long", "longer"}[n], []ckpt.Message{m}); err != nil {
				t.Fatal(err)
			}
		}
	}
	l.unfailing()
	g.eventually("the head to be cut off", func() bool {
		info, err := g.js.StreamInfo(journalStream)
		return err == nil && info.State.FirstSeq > 1
	})
	l.verify(replicas...)
	if n := len(replicas[0].texts(t, "long")); n != 40 {
		t.Errorf("%d messages, want 40", n)
	}
}
