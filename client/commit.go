package client

import (
	"context"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
	"github.com/nats-io/nuid"
)

// Commit is what [Client.Commit] changes of a thread, all at once; what is empty
// stays as it is.
type Commit[S any] struct {
	State      *S             // the new state
	ClearState bool           // removes the state; not beside State
	Keep       *int           // how many earlier states the thread keeps, as [Keep]; nil: as before. Only beside one of these
	Cache      *S             // the new cached state
	CacheTTL   time.Duration  // how long that lives; 0: for ever
	ClearCache bool           // removes the cached state; not beside Cache
	Messages   []ckpt.Message // to put, as by [Client.PutMessages]
	Metadata   map[string]any // of the messages, as [Metadata]
	// Delete are messages to remove, before others are put; those that are not
	// there are passed over.
	Delete []ckpt.MessageID
	Thread *ckpt.ThreadInfo // the thread's record; without an ID it is given the thread's
}

// ThreadCommit is the part of a transaction that is about one thread.
type ThreadCommit[S any] struct {
	Thread string
	User   string // as the option [User]
	// Expected is the revision that the thread must have; nil for any, 0 where it
	// must not exist.
	Expected *uint64
	Commit[S]
}

// Commit changes the thread in several ways as one write: all of it is done, with
// one revision and one event, or nothing.
func (c *Client[S]) Commit(ctx context.Context, thread string, commit Commit[S], opts ...CommitOption) (ckpt.ThreadsCommitReply, error) {
	return c.commit(ctx, thread, &commit, opts).result()
}

// CommitAsync is [Client.Commit] without waiting for the reply. The changes are
// encoded before it returns.
func (c *Client[S]) CommitAsync(ctx context.Context, thread string, commit Commit[S], opts ...CommitOption) *Future[ckpt.ThreadsCommitReply] {
	return c.commit(ctx, thread, &commit, opts).begin()
}

func (c *Client[S]) commit(ctx context.Context, thread string, commit *Commit[S], opts []CommitOption) *Future[ckpt.ThreadsCommitReply] {
	k := newCall(ctx, c.transport, &ckpt.ThreadsCommit, thread, itself)
	k.request.WriteRef = write(thread)
	for _, o := range opts {
		o.commit(&k.request)
	}
	return k.encode(commit.encode(thread, &k.request.Changes))
}

// Transact commits to several threads: to all of them, each on its own condition,
// or to none. All that change have one revision. No thread may be there twice, and
// at most [ckpt.MaxThreads] may be there.
func (c *Client[S]) Transact(ctx context.Context, commits []ThreadCommit[S], opts ...TransactOption) (ckpt.ThreadsTransactReply, error) {
	return c.transact(ctx, commits, opts).result()
}

// TransactAsync is [Client.Transact] without waiting for the reply. The changes are
// encoded before it returns.
func (c *Client[S]) TransactAsync(ctx context.Context, commits []ThreadCommit[S], opts ...TransactOption) *Future[ckpt.ThreadsTransactReply] {
	return c.transact(ctx, commits, opts).begin()
}

func (c *Client[S]) transact(ctx context.Context, commits []ThreadCommit[S], opts []TransactOption) *Future[ckpt.ThreadsTransactReply] {
	k := newCall(ctx, c.transport, &ckpt.ThreadsTransact, "", itself)
	k.request = ckpt.ThreadsTransactRequest{RequestID: nuid.Next(), Commits: make([]ckpt.ThreadCommit, len(commits))}
	for _, o := range opts {
		o.transact(&k.request)
	}
	var err error
	for i := range commits {
		from, to := &commits[i], &k.request.Commits[i]
		to.ThreadID, to.UserID = from.Thread, from.User
		if from.Expected != nil {
			to.Expected = ckpt.AtRevision(*from.Expected)
		}
		if err = from.encode(from.Thread, &to.Changes); err != nil {
			break
		}
	}
	return k.encode(err)
}

// encode sets what travels of the commit.
func (c *Commit[S]) encode(thread string, to *ckpt.Changes) (err error) {
	*to = ckpt.Changes{ClearState: c.ClearState, Keep: c.Keep, CacheTTL: c.CacheTTL, ClearCache: c.ClearCache, Delete: c.Delete}
	if c.CacheTTL > 0 { // 0 would mean for ever
		to.CacheTTL = max(c.CacheTTL, time.Millisecond)
	}
	for _, state := range []struct {
		from *S
		to   *ckpt.Raw
	}{{c.State, &to.State}, {c.Cache, &to.Cache}} {
		if state.from != nil {
			if err := encodeState(new([]byte), state.to, state.from); err != nil {
				return err
			}
		}
	}
	if to.Messages, err = encodeMessages(new([]byte), c.Messages); err != nil {
		return err
	}
	if len(c.Metadata) > 0 {
		if to.Metadata, err = wire.AppendAny(nil, c.Metadata); err != nil {
			return err
		}
	}
	if c.Thread != nil {
		record := *c.Thread
		if record.ThreadID == "" {
			record.ThreadID = thread
		}
		to.Record, err = ckpt.Append(nil, &record)
	}
	return err
}
