package client

import (
	"time"

	"github.com/ckptbus/ckpt"
)

// The options of the methods, one interface each, so that an option that a
// method does not take does not compile. The types below implement them.
type (
	PutStateOption     interface{ putState(*ckpt.StatePutRequest) }     // of [Client.PutState]
	GetStateOption     interface{ getState(*ckpt.StateGetRequest) }     // of [Client.GetState]
	ClearStateOption   interface{ clearState(*ckpt.StateClearRequest) } // of [Client.ClearState]
	StateHistoryOption interface {
		stateHistory(*ckpt.StateHistoryRequest)
	} // of [Client.ListStateHistory] and [Client.StateHistory]
	RestoreStateOption interface {
		restoreState(*ckpt.StateRestoreRequest)
	} // of [Client.RestoreState]
	PutStateCacheOption   interface{ putCache(*ckpt.CachePutRequest) }     // of [Client.PutStateCache]
	GetStateCacheOption   interface{ getCache(*ckpt.CacheGetRequest) }     // of [Client.GetStateCache]
	ClearStateCacheOption interface{ clearCache(*ckpt.CacheClearRequest) } // of [Client.ClearStateCache]
	PutMessagesOption     interface{ putMessages(*messagesPut) }           // of [Client.PutMessages]
	GetMessageOption      interface {
		getMessage(*ckpt.MessagesGetRequest)
	} // of [Client.GetMessage]
	ListMessagesOption interface {
		listMessages(*ckpt.MessagesListRequest)
	} // of [Client.ListMessages], [Client.Messages], [Client.LastMessages] and [Client.CountMessages]
	DeleteMessageOption interface {
		deleteMessage(*ckpt.MessagesDeleteRequest)
	} // of [Client.DeleteMessage] and [Client.DeleteMessages]
	ReplaceMessageOption interface {
		replaceMessage(*ckpt.MessagesReplaceRequest)
	} // of [Client.ReplaceMessage]
	TruncateMessagesOption interface {
		truncateMessages(*ckpt.MessagesTruncateRequest)
	} // of [Client.TruncateMessages]
	PopMessagesOption interface {
		popMessages(*ckpt.MessagesPopRequest)
	} // of [Client.PopMessages]
	CommitOption interface {
		commit(*ckpt.ThreadsCommitRequest)
	} // of [Client.Commit]
	TransactOption interface {
		transact(*ckpt.ThreadsTransactRequest)
	} // of [Client.Transact]
	GetStatesOption   interface{ getStates(*ckpt.StateManyRequest) }  // of [Client.GetStates]
	PutThreadOption   interface{ putThread(*ckpt.ThreadsPutRequest) } // of [Client.PutThread]
	GetThreadOption   interface{ getThread(*ckpt.ThreadsGetRequest) } // of [Client.GetThread]
	ListThreadsOption interface {
		listThreads(*ckpt.ThreadsListRequest)
	} // of [Client.ListThreads], [Client.Threads] and [Client.CountThreads]
	CleanThreadOption interface {
		cleanThread(*ckpt.ThreadsCleanRequest)
	} // of [Client.CleanThread]
	ForkThreadOption interface {
		forkThread(*ckpt.ThreadsForkRequest)
	} // of [Client.ForkThread]
	ReleaseOption     interface{ release(*ckpt.ReleaseRequest) } // of [Client.Release]
	ListChangesOption interface {
		listChanges(*ckpt.ChangesListRequest)
	} // of [Client.ListChanges]
)

// RetainThreadOption is an option of [Client.RetainThread].
type RetainThreadOption interface {
	retainThread(*ckpt.ThreadsRetainRequest)
}

// LeaseOption is an option of [Client.AcquireLease], [Client.RenewLease],
// [Client.ReleaseLease] and [Client.HoldLease].
type LeaseOption interface{ lease(*ckpt.WriteRef) }

// GetLeaseOption is an option of [Client.GetLease].
type GetLeaseOption interface {
	getLease(*ckpt.LeasesGetRequest)
}

// User names the user on whose behalf a request is made; see
// [ckpt.ThreadRef]. In [Client.ListThreads] it keeps the threads of that user.
// Empty stands for a trusted back end.
type User string

