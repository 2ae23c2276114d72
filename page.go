package ckpt

import "github.com/ckptbus/ckpt/internal/wire"

// FirstCursor as the cursor of a request asks for the first page of a list that is
// paged by cursor.
const FirstCursor = "*"

// Page chooses the rows of a list.
//
// Without a cursor, Offset tells where the page begins, and the reply tells how
// many rows there are in all. Rows that come or go meanwhile shift those behind
// them. With a cursor, [FirstCursor] and then that of the reply before, a row
// that is in the list from the first page to the last comes exactly once,
// whatever others write meanwhile, and the rows are not counted.
type Page struct {
	// Search keeps the rows in which some string contains it, whatever its
	// case: any string value of a message's content at any depth, any value
	// of a thread's record. Empty keeps all rows.
	Search string
	Offset int // rows of the search's result to pass over
	Limit  int // rows at the most; 0 means all
	// Cursor is where the page begins: NextCursor of the reply before, to a
	// request for the same list in the same order. There must be no Offset then.
	Cursor  string
	Reverse bool // the last row first
	// CountOnly asks for the total alone. The request has no Offset, Limit, Cursor
	// and Select then.
	CountOnly bool
	// Select names the fields of a row that are wanted; the ID is always there.
	// None means all.
	Select []string
}

func (p *Page) fields(f *wire.Fields) {
	f.Optional("search", &p.Search)
	f.Optional("offset", &p.Offset)
	f.Optional("limit", &p.Limit)
	f.Optional("cursor", &p.Cursor)
	f.Optional("reverse", &p.Reverse)
	f.Optional("count_only", &p.CountOnly)
	f.Optional("select", &p.Select)
}

// PageReply tells where in a list the rows of a reply lie. A reply never
// exceeds what the bus carries, nor the rows of [Limits]: it ends early, and the
// next request continues at NextOffset or NextCursor, as this one was asked.
type PageReply struct {
	Total      int    // rows in all, on every page together; 0 in a list that is paged by cursor
	HasMore    bool   // rows follow behind these
	NextOffset int    // the offset behind the last row of this reply; 0 in a list that is paged by cursor
	NextCursor string // the cursor behind the last row of this reply; empty in a list that is paged by offset
}

func (p *PageReply) fields(f *wire.Fields) {
	if p.NextCursor == "" {
		f.Always("total", &p.Total)
		f.Required("has_more", &p.HasMore)
		f.Always("next_offset", &p.NextOffset)
	} else {
		f.Optional("total", &p.Total)
		f.Required("has_more", &p.HasMore)
		f.Optional("next_offset", &p.NextOffset)
	}
	f.Optional("next_cursor", &p.NextCursor)
}
