package transfer

import (
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
)

// What is kept of a thread, and for how long, arrives with it.
func TestRoundTripOfRetention(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	from, to := newStore(t, srv, "from"), newStore(t, srv, "to")
	ctx := t.Context()
	for id, opts := range map[string][]client.RetainThreadOption{
		"fixed":   {client.TTL(time.Hour)},
		"sliding": {client.TTL(2 * time.Hour), client.Sliding(true), client.KeepMessages(7)},
		"pinned":  {client.TTL(time.Hour), client.Pinned(true)},
		"keep":    {client.KeepMessages(3)},
	} {
		must[ckpt.StatePutReply](t)(from.PutState(ctx, id, ckpt.Raw{1}))
		must[ckpt.ThreadsRetainReply](t)(from.RetainThread(ctx, id, opts...))
	}
	must[ckpt.ThreadsPutReply](t)(from.PutThread(ctx, ckpt.ThreadInfo{ThreadID: "fixed", ThreadName: "recorded"}))
	file, _ := from.export()
	if in := must[Imported](t)(to.load(file, verified)); in.Verified != 4 || !in.OK() {
		t.Errorf("%+v", in)
	}
	for _, id := range []string{"fixed", "sliding", "pinned", "keep"} {
		a, b := must[ckpt.ThreadInfo](t)(info(from, id)), must[ckpt.ThreadInfo](t)(info(to, id))
		if a.TTL != b.TTL || a.Sliding != b.Sliding || a.Pinned != b.Pinned || a.KeepMessages != b.KeepMessages || a.ThreadName != b.ThreadName {
			t.Errorf("%s: %+v became %+v", id, a, b)
		}
		if d := b.ExpiresAt.Sub(a.ExpiresAt); d < 0 || d > time.Minute {
			t.Errorf("%s: expires at %v, then %v", id, a.ExpiresAt, b.ExpiresAt)
		}
	}
}
