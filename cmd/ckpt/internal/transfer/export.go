package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
)

// ExportOptions say what an export is of.
type ExportOptions struct {
	Store    ckpt.SetupReply // what the service told of itself
	Prefix   string          // the subject prefix that it is asked under
	Progress func()          // called after each thread; nil for nobody
}

// Exported is what came of an export.
type Exported struct {
	Counts
	Gone    int      // threads that were removed before their turn came
	Changed []string // threads that changed while they were read: what the file has of each is not of one moment
	Took    time.Duration
}

// readings is how often a thread that changes meanwhile is read at the most.
const readings = 5

// Export writes the threads to w. An error is that of the service, of w or of
// ctx; what was written has no footer then.
func Export(ctx context.Context, c *client.Client[ckpt.Raw], w io.Writer, threads []string, o ExportOptions) (Exported, error) {
	start := time.Now()
	var done Exported
	out, err := newWriter(w, Header{
		Format: Format, Version: ckpt.Version, StoreID: o.Store.StoreID, Prefix: o.Prefix,
		ExportedAt: start.UTC().Truncate(time.Millisecond), Threads: len(threads),
	})
	if err != nil {
		return done, err
	}
	for _, id := range threads {
		if err := ctx.Err(); err != nil {
			return done, err
		}
		e := export{ctx: ctx, client: c, out: out, ref: ckpt.ThreadRef{ThreadID: id}}
		if err := e.thread(&done); err != nil {
			return done, err
		}
		if o.Progress != nil {
			o.Progress()
		}
	}
	done.Counts, done.Took = out.counts, time.Since(start)
	return done, out.end()
}

// export reads one thread.
type export struct {
	ctx    context.Context
	client *client.Client[ckpt.Raw]
	out    *writer
	ref    ckpt.ThreadRef
}

// thread writes the thread as it was at one moment: where its revision moved
// while it was read, it is read again. One that changes all the time, or is too
// large to be held, is written as it was found, and told.
func (e *export) thread(done *Exported) error {
	for n := 1; ; n++ {
		same, err := e.read()
		switch {
		case errors.Is(err, errGone):
			done.Gone++
			return nil
		case err != nil:
			return fmt.Errorf("thread %q: %w", e.ref.ThreadID, err)
		case same:
			return e.out.commit()
		case n == readings || e.out.spilled:
			done.Changed = append(done.Changed, e.ref.ThreadID)
			return e.out.commit()
		}
		e.out.drop()
	}
}

// errGone says that there is no such thread any more.
var errGone = errors.New("the thread is gone")

// read adds the thread's lines to the draft and reports whether its revision
// stayed the same.
func (e *export) read() (same bool, err error) {
	record, err := client.Do(e.ctx, e.client, &ckpt.ThreadsGet, ckpt.ThreadsGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: e.ref}})
	if errors.Is(err, ckpt.ErrNotFound) {
		return false, errGone
	}
	if err == nil {
		err = e.add(Line{Kind: KindThread, Value: record.Record})
	}
	if err == nil {
		err = e.states()
	}
	if err == nil {
		err = e.messages()
	}
	if err != nil {
		return false, err
	}
	// Behind the end there is always room for the metadata. As the last
	// answer it also tells the revision that the others must have had.
	last, err := client.Do(e.ctx, e.client, &ckpt.MessagesList, ckpt.MessagesListRequest{
		ReadRef: ckpt.ReadRef{ThreadRef: e.ref}, Page: ckpt.Page{Offset: math.MaxInt32, Limit: 1},
	})
	if err == nil && len(last.Metadata) > 0 {
		err = e.add(Line{Kind: KindMetadata, Value: last.Metadata})
	}
	return last.Revision == record.Revision, err
}

func (e *export) add(l Line) error {
	l.Thread = e.ref.ThreadID
	return e.out.add(l)
}

func (e *export) states() error {
	state, err := client.Do(e.ctx, e.client, &ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: e.ref}})
	if err == nil {
		err = e.add(Line{Kind: KindState, Value: state.State})
	}
	if err != nil && !errors.Is(err, ckpt.ErrNotFound) {
		return err
	}
	cache, err := client.Do(e.ctx, e.client, &ckpt.CacheGet, ckpt.CacheGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: e.ref}})
	if err == nil {
		l := Line{Kind: KindCache, Value: cache.State}
		if !cache.ExpiresAt.IsZero() {
			l.ExpiresAt = cache.ExpiresAt.UnixMilli()
		}
		err = e.add(l)
	}
	if errors.Is(err, ckpt.ErrNotFound) {
		return nil
	}
	return err
}

func (e *export) messages() error {
	for body, err := range messages(e.ctx, e.client, e.ref) {
		if err != nil {
			return err
		}
		if err := e.add(Line{Kind: KindMessage, Value: body}); err != nil {
			return err
		}
	}
	return nil
}
