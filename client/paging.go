package client

import (
	"iter"

	"github.com/ckptbus/ckpt"
)

// Listed is a list that was read back. One that took several pages is not a
// snapshot. By offset, rows that were removed meanwhile shift those behind them, and
// the figures are those of the last page. For pages by cursor see [Cursor].
type Listed[T any] struct {
	Items      []T
	Metadata   map[string]any // of the last messages put with some; nil if none, and for threads
	Total      int            // rows that match, on every page together; 0 by cursor
	HasMore    bool           // rows follow behind these, beyond the limit
	NextOffset int            // the offset behind the last row; 0 by cursor
	NextCursor string         // the cursor behind the last row; empty by offset
	Revision   uint64         // of the thread or, for threads, of the latest change
}

func listed[T any](r *ckpt.Reply, p *ckpt.PageReply) Listed[T] {
	return Listed[T]{Total: p.Total, HasMore: p.HasMore, NextOffset: p.NextOffset, NextCursor: p.NextCursor, Revision: r.Revision}
}

// pages ranges over the pages from p on until the list or p's limit ends. The
// subject and the thread are those that fetch asks for.
func pages[T any](subject, thread string, p ckpt.Page, fetch func(ckpt.Page) (Listed[T], error)) iter.Seq2[Listed[T], error] {
	return func(yield func(Listed[T], error) bool) {
		for p := p; ; {
			l, err := fetch(p)
			if err == nil && l.HasMore {
				if e := advance(&p, l.NextOffset, l.NextCursor); e != nil {
					e.Subject, e.ThreadID = subject, thread
					err = e
				}
			}
			if !yield(l, err) || err != nil || !l.HasMore {
				return
			}
			if p.Limit > 0 {
				if p.Limit -= len(l.Items); p.Limit <= 0 {
					return
				}
			}
		}
	}
}

// advance makes p the page behind the one that was read.
func advance(p *ckpt.Page, offset int, cursor string) *ckpt.Error {
	if p.Cursor != "" {
		if cursor == "" || cursor == p.Cursor {
			return ckpt.Errorf(ckpt.Unknown, "the pages do not advance: next_cursor %q after %q", cursor, p.Cursor)
		}
		p.Cursor = cursor
		return nil
	}
	if offset <= p.Offset {
		return ckpt.Errorf(ckpt.Unknown, "the pages do not advance: next_offset %d after offset %d", offset, p.Offset)
	}
	p.Offset = offset
	return nil
}

// stable makes the pages of a list go by cursor, unless the caller has said where
// they begin.
func stable(p *ckpt.Page) {
	if p.Cursor == "" && p.Offset == 0 {
		p.Cursor = ckpt.FirstCursor
	}
}

// collect joins the pages.
func collect[T any](pages iter.Seq2[Listed[T], error]) (Listed[T], error) {
	var all []T
	var last Listed[T]
	for page, err := range pages {
		if err != nil {
			return Listed[T]{}, err
		}
		all, last = append(all, page.Items...), page
	}
	last.Items = all
	return last, nil
}

// rows ranges over the rows of the pages.
func rows[T any](pages iter.Seq2[Listed[T], error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for page, err := range pages {
			if err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
		}
	}
}