func (u User) putState(q *ckpt.StatePutRequest)                 { q.UserID = string(u) }
func (u User) getState(q *ckpt.StateGetRequest)                 { q.UserID = string(u) }
func (u User) clearState(q *ckpt.StateClearRequest)             { q.UserID = string(u) }
func (u User) putCache(q *ckpt.CachePutRequest)                 { q.UserID = string(u) }
func (u User) getCache(q *ckpt.CacheGetRequest)                 { q.UserID = string(u) }
func (u User) clearCache(q *ckpt.CacheClearRequest)             { q.UserID = string(u) }
func (u User) putMessages(q *messagesPut)                       { q.UserID = string(u) }
func (u User) getMessage(q *ckpt.MessagesGetRequest)            { q.UserID = string(u) }
func (u User) listMessages(q *ckpt.MessagesListRequest)         { q.UserID = string(u) }
func (u User) deleteMessage(q *ckpt.MessagesDeleteRequest)      { q.UserID = string(u) }
func (u User) getThread(q *ckpt.ThreadsGetRequest)              { q.UserID = string(u) }
func (u User) listThreads(q *ckpt.ThreadsListRequest)           { q.UserID = string(u) }
func (u User) replaceMessage(q *ckpt.MessagesReplaceRequest)    { q.UserID = string(u) }
func (u User) truncateMessages(q *ckpt.MessagesTruncateRequest) { q.UserID = string(u) }
func (u User) popMessages(q *ckpt.MessagesPopRequest)           { q.UserID = string(u) }
func (u User) commit(q *ckpt.ThreadsCommitRequest)              { q.UserID = string(u) }
func (u User) getStates(q *ckpt.StateManyRequest)               { q.UserID = string(u) }
func (u User) lease(r *ckpt.WriteRef)                           { r.UserID = string(u) }
func (u User) getLease(q *ckpt.LeasesGetRequest)                { q.UserID = string(u) }
func (u User) cleanThread(q *ckpt.ThreadsCleanRequest)          { q.UserID = string(u) }
func (u User) forkThread(q *ckpt.ThreadsForkRequest)            { q.UserID = string(u) }
func (u User) stateHistory(q *ckpt.StateHistoryRequest)         { q.UserID = string(u) }
func (u User) restoreState(q *ckpt.StateRestoreRequest)         { q.UserID = string(u) }

// RequestID replaces the request ID that a write is given by itself: for a
// caller that repeats a write on its own account, after a restart perhaps. Two
// different writes must not share one.
type RequestID string

func (r RequestID) putState(q *ckpt.StatePutRequest)                 { q.RequestID = string(r) }
func (r RequestID) clearState(q *ckpt.StateClearRequest)             { q.RequestID = string(r) }
func (r RequestID) putCache(q *ckpt.CachePutRequest)                 { q.RequestID = string(r) }
func (r RequestID) clearCache(q *ckpt.CacheClearRequest)             { q.RequestID = string(r) }
func (r RequestID) putMessages(q *messagesPut)                       { q.RequestID = string(r) }
func (r RequestID) deleteMessage(q *ckpt.MessagesDeleteRequest)      { q.RequestID = string(r) }
func (r RequestID) putThread(q *ckpt.ThreadsPutRequest)              { q.RequestID = string(r) }
func (r RequestID) cleanThread(q *ckpt.ThreadsCleanRequest)          { q.RequestID = string(r) }
func (r RequestID) forkThread(q *ckpt.ThreadsForkRequest)            { q.RequestID = string(r) }
func (r RequestID) replaceMessage(q *ckpt.MessagesReplaceRequest)    { q.RequestID = string(r) }
func (r RequestID) truncateMessages(q *ckpt.MessagesTruncateRequest) { q.RequestID = string(r) }
func (r RequestID) popMessages(q *ckpt.MessagesPopRequest)           { q.RequestID = string(r) }
func (r RequestID) commit(q *ckpt.ThreadsCommitRequest)              { q.RequestID = string(r) }
func (r RequestID) transact(q *ckpt.ThreadsTransactRequest)          { q.RequestID = string(r) }
func (r RequestID) lease(w *ckpt.WriteRef)                           { w.RequestID = string(r) }
func (r RequestID) release(q *ckpt.ReleaseRequest)                   { q.RequestID = string(r) }
func (r RequestID) restoreState(q *ckpt.StateRestoreRequest)         { q.RequestID = string(r) }

// WriteOption is an option of every method that changes a thread.
type WriteOption func(*ckpt.Terms)

// ExpectedRevision is what the thread's revision must be: that of the reply which
// the write is based on, or 0 where the thread must not exist. Where it is at
// another one, because somebody else has changed it, nothing is written and the
// error is a Conflict with its revision. Messages can be appended without it.
func ExpectedRevision(revision uint64) WriteOption {
	return func(t *ckpt.Terms) { t.Expected = ckpt.AtRevision(revision) }
}

