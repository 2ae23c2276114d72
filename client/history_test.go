package client_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/nats-io/nats.go"
)

// A history comes in as many pages as it takes, and no more than the limit.
func TestStateHistoryPages(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[string](t, srv)
	asked := make(chan ckpt.StateHistoryRequest, 100)
	serve(t, srv, ckpt.StateHistory, func(_ int64, q *ckpt.StateHistoryRequest, m *nats.Msg) {
		asked <- *q
		from := uint64(7) // revisions 7 to 1, at most two in one reply
		if q.Before != 0 {
			from = min(from, q.Before-1)
		}
		var r ckpt.StateHistoryReply
		for v := from; v > 0 && len(r.Versions) < 2 && (q.Limit == 0 || len(r.Versions) < q.Limit); v-- {
			r.Versions, r.Next = append(r.Versions, ckpt.StateVersion{Revision: v, UpdatedAt: time.UnixMilli(1), State: ckpt.Raw{0xa1, '0' + byte(v)}}), v
		}
		r.HasMore = r.Next > 1
		answer(t, m, &r)
	})
	for _, test := range []struct{ before, limit, first, last, pages int }{
		{0, 0, 7, 1, 4}, {5, 0, 4, 1, 2}, {0, 1, 7, 7, 1}, {0, 3, 7, 5, 2}, {0, 4, 7, 4, 2}, {7, 5, 6, 2, 3}, {0, 100, 7, 1, 4},
	} {
		got, err := c.ListStateHistory(t.Context(), "t", client.Before(test.before), client.Limit(test.limit))
		var want, revisions []int
		for v := test.first; v >= test.last; v-- {
			want = append(want, v)
		}
		for _, v := range got {
			if revisions = append(revisions, int(v.Revision)); v.State != fmt.Sprint(v.Revision) {
				t.Errorf("%+v: state %q of revision %d", test, v.State, v.Revision)
			}
		}
		if err != nil || !slices.Equal(revisions, want) || len(asked) != test.pages {
			t.Errorf("%+v: %v in %d pages, %v, want %v", test, revisions, len(asked), err, want)
		}
		for range len(asked) {
			<-asked
		}
	}
	for range c.StateHistory(t.Context(), "t") {
		break
	}
	if len(asked) != 1 {
		t.Errorf("%d pages were asked for where one row was wanted", len(asked))
	}
}

// Pages that do not advance, and states of another type, are errors.
func TestStateHistoryErrors(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[string](t, srv)
	serve(t, srv, ckpt.StateHistory, func(_ int64, q *ckpt.StateHistoryRequest, m *nats.Msg) {
		v := ckpt.StateVersion{Revision: 5, UpdatedAt: time.UnixMilli(1)}
		if q.States {
			v.State = ckpt.Raw{0x01}
		}
		answer(t, m, &ckpt.StateHistoryReply{HasMore: !q.States, Next: 5, Versions: []ckpt.StateVersion{v}})
	})
	for _, opts := range [][]client.StateHistoryOption{nil, {client.WithStates(true)}} {
		if _, err := c.ListStateHistory(t.Context(), "t", opts...); !errors.Is(err, ckpt.ErrUnknown) {
			t.Errorf("got %v", err)
		}
	}
}
