package client_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/nats-io/nats.go"
)

// servePages serves threads.list with rows named 0 to rows-1, at most two in
// one reply, and sends each request that comes to the channel that it returns.
func servePages(t *testing.T, srv *bus.Server, rows int) <-chan ckpt.Page {
	asked := make(chan ckpt.Page, 100)
	serve(t, srv, ckpt.ThreadsList, func(_ int64, q *ckpt.ThreadsListRequest, m *nats.Msg) {
		asked <- q.Page
		n := 2
		if q.Limit > 0 {
			n = min(n, q.Limit)
		}
		start := q.Offset
		if q.Cursor != "" && q.Cursor != ckpt.FirstCursor {
			if _, err := fmt.Sscanf(q.Cursor, "at %d", &start); err != nil {
				t.Error(err)
			}
		}
		end := min(start+n, rows)
		var r ckpt.ThreadsListReply
		r.Revision = 9
		r.PageReply = ckpt.PageReply{Total: rows, HasMore: end < rows, NextOffset: end}
		if q.Cursor != "" {
			r.PageReply = ckpt.PageReply{HasMore: end < rows, NextCursor: fmt.Sprint("at ", end)}
		}
		for i := start; i < end; i++ {
			r.Threads = append(r.Threads, encode(t, &ckpt.ThreadInfo{ThreadID: fmt.Sprint(i)}))
		}
		answer(t, m, &r)
	})
	return asked
}

func TestPages(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		rows, offset, limit int
		first, end          int // the rows wanted
		pages               int
	}{
		{rows: 0, end: 0, pages: 1},
		{rows: 1, end: 1, pages: 1},
		{rows: 2, end: 2, pages: 1},
		{rows: 7, end: 7, pages: 4},
		{rows: 7, offset: 3, first: 3, end: 7, pages: 2},
		{rows: 7, limit: 1, end: 1, pages: 1},
		{rows: 7, limit: 2, end: 2, pages: 1},
		{rows: 7, limit: 3, end: 3, pages: 2},
		{rows: 7, offset: 1, limit: 5, first: 1, end: 6, pages: 3},
		{rows: 7, limit: 100, end: 7, pages: 4},
	} {
		t.Run(fmt.Sprintf("%+v", test), func(t *testing.T) {
			t.Parallel()
			srv := bustest.Start(t)
			c, _ := connect[string](t, srv)
			asked := servePages(t, srv, test.rows)
			var want []string
			for i := test.first; i < test.end; i++ {
				want = append(want, fmt.Sprint(i))
			}
			opts := []client.ListThreadsOption{client.Offset(test.offset), client.Limit(test.limit)}
			ids := func(l client.Listed[ckpt.ThreadInfo]) (ids []string) {
				for _, i := range l.Items {
					ids = append(ids, i.ThreadID)
				}
				return ids
			}
			for name, list := range map[string]func() (client.Listed[ckpt.ThreadInfo], error){
				"blocking": func() (client.Listed[ckpt.ThreadInfo], error) { return c.ListThreads(t.Context(), opts...) },
				"async": func() (client.Listed[ckpt.ThreadInfo], error) {
					return c.ListThreadsAsync(t.Context(), opts...).Wait(t.Context())
				},
			} {
				l, err := list()
				if err != nil || !slices.Equal(ids(l), want) {
					t.Errorf("%s: got %v, %v, want %v", name, ids(l), err, want)
				}
				if l.Total != test.rows || l.HasMore != (test.end < test.rows) || l.NextOffset != test.end || l.Revision != 9 {
					t.Errorf("%s: got %+v", name, l)
				}
			}
			var seen []string
			for info, err := range c.Threads(t.Context(), opts...) {
				if err != nil {
					t.Fatal(err)
				}
				seen = append(seen, info.ThreadID)
			}
			if !slices.Equal(seen, want) {
				t.Errorf("ranged over %v, want %v", seen, want)
			}
			if len(asked) != 3*test.pages {
				t.Errorf("took %d requests, want 3 times %d", len(asked), test.pages)
			}
			for range 2 * test.pages {
				if p := <-asked; p.Cursor != "" {
					t.Errorf("a list asks for %+v", p)
				}
			}
			for range test.pages {
				if p := <-asked; (p.Cursor == "") != (test.offset > 0) {
					t.Errorf("a range asks for %+v", p)
				}
			}
		})
	}
}

func TestPagesLeftEarly(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[string](t, srv)
	asked := servePages(t, srv, 100)
	n := 0
	for range c.Threads(t.Context()) {
		if n++; n == 3 {
			break
		}
	}
	if len(asked) != 2 {
		t.Fatalf("took %d requests, want 2", len(asked))
	}
}

func TestPagesThatFail(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	c, _ := connect[string](t, srv)
	serve(t, srv, ckpt.MessagesList, func(_ int64, q *ckpt.MessagesListRequest, m *nats.Msg) {
		next, second := q.Offset+1, q.Offset == 1 || q.Cursor == "1"
		switch {
		case q.ThreadID == "stands still" && second:
			next = 1
		case q.ThreadID == "refuses" && second:
			refuse(t, m, ckpt.Internal)
			return
		}
		message := ckpt.TextMessage(ckpt.RoleUser, "x")
		p := ckpt.PageReply{Total: 10, HasMore: true, NextOffset: next}
		if q.Cursor != "" {
			p = ckpt.PageReply{HasMore: true, NextCursor: fmt.Sprint(next)}
		}
		answer(t, m, &ckpt.MessagesListReply{PageReply: p, Messages: []ckpt.Raw{encode(t, &message)}})
	})
	for thread, want := range map[string]error{"stands still": ckpt.ErrUnknown, "refuses": ckpt.ErrInternal} {
		if _, err := c.ListMessages(t.Context(), thread); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", thread, err, want)
		}
		if _, err := c.ListMessagesAsync(t.Context(), thread).Wait(t.Context()); !errors.Is(err, want) || failure(t, err).ThreadID != thread {
			t.Errorf("%s: got %v, want %v", thread, err, want)
		}
		var last error
		n := 0
		for _, err := range c.Messages(t.Context(), thread) {
			n, last = n+1, err
		}
		if !errors.Is(last, want) || n != 2 {
			t.Errorf("%s: the %d. and last was %v, want %v", thread, n, last, want)
		}
	}
}