// WithLease names the lease that the write is made under by its token. Where it is
// held no longer, because it ran out or another has taken it, nothing is written
// and the error is a Conflict with the present lease's token. 0 names none.
func WithLease(token uint64) WriteOption {
	return func(t *ckpt.Terms) { t.Lease = token }
}

func (o WriteOption) lease(r *ckpt.WriteRef)                           { o(&r.Terms) }
func (o WriteOption) putState(q *ckpt.StatePutRequest)                 { o(&q.Terms) }
func (o WriteOption) clearState(q *ckpt.StateClearRequest)             { o(&q.Terms) }
func (o WriteOption) putCache(q *ckpt.CachePutRequest)                 { o(&q.Terms) }
func (o WriteOption) clearCache(q *ckpt.CacheClearRequest)             { o(&q.Terms) }
func (o WriteOption) putMessages(q *messagesPut)                       { o(&q.Terms) }
func (o WriteOption) deleteMessage(q *ckpt.MessagesDeleteRequest)      { o(&q.Terms) }
func (o WriteOption) putThread(q *ckpt.ThreadsPutRequest)              { o(&q.Terms) }
func (o WriteOption) replaceMessage(q *ckpt.MessagesReplaceRequest)    { o(&q.Terms) }
func (o WriteOption) truncateMessages(q *ckpt.MessagesTruncateRequest) { o(&q.Terms) }
func (o WriteOption) popMessages(q *ckpt.MessagesPopRequest)           { o(&q.Terms) }
func (o WriteOption) commit(q *ckpt.ThreadsCommitRequest)              { o(&q.Terms) }
func (o WriteOption) cleanThread(q *ckpt.ThreadsCleanRequest)          { o(&q.Terms) }
func (o WriteOption) forkThread(q *ckpt.ThreadsForkRequest)            { o(&q.Terms) }
func (o WriteOption) restoreState(q *ckpt.StateRestoreRequest)         { o(&q.Terms) }

// Linearizable, if true, asks for an answer that knows of every write which was
// answered before the request was sent, to whichever client. Without it, it
// knows of what this client has seen; see [Client.Position]. Where the service
// has replicas it takes as long as a write. Of a list each page is asked so.
type Linearizable bool

func (l Linearizable) getState(q *ckpt.StateGetRequest)         { q.Linearizable = bool(l) }
func (l Linearizable) getStates(q *ckpt.StateManyRequest)       { q.Linearizable = bool(l) }
func (l Linearizable) stateHistory(q *ckpt.StateHistoryRequest) { q.Linearizable = bool(l) }
func (l Linearizable) getCache(q *ckpt.CacheGetRequest)         { q.Linearizable = bool(l) }
func (l Linearizable) getMessage(q *ckpt.MessagesGetRequest)    { q.Linearizable = bool(l) }
func (l Linearizable) listMessages(q *ckpt.MessagesListRequest) { q.Linearizable = bool(l) }
func (l Linearizable) getThread(q *ckpt.ThreadsGetRequest)      { q.Linearizable = bool(l) }
func (l Linearizable) listThreads(q *ckpt.ThreadsListRequest)   { q.Linearizable = bool(l) }

// TTL is how long a cached state or a thread lives, in whole milliseconds up to
// [ckpt.MaxTTL]; 0 means that it never expires.
type TTL time.Duration

// whole returns the time on the wire: a positive one under a millisecond is 1 ms,
// since 0 would mean for ever.
func (t TTL) whole() time.Duration {
	if t > 0 {
		return max(time.Duration(t), time.Millisecond)
	}
	return time.Duration(t)
}

func (t TTL) putCache(q *ckpt.CachePutRequest)                  { q.TTL = t.whole() }
func (t TTL) retainThread(q *ckpt.ThreadsRetainRequest)         { ttl := t.whole(); q.TTL = &ttl }
func (u User) retainThread(q *ckpt.ThreadsRetainRequest)        { q.UserID = string(u) }
func (r RequestID) retainThread(q *ckpt.ThreadsRetainRequest)   { q.RequestID = string(r) }
func (o WriteOption) retainThread(q *ckpt.ThreadsRetainRequest) { o(&q.Terms) }

// Sliding, if true, makes the lifetime of a thread begin anew with each change of
// it. It goes with [TTL].
type Sliding bool

