package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
)

// List returns the IDs of all threads in the order of their creation. None is
// left out that is there all the time, though others are removed meanwhile and
// shift the pages. perPage bounds the threads of one page; 0 means
// as many as fit.
func List(ctx context.Context, c *client.Client[ckpt.Raw], perPage int) ([]string, error) {
	var ids []string
	seen := make(map[string]bool)
	for offset := 0; ; {
		page, more, err := threadPage(ctx, c, ckpt.Page{Offset: offset, Limit: perPage})
		if err != nil {
			return nil, err
		}
		if offset > 0 {
			// The thread before the page must be one that was seen. Else
			// some were removed, and those behind took their places.
			before, _, err := threadPage(ctx, c, ckpt.Page{Offset: offset - 1, Limit: 1})
			if err != nil {
				return nil, err
			}
			if len(before) == 0 || !seen[before[0]] {
				offset /= 2
				continue
			}
		}
		for _, id := range page {
			if !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
		if offset += len(page); !more {
			return ids, nil
		}
	}
}

// threadPage returns the IDs on one page of threads, and whether more follow.
func threadPage(ctx context.Context, c *client.Client[ckpt.Raw], p ckpt.Page) ([]string, bool, error) {
	reply, err := client.Do(ctx, c, &ckpt.ThreadsList, ckpt.ThreadsListRequest{Page: p})
	if err != nil {
		return nil, false, err
	}
	if reply.HasMore && len(reply.Threads) == 0 {
		return nil, false, ckpt.Errorf(ckpt.Unknown, "a page of threads is empty and others follow")
	}
	ids := make([]string, len(reply.Threads))
	for i, record := range reply.Threads {
		var info ckpt.ThreadInfo
		if err := ckpt.Decode(record, &info); err != nil {
			return nil, false, fmt.Errorf("record %d of the threads: %w", p.Offset+i, err)
		}
		ids[i] = info.ThreadID
	}
	return ids, reply.HasMore, nil
}

// Find returns the named threads without repetitions, an error where one of
// them is not there.
func Find(ctx context.Context, c *client.Client[ckpt.Raw], names []string) ([]string, error) {
	var ids, missing []string
	for _, name := range names {
		if slices.Contains(ids, name) {
			continue
		}
		switch _, err := c.GetThread(ctx, name); {
		case errors.Is(err, ckpt.ErrNotFound):
			missing = append(missing, name)
		case err != nil:
			return nil, err
		}
		ids = append(ids, name)
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("no such thread: %s", Some(missing))
	}
	return ids, nil
}
