package client

import (
	"context"

	"github.com/ckptbus/ckpt"
)

// GetStates returns the states of those of the threads that have one, from as few
// requests as they fit. Each is as it was at a moment of its own. A thread that
// belongs to another user than the one of the option [User] is left out.
func (c *Client[S]) GetStates(ctx context.Context, threads []string, opts ...GetStatesOption) (map[string]Stored[S], error) {
	q := ckpt.StateManyRequest{}
	for _, o := range opts {
		o.getStates(&q)
	}
	states := make(map[string]Stored[S], len(threads))
	for len(threads) > 0 {
		k := newCall(ctx, c.transport, &ckpt.StateMany, "", itself)
		k.request = q
		k.request.ThreadIDs = threads[:min(len(threads), ckpt.MaxThreads)]
		asked := len(k.request.ThreadIDs)
		a, err := k.encode(nil).result()
		if err != nil {
			return nil, err
		}
		for i := range a.States {
			s := &a.States[i]
			stored := Stored[S]{Revision: s.Revision, UpdatedAt: s.UpdatedAt}
			if err := decodeState(s.State, &stored.Value); err != nil {
				return nil, err
			}
			states[s.ThreadID] = stored
		}
		if a.Next > 0 {
			asked = min(asked, a.Next)
		}
		threads = threads[asked:]
	}
	return states, nil
}

// GetStatesAsync is [Client.GetStates] in a goroutine of its own.
func (c *Client[S]) GetStatesAsync(ctx context.Context, threads []string, opts ...GetStatesOption) *Future[map[string]Stored[S]] {
	return background(func() (map[string]Stored[S], error) { return c.GetStates(ctx, threads, opts...) })
}
