package client

import (
	"context"
	"iter"
	"time"

	"github.com/ckptbus/ckpt"
)

// StateVersion is a state that a thread has or had; see [ckpt.StateVersion].
type StateVersion[S any] struct {
	Revision  uint64
	UpdatedAt time.Time
	Size      int  // bytes of the state as it is stored
	Cleared   bool // there was no state from this revision on
	State     S    // the zero value where it was cleared, and unless [WithStates] is given
}

// ListStateHistory returns the states that the thread has and had, as far back as
// they are kept, newest first: all of them, from as many pages as it takes, or as
// many as [Limit] says. A thread that keeps none has an empty list.
func (c *Client[S]) ListStateHistory(ctx context.Context, thread string, opts ...StateHistoryOption) ([]StateVersion[S], error) {
	var all []StateVersion[S]
	for v, err := range c.StateHistory(ctx, thread, opts...) {
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// ListStateHistoryAsync is [Client.ListStateHistory] in a goroutine of its own.
func (c *Client[S]) ListStateHistoryAsync(ctx context.Context, thread string, opts ...StateHistoryOption) *Future[[]StateVersion[S]] {
	return background(func() ([]StateVersion[S], error) { return c.ListStateHistory(ctx, thread, opts...) })
}

// StateHistory ranges over what [Client.ListStateHistory] returns and holds one
// page at a time. An error is the last that it yields.
func (c *Client[S]) StateHistory(ctx context.Context, thread string, opts ...StateHistoryOption) iter.Seq2[StateVersion[S], error] {
	q := ckpt.StateHistoryRequest{ReadRef: ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{ThreadID: thread}}}
	for _, o := range opts {
		o.stateHistory(&q)
	}
	return func(yield func(StateVersion[S], error) bool) {
		for q := q; ; {
			k := newCall(ctx, c.transport, &ckpt.StateHistory, thread, itself)
			k.request = q
			page, err := k.encode(nil).result()
			if err == nil && page.HasMore && (page.Next == 0 || q.Before != 0 && page.Next >= q.Before) {
				e := ckpt.Errorf(ckpt.Unknown, "the pages do not advance: next %d before %d", page.Next, q.Before)
				e.Subject, e.ThreadID = ckpt.StateHistory.Subject(c.prefix), thread
				err = e
			}
			for i := 0; err == nil && i < len(page.Versions); i++ {
				var v StateVersion[S]
				if v, err = readVersion[S](&page.Versions[i]); err == nil && !yield(v, nil) {
					return
				}
			}
			if err != nil {
				yield(StateVersion[S]{}, err)
				return
			}
			if q.Limit > 0 {
				if q.Limit -= len(page.Versions); q.Limit <= 0 {
					return
				}
			}
			if q.Before = page.Next; !page.HasMore {
				return
			}
		}
	}
}

func readVersion[S any](v *ckpt.StateVersion) (StateVersion[S], error) {
	s := StateVersion[S]{Revision: v.Revision, UpdatedAt: v.UpdatedAt, Size: v.Size, Cleared: v.Cleared}
	if len(v.State) == 0 {
		return s, nil
	}
	err := decodeState(v.State, &s.State)
	return s, err
}

// RestoreState puts the state that the thread had at a revision again, as a new
// write, and with [WithMessages] its messages too; NotFound where the thread's
// history does not go back so far. Where there was no state then, it is cleared.
func (c *Client[S]) RestoreState(ctx context.Context, thread string, revision uint64, opts ...RestoreStateOption) (ckpt.StateRestoreReply, error) {
	return c.restoreState(ctx, thread, revision, opts).result()
}

// RestoreStateAsync is [Client.RestoreState] without waiting for the reply.
func (c *Client[S]) RestoreStateAsync(ctx context.Context, thread string, revision uint64, opts ...RestoreStateOption) *Future[ckpt.StateRestoreReply] {
	return c.restoreState(ctx, thread, revision, opts).begin()
}

func (c *Client[S]) restoreState(ctx context.Context, thread string, revision uint64, opts []RestoreStateOption) *Future[ckpt.StateRestoreReply] {
	k := newCall(ctx, c.transport, &ckpt.StateRestore, thread, itself)
	k.request = ckpt.StateRestoreRequest{WriteRef: write(thread), Revision: revision}
	for _, o := range opts {
		o.restoreState(&k.request)
	}
	return k.encode(nil)
}