func (s Sliding) retainThread(q *ckpt.ThreadsRetainRequest) { q.Sliding = bool(s) }

// Pinned, if true, keeps a thread whatever its lifetime; if false it no longer
// does, and the lifetime begins anew.
type Pinned bool

func (p Pinned) retainThread(q *ckpt.ThreadsRetainRequest) { pinned := bool(p); q.Pinned = &pinned }

// KeepMessages is how many messages a thread keeps, the latest ones, up to
// [ckpt.MaxKeepMessages]. Of [Client.RetainThread], 0 keeps all, whatever the
// service does by default; of [Client.PutMessages], 0 is as if it were not given.
type KeepMessages int

func (k KeepMessages) putMessages(q *messagesPut)                { q.KeepMessages = int(k) }
func (k KeepMessages) retainThread(q *ckpt.ThreadsRetainRequest) { n := int(k); q.KeepMessages = &n }

// KeepCache, if true, leaves the cached state where the state is cleared.
type KeepCache bool

func (k KeepCache) clearState(q *ckpt.StateClearRequest) { q.KeepCache = bool(k) }

// RecordOnly, if true, removes just the record of a thread.
type RecordOnly bool

func (r RecordOnly) cleanThread(q *ckpt.ThreadsCleanRequest) { q.RecordOnly = bool(r) }

// Sizes, if true, has each thread of a list tell how many messages and bytes it
// has.
type Sizes bool

func (s Sizes) listThreads(q *ckpt.ThreadsListRequest) { q.Sizes = bool(s) }

// WithRecord, if true, keeps only the threads that were given a record.
type WithRecord bool

func (w WithRecord) listThreads(q *ckpt.ThreadsListRequest) { q.WithRecord = bool(w) }

// Search keeps the rows that contain the text, whatever its case; see
// [ckpt.Page]. Empty keeps all.
type Search string

func (s Search) listMessages(q *ckpt.MessagesListRequest) { q.Search = string(s) }
func (s Search) listThreads(q *ckpt.ThreadsListRequest)   { q.Search = string(s) }

// Offset passes over as many rows of the result.
type Offset int

func (o Offset) listMessages(q *ckpt.MessagesListRequest) { q.Offset = int(o) }
func (o Offset) listThreads(q *ckpt.ThreadsListRequest)   { q.Offset = int(o) }

// Limit bounds the rows of a list, on all its pages together; 0 means all.
type Limit int

func (l Limit) listMessages(q *ckpt.MessagesListRequest) { q.Limit = int(l) }
func (l Limit) listThreads(q *ckpt.ThreadsListRequest)   { q.Limit = int(l) }
func (l Limit) stateHistory(q *ckpt.StateHistoryRequest) { q.Limit = int(l) }

// Keep is how many earlier states the thread keeps from now on, up to the limit
// that setup tells, until a write says another number; 0 drops those that are
// kept. Without it, it is what was said before, or else the service's number.
type Keep int

func (k Keep) putState(q *ckpt.StatePutRequest) { n := int(k); q.Keep = &n }

// AtRevision reads what was there at a revision of the thread, as far back as its
// history goes; NotFound before that. 0 means as it is.
type AtRevision uint64

func (r AtRevision) getState(q *ckpt.StateGetRequest)         { q.AtRevision = uint64(r) }
func (r AtRevision) getMessage(q *ckpt.MessagesGetRequest)    { q.AtRevision = uint64(r) }
func (r AtRevision) listMessages(q *ckpt.MessagesListRequest) { q.AtRevision = uint64(r) }
func (r AtRevision) forkThread(q *ckpt.ThreadsForkRequest)    { q.AtRevision = uint64(r) }

// Before keeps the versions of revisions before this one; 0 keeps all.
type Before uint64

func (b Before) stateHistory(q *ckpt.StateHistoryRequest) { q.Before = uint64(b) }

// WithStates, if true, brings the states of a history with it.
type WithStates bool

func (w WithStates) stateHistory(q *ckpt.StateHistoryRequest) { q.States = bool(w) }

// WithMessages, if true, restores the messages and their metadata with the state.
type WithMessages bool

func (w WithMessages) restoreState(q *ckpt.StateRestoreRequest) { q.WithMessages = bool(w) }

// Metadata is the metadata that is put beside messages. Where it is not empty
// it replaces that of the thread's messages.
type Metadata map[string]any

func (m Metadata) putMessages(q *messagesPut) { q.metadata = m }
