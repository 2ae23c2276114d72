package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
)

// verify reads back one thread and compares it with the lines of its section.
type verify struct {
	ctx    context.Context
	client *client.Client[ckpt.Raw]
	ref    ckpt.ThreadRef
	merged bool // the thread may hold more than the file has of it
}

func (v *verify) verify(s *section) error {
	next, stop := iter.Pull2(messages(v.ctx, v.client, v.ref))
	defer stop()
	err := s.each(func(l *Line) error {
		switch l.Kind {
		case KindThread:
			return v.record(l)
		case KindState:
			got, err := client.Do(v.ctx, v.client, &ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: v.ref}})
			return compare(l.Kind, l.Value, got.State, absent(err))
		case KindCache:
			return v.cache(l)
		case KindMessage:
			if v.merged {
				return v.message(l)
			}
			body, err, _ := next()
			return compare(l.Kind, l.Value, body, err)
		default:
			got, err := client.Do(v.ctx, v.client, &ckpt.MessagesList, ckpt.MessagesListRequest{
				ReadRef: ckpt.ReadRef{ThreadRef: v.ref}, Page: ckpt.Page{Offset: math.MaxInt32, Limit: 1},
			})
			return compare(l.Kind, l.Value, got.Metadata, err)
		}
	})
	if err != nil || v.merged {
		return err
	}
	switch _, err, more := next(); {
	case err != nil:
		return err
	case more:
		return fmt.Errorf("%w: it has more messages than the file", errDiffers)
	}
	return nil
}

// record compares the record without what is the service's own. Of a thread
// that has none, only the owner is left to compare.
func (v *verify) record(l *Line) error {
	got, err := client.Do(v.ctx, v.client, &ckpt.ThreadsGet, ckpt.ThreadsGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: v.ref}})
	sent, infoErr := l.info()
	switch {
	case infoErr != nil:
		return infoErr
	case errors.Is(err, ckpt.ErrNotFound) && sent.Bare:
		return nil // what is missing shows below, unless all of it has expired
	case err != nil:
		return compare(l.Kind, l.Value, nil, absent(err))
	}
	if !sent.Bare {
		return compare(l.Kind, putRecord(l.Value), putRecord(got.Record), nil)
	}
	var info ckpt.ThreadInfo
	if err := ckpt.Decode(got.Record, &info); err != nil {
		return err
	}
	if sent.UserID != "" && info.UserID != sent.UserID || !v.merged && (info.UserID != sent.UserID || !info.Bare) {
		return fmt.Errorf("%w: it belongs to %q, not to %q, or has a record", errDiffers, info.UserID, sent.UserID)
	}
	return nil
}

// cache compares a cached state, unless it has expired by now.
func (v *verify) cache(l *Line) error {
	got, err := client.Do(v.ctx, v.client, &ckpt.CacheGet, ckpt.CacheGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: v.ref}})
	if errors.Is(err, ckpt.ErrNotFound) && l.left() < 0 {
		return nil
	}
	if err == nil && got.ExpiresAt.IsZero() != (l.ExpiresAt == 0) {
		return fmt.Errorf("%w: the cached state expires %v", errDiffers, got.ExpiresAt)
	}
	return compare(l.Kind, l.Value, got.State, absent(err))
}

// message compares one message among others.
func (v *verify) message(l *Line) error {
	id, err := l.messageID()
	if err != nil {
		return err
	}
	got, err := client.Do(v.ctx, v.client, &ckpt.MessagesGet, ckpt.MessagesGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: v.ref}, MessageID: id})
	return compare(l.Kind, l.Value, got.Message, absent(err))
}

// compare is the error of a value that came back otherwise, or not at all.
func compare(kind Kind, sent, got []byte, err error) error {
	switch {
	case err != nil:
		return err
	case got == nil:
		return fmt.Errorf("%w: the %s is missing", errDiffers, kind)
	case !bytes.Equal(sent, got):
		return fmt.Errorf("%w: the %s has %d bytes, not the same as the %d in the file", errDiffers, kind, len(got), len(sent))
	}
	return nil
}
