package store

import (
	"github.com/ckptbus/ckpt"
)

// rows gathers one page of a list from its rows in order: of a list that is
// paged by offset from all its rows, of one that is paged by cursor from those
// behind the cursor.
type rows struct {
	page     ckpt.Page
	byCursor bool
	fields   selection
	most     int // rows that the page may have
	room     int // bytes that the rows may still take
	list     []ckpt.Raw
	total    int  // rows seen
	full     bool // a row did not fit
	more     bool // of a page by cursor: a row was seen behind the page
}

// newRows checks the page of a request for rows that have the fields of known.
func (s *Store) newRows(p ckpt.Page, room int, known fieldNames) (rows, error) {
	r := rows{page: p, byCursor: p.Cursor != "", room: room, most: s.opts.Limits.Rows}
	switch {
	case p.Offset < 0:
		return r, ckpt.Errorf(ckpt.InvalidArgument, "offset %d: want 0 or more", p.Offset)
	case p.Limit < 0:
		return r, ckpt.Errorf(ckpt.InvalidArgument, "limit %d: want 0, for all, or more", p.Limit)
	case r.byCursor && p.Offset > 0:
		return r, ckpt.Errorf(ckpt.InvalidArgument, "offset %d beside a cursor: give one of them", p.Offset)
	case p.CountOnly && (r.byCursor || p.Offset > 0 || p.Limit > 0 || len(p.Select) > 0):
		return r, ckpt.Errorf(ckpt.InvalidArgument, "count_only beside cursor, offset, limit or select: it has no rows to choose from")
	}
	if p.Limit > 0 {
		r.most = min(r.most, p.Limit)
	}
	var err error
	r.fields, err = known.selection(p.Select)
	return r, err
}

// wants reports whether the next row may be on the page; where not, it only
// counts.
func (r *rows) wants() bool {
	return !r.full && !r.page.CountOnly && r.total >= r.page.Offset && len(r.list) < r.most
}

// add takes the next row and reports whether the page has it. One that does not
// fit ends the page; where it is the first, it has the page to itself, and the
// reply goes in parts.
func (r *rows) add(row ckpt.Raw) bool {
	if !r.wants() {
		r.pass()
		return false
	}
	row = r.fields.of(row)
	fits := len(row) <= r.room
	if !fits && len(r.list) > 0 {
		r.full = true
		r.pass()
		return false
	}
	r.list = append(r.list, row)
	r.room = max(r.room-len(row), 0)
	r.full = !fits
	r.total++
	return true
}

// pass counts a row that is not on the page.
func (r *rows) pass() {
	r.total++
	r.more = true
}

// done reports whether no further row makes a difference.
func (r *rows) done() bool { return r.byCursor && r.more }

// reply tells where the page lies; next is the cursor behind it, of a page by
// cursor.
func (r *rows) reply(next string) ckpt.PageReply {
	switch {
	case r.byCursor:
		return ckpt.PageReply{HasMore: r.more, NextCursor: next}
	case r.page.CountOnly:
		return ckpt.PageReply{Total: r.total}
	}
	end := min(r.page.Offset, r.total) + len(r.list)
	return ckpt.PageReply{Total: r.total, HasMore: end < r.total, NextOffset: end}
}

// rowsAtFirst bounds the rows of a page that have room before they are found,
// since its bytes may end it earlier.
const rowsAtFirst = 1024
