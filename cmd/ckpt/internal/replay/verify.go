package replay

import (
	"bytes"
	"context"
	"fmt"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
)

// verifyOne reads back all that one conversation left in the store. What came
// back is compared in its encoded form, so that no difference is too small.
func (r *Run) verifyOne(ctx context.Context, f *figures, t *played, _ string) error {
	for _, read := range []func(context.Context, *figures, *played) error{
		r.verifyState, r.verifyCache, r.verifyMessages, r.verifyRecord,
	} {
		if err := read(ctx, f, t); err != nil {
			return err
		}
	}
	f.threads++
	r.o.Progress(len(t.Messages))
	return nil
}

func (r *Run) verifyState(ctx context.Context, f *figures, t *played) error {
	got, err := timed(f, ckpt.StateGet.OpInfo, func() (client.Stored[ckpt.Raw], error) {
		return r.client.GetState(ctx, t.thread, t.user())
	})
	if err == nil {
		r.compare(f, t, ckpt.StateGet.OpInfo, "state", t.state, got.Value)
	}
	return err
}

func (r *Run) verifyCache(ctx context.Context, f *figures, t *played) error {
	got, err := timed(f, ckpt.CacheGet.OpInfo, func() (client.Stored[ckpt.Raw], error) {
		return r.client.GetStateCache(ctx, t.thread, t.user())
	})
	if err == nil {
		r.compare(f, t, ckpt.CacheGet.OpInfo, "cached state", t.cache, got.Value)
	}
	return err
}

func (r *Run) verifyMessages(ctx context.Context, f *figures, t *played) error {
	got, err := timed(f, ckpt.MessagesList.OpInfo, func() (client.Listed[ckpt.Message], error) {
		return r.client.ListMessages(ctx, t.thread, t.user())
	})
	if err != nil {
		return err
	}
	if len(got.Items) != len(t.messages) {
		f.mismatches++
		r.note(t, "%d messages were sent, %d came back", len(t.messages), len(got.Items))
		return nil
	}
	for i := range got.Items {
		b, err := ckpt.Append(nil, &got.Items[i])
		if err != nil {
			return err
		}
		r.compare(f, t, ckpt.MessagesList.OpInfo, fmt.Sprintf("message %d", i+1), t.messages[i], b)
	}
	f.messages += len(got.Items)
	return nil
}

func (r *Run) verifyRecord(ctx context.Context, f *figures, t *played) error {
	got, err := timed(f, ckpt.ThreadsGet.OpInfo, func() (client.Stored[ckpt.ThreadInfo], error) {
		return r.client.GetThread(ctx, t.thread, t.user())
	})
	if err != nil {
		return err
	}
	stored, put := got.Value.AsPut(), t.record.AsPut()
	b, err := ckpt.Append(nil, &stored)
	if err != nil {
		return err
	}
	sent, err := ckpt.Append(nil, &put)
	if err != nil {
		return err
	}
	r.compare(f, t, ckpt.ThreadsGet.OpInfo, "record", sent, b)
	return nil
}

// compare counts what came back, and a mismatch where it is not what was sent.
func (r *Run) compare(f *figures, t *played, op ckpt.OpInfo, what string, sent, got []byte) {
	f.op(op.Name).bytes += int64(len(got))
	if !bytes.Equal(sent, got) {
		f.mismatches++
		r.note(t, "%s: %s", what, difference(sent, got))
	}
}

// difference tells where two byte slices part.
func difference(sent, got []byte) string {
	at := 0
	for at < min(len(sent), len(got)) && sent[at] == got[at] {
		at++
	}
	return fmt.Sprintf("%d bytes were sent, %d came back, different from byte %d on", len(sent), len(got), at)
}
