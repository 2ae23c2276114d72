package transfer

import (
	"context"
	"iter"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
)

// messages ranges over the messages of a thread as they are stored and holds
// one page at a time. An error is the last that it yields.
func messages(ctx context.Context, c *client.Client[ckpt.Raw], ref ckpt.ThreadRef) iter.Seq2[ckpt.Raw, error] {
	return func(yield func(ckpt.Raw, error) bool) {
		q := ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: ref}}
		for {
			page, err := client.Do(ctx, c, &ckpt.MessagesList, q)
			if err == nil && page.HasMore && page.NextOffset <= q.Offset {
				err = ckpt.Errorf(ckpt.Unknown, "the pages of messages do not advance behind offset %d", q.Offset)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for _, body := range page.Messages {
				if !yield(body, nil) {
					return
				}
			}
			if !page.HasMore {
				return
			}
			q.Offset = page.NextOffset
		}
	}
}
