package replay

import (
	"context"
	"path/filepath"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/google/uuid"
	"github.com/vmihailenco/msgpack/v5"
)

// played is a conversation and, encoded, what was sent of it last: what must
// come back.
type played struct {
	*Conversation
	thread   string
	messages [][]byte
	state    ckpt.Raw
	cache    ckpt.Raw
	record   ckpt.ThreadInfo
	left     bool               // a worker has left it in the midst
	failed   bool               // some request failed, so that nobody knows what is stored
	lease    client.WriteOption // that it is written under
	dies     bool               // its worker dies when it has played the first step
}

// newPlayed prepares a conversation, so that no time is spent on its encoding
// while others are timed.
func newPlayed(c *Conversation, thread string) (*played, error) {
	t := &played{Conversation: c, thread: thread, messages: make([][]byte, len(c.Messages))}
	for i := range c.Messages {
		var err error
		if t.messages[i], err = ckpt.Append(nil, &c.Messages[i]); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// user names the user in every request of the conversation.
func (t *played) user() client.User { return client.User(t.UserID) }

// playOne plays one conversation as an agent worker does: while it holds the lease
// of the thread, and where another had it before, from where that one came to.
func (r *Run) playOne(ctx context.Context, f *figures, t *played, worker string) error {
	ctx, die := context.WithCancelCause(ctx)
	defer die(nil) // which renews the lease no more
	lease, waited, ranOut, err := r.hold(ctx, f, t, worker)
	if err != nil {
		return err
	}
	t.lease = client.WithLease(lease.Token())
	state := ckpt.NewAgentState()
	state.ExecutionMeta.ThreadID = t.thread
	if ranOut || t.left {
		r.tookOver()
	}
	if waited || t.left {
		err = r.resume(lease.Context(), f, t, &state)
	}
	if err == nil {
		err = r.playSteps(lease.Context(), f, t, &state)
	}
	if err != nil {
		if lost(lease, err) {
			return errLeft
		}
		return err
	}
	_, err = timed(f, ckpt.LeasesRelease.OpInfo, func() (struct{}, error) { return struct{}{}, lease.Release(ctx) })
	return err
}

// playSteps plays what the state does not have yet. After each step it puts the
// step's messages and, for whoever goes on with the conversation, the state into the
// cache; at the end the state and the thread's record.
func (r *Run) playSteps(ctx context.Context, f *figures, t *played, state *ckpt.AgentState) error {
	done := len(state.Context)
	for step := range steps(t.Messages[done:]) {
		if err := r.putMessages(ctx, f, t, done, step); err != nil {
			return err
		}
		done += len(step)
		state.Context = t.Messages[:done]
		state.AdvanceStep()
		state.SetCurrentNode(nodeAfter(step))
		if err := r.putCache(ctx, f, t, state); err != nil {
			return err
		}
		r.o.Progress(len(step))
		if t.dies {
			t.dies = false
			return errLeft
		}
	}
	state.Complete()
	if err := r.putState(ctx, f, t, state); err != nil {
		return err
	}
	if err := r.putRecord(ctx, f, t, state.ExecutionMeta.Step); err != nil {
		return err
	}
	f.threads++
	f.messages += len(t.Messages)
	return nil
}

// putMessages puts a step's messages, before which so many others were done.
func (r *Run) putMessages(ctx context.Context, f *figures, t *played, done int, step []ckpt.Message) error {
	_, err := timed(f, ckpt.MessagesPut.OpInfo, func() (ckpt.MessagesPutReply, error) {
		return r.client.PutMessages(ctx, t.thread, step, t.user(), t.lease)
	})
	for _, b := range t.messages[done : done+len(step)] {
		f.op(ckpt.MessagesPut.Name).bytes += int64(len(b))
	}
	return err
}

func (r *Run) putCache(ctx context.Context, f *figures, t *played, state *ckpt.AgentState) (err error) {
	if t.cache, err = msgpack.Marshal(state); err != nil {
		return err
	}
	_, err = timed(f, ckpt.CachePut.OpInfo, func() (ckpt.CachePutReply, error) {
		return r.client.PutStateCache(ctx, t.thread, t.cache, t.user(), t.lease)
	})
	f.op(ckpt.CachePut.Name).bytes += int64(len(t.cache))
	return err
}

func (r *Run) putState(ctx context.Context, f *figures, t *played, state *ckpt.AgentState) (err error) {
	if t.state, err = msgpack.Marshal(state); err != nil {
		return err
	}
	_, err = timed(f, ckpt.StatePut.OpInfo, func() (ckpt.StatePutReply, error) {
		return r.client.PutState(ctx, t.thread, t.state, t.user(), t.lease)
	})
	f.op(ckpt.StatePut.Name).bytes += int64(len(t.state))
	return err
}

func (r *Run) putRecord(ctx context.Context, f *figures, t *played, steps int) error {
	t.record = ckpt.ThreadInfo{
		ThreadID:   t.thread,
		ThreadName: t.name(),
		UserID:     t.UserID,
		RunID:      uuid.NewString(),
		Metadata: map[string]any{
			"source":       filepath.Base(t.Source),
			"conversation": t.Number,
			"steps":        steps,
		},
		UpdatedAt: time.Now(),
	}
	b, err := ckpt.Append(nil, &t.record)
	if err != nil {
		return err
	}
	_, err = timed(f, ckpt.ThreadsPut.OpInfo, func() (ckpt.ThreadsPutReply, error) {
		return r.client.PutThread(ctx, t.record, t.lease)
	})
	f.op(ckpt.ThreadsPut.Name).bytes += int64(len(b))
	return err
}
