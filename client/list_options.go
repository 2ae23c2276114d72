package client

import (
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

// Cursor pages a list by cursor: from [ckpt.FirstCursor] on, or from the NextCursor
// of an earlier [Listed] of the same list. Then a row that is there all the
// time comes exactly once, whatever others write, and the rows are not counted. The
// methods that range over a list do so by themselves, unless [Offset] is given.
type Cursor string

func (c Cursor) listMessages(q *ckpt.MessagesListRequest) { q.Cursor = string(c) }
func (c Cursor) listThreads(q *ckpt.ThreadsListRequest)   { q.Cursor = string(c) }

// Reverse, if true, lists the last row first.
type Reverse bool

func (r Reverse) listMessages(q *ckpt.MessagesListRequest) { q.Reverse = bool(r) }
func (r Reverse) listThreads(q *ckpt.ThreadsListRequest)   { q.Reverse = bool(r) }

// Select names the fields that are wanted of a message or a record; the others are
// empty. The ID is always there. None means all.
type Select []string

func (s Select) listMessages(q *ckpt.MessagesListRequest) { q.Select = s }
func (s Select) listThreads(q *ckpt.ThreadsListRequest)   { q.Select = s }

// Role keeps the messages of a role; empty keeps all.
type Role ckpt.Role

func (r Role) listMessages(q *ckpt.MessagesListRequest) { q.Role = ckpt.Role(r) }

// Between keeps the messages whose timestamp is From or later and before Until;
// the zero time is no bound.
type Between struct{ From, Until time.Time }

func (b Between) listMessages(q *ckpt.MessagesListRequest) {
	q.From, q.Until = seconds(b.From), seconds(b.Until)
}

// seconds is a time as the timestamp of a message.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMicro()) / 1e6
}

// CreatedBetween keeps the threads that were created at From or later and before
// Until; the zero time is no bound.
type CreatedBetween struct{ From, Until time.Time }

func (b CreatedBetween) listThreads(q *ckpt.ThreadsListRequest) {
	q.CreatedFrom, q.CreatedUntil = b.From, b.Until
}

// UpdatedBetween keeps the threads whose UpdatedAt is From or later and before
// Until; the zero time is no bound.
type UpdatedBetween struct{ From, Until time.Time }

func (b UpdatedBetween) listThreads(q *ckpt.ThreadsListRequest) {
	q.UpdatedFrom, q.UpdatedUntil = b.From, b.Until
}

// OrderBy orders threads; [ckpt.OrderCreated] is the default.
type OrderBy ckpt.ThreadOrder

func (o OrderBy) listThreads(q *ckpt.ThreadsListRequest) { q.Order = ckpt.ThreadOrder(o) }

// WhereMetadata keeps the messages, or the threads in whose record, the metadata
// have each of the pairs. Numbers are equal whatever their type.
type WhereMetadata map[string]any

func (w WhereMetadata) listMessages(q *ckpt.MessagesListRequest) { q.Metadata, _ = w.encode() }
func (w WhereMetadata) listThreads(q *ckpt.ThreadsListRequest)   { q.Metadata, _ = w.encode() }

func (w WhereMetadata) encode() (ckpt.Raw, error) {
	if len(w) == 0 {
		return nil, nil
	}
	return wire.AppendAny(nil, map[string]any(w))
}

// fault returns why one of the options cannot be sent.
func fault[O any](opts []O) error {
	for _, o := range opts {
		if w, ok := any(o).(WhereMetadata); ok {
			if _, err := w.encode(); err != nil {
				return err
			}
		}
	}
	return nil
}
