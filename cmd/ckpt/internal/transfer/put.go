package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/wire"
)

// maxBatch bounds the bytes of one put of messages where the bus would carry
// more: larger ones gain nothing.
const maxBatch = 1 << 20

// put writes one thread from the lines of its section.
type put struct {
	ctx    context.Context
	client *client.Client[ckpt.Raw]
	limits ckpt.Limits
	ref    ckpt.WriteRef // names the owner, so that a thread without a record has it too

	batch []ckpt.Raw
	size  int // bytes of these

	counts  Counts // of what was written; the thread is counted at its end, where it is not empty
	expired int    // cached states whose time is over
}

// each calls do with the lines of the section in order.
func (s *section) each(do func(*Line) error) error {
	l := newLines(io.NewSectionReader(s.file.in, s.start, s.end-s.start))
	for n := range s.lines {
		line, err := l.next()
		if err == nil {
			var parsed Line
			if parsed, err = parseLine(line); err == nil {
				err = do(&parsed)
			}
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", s.line+n, err)
		}
	}
	return nil
}

// put writes the section's thread: what it holds and, last, its record, so that
// a thread with a record is one that is whole.
func (p *put) put(s *section) error {
	var first, record Line
	err := s.each(func(l *Line) error {
		if l.Kind != KindThread {
			return p.value(l)
		}
		info, err := l.info()
		if err != nil {
			return err
		}
		p.ref.ThreadID, p.ref.UserID = l.Thread, info.UserID
		if first = *l; !info.Bare {
			record = *l
		}
		return nil
	})
	if err == nil {
		err = p.flush()
	}
	if err == nil && record.Value != nil {
		_, err = client.Do(p.ctx, p.client, &ckpt.ThreadsPut, ckpt.ThreadsPutRequest{Record: putRecord(record.Value)})
	}
	if err == nil {
		err = p.retain(&first)
	}
	if err == nil && (record.Value != nil || p.counts.Lines() > 0) {
		p.counts.add(&first)
	}
	return err
}

// retain sets how long the thread is kept and how much of it, as it was; its
// lifetime begins anew.
func (p *put) retain(l *Line) error {
	info, err := l.info()
	if err != nil || info.TTL == 0 && !info.Pinned && info.KeepMessages == 0 {
		return err
	}
	q := ckpt.ThreadsRetainRequest{WriteRef: p.ref}
	if info.TTL > 0 {
		ttl := min(info.TTL, time.Duration(p.limits.TTL)*time.Millisecond)
		q.TTL, q.Sliding = &ttl, info.Sliding
	}
	if info.Pinned {
		q.Pinned = &info.Pinned
	}
	if info.KeepMessages > 0 {
		q.KeepMessages = &info.KeepMessages
	}
	_, err = client.Do(p.ctx, p.client, &ckpt.ThreadsRetain, q)
	return absent(err) // all that it held may have expired
}

// value puts one value, or takes it into the batch.
func (p *put) value(l *Line) (err error) {
	switch l.Kind {
	case KindState:
		_, err = client.Do(p.ctx, p.client, &ckpt.StatePut, ckpt.StatePutRequest{WriteRef: p.ref, State: l.Value})
	case KindCache:
		ttl := l.left()
		if ttl < 0 {
			p.expired++
			return nil
		}
		ttl = min(ttl, time.Duration(p.limits.TTL)*time.Millisecond)
		_, err = client.Do(p.ctx, p.client, &ckpt.CachePut, ckpt.CachePutRequest{WriteRef: p.ref, State: l.Value, TTL: ttl})
	case KindMessage:
		err = p.message(l.Value)
	case KindMetadata:
		if err = p.flush(); err == nil {
			_, err = client.Do(p.ctx, p.client, &ckpt.MessagesPut, ckpt.MessagesPutRequest{WriteRef: p.ref, Metadata: l.Value})
		}
	}
	if err == nil {
		p.counts.add(l)
	}
	return err
}

// left returns how long a cached state has to live in whole milliseconds: 0
// means for ever, less that its time is over.
func (l *Line) left() time.Duration {
	if l.ExpiresAt == 0 {
		return 0
	}
	left := time.Until(time.UnixMilli(l.ExpiresAt))
	if left <= 0 {
		return -1
	}
	return max(left, time.Millisecond)
}

// message adds a message to the batch, which is put where it has no more room. A
// message that no batch has room for is one by itself.
func (p *put) message(body ckpt.Raw) error {
	if len(p.batch) == p.limits.Batch || p.size+len(body) > min(p.limits.Page, maxBatch) {
		if err := p.flush(); err != nil {
			return err
		}
	}
	p.batch, p.size = append(p.batch, body), p.size+len(body)
	return nil
}

// flush puts the messages of the batch.
func (p *put) flush() error {
	if len(p.batch) == 0 {
		return nil
	}
	_, err := client.Do(p.ctx, p.client, &ckpt.MessagesPut, ckpt.MessagesPutRequest{WriteRef: p.ref, Messages: p.batch})
	p.batch, p.size = p.batch[:0], 0
	return err
}

// putRecord returns a record without what the service says itself, so that it
// is no larger than it was when it was put.
func putRecord(record ckpt.Raw) ckpt.Raw {
	n, pairs := 0, make([]byte, 0, len(record))
	for key, value := range record.Pairs {
		switch name, _ := key.Text(); string(name) {
		case "created_at", "bare", "origin", "expires_at", "ttl_ms", "sliding", "pinned", "keep_messages":
		default:
			n++
			pairs = append(append(pairs, key...), value...)
		}
	}
	return append(wire.AppendMapHeader(make([]byte, 0, len(pairs)+5), n), pairs...)
}

// absent passes over the answer that something is not there.
func absent(err error) error {
	if errors.Is(err, ckpt.ErrNotFound) {
		return nil
	}
	return err
}
