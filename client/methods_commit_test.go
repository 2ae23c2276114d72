package client_test

import (
	"context"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
)

// The methods that change several things at once ask for what they were told.
func TestCommitMethods(t *testing.T) {
	t.Parallel()
	type (
		ctx = context.Context
		cl  = *client.Client[string]
	)
	srv := bustest.Start(t)
	asUser := ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: "t", UserID: "u"}, Terms: ckpt.Terms{RequestID: "r", Expected: ckpt.AtRevision(0)}}
	user, request, expected := client.User("u"), client.RequestID("r"), client.ExpectedRevision(0)
	at, later := time.UnixMilli(1_700_000_000_123).UTC(), time.UnixMilli(1_800_000_000_456).UTC()
	rev := ckpt.Reply{Revision: 7, StoreID: "s"}
	message := ckpt.TextMessage(ckpt.RoleUser, "hi")
	message.MessageID = ckpt.IntID(5)
	ids := []ckpt.MessageID{ckpt.IntID(5), ckpt.StringID("x")}
	x, y, keep := "x", "y", 3
	thread := ckpt.ThreadInfo{ThreadName: "name"}
	named := thread
	named.ThreadID = "t"
	changes := ckpt.Changes{State: ckpt.Raw{0xa1, 'x'}, Keep: &keep, Cache: ckpt.Raw{0xa1, 'y'}, CacheTTL: time.Minute, Delete: ids,
		Messages: []ckpt.Raw{encode(t, &message)}, Metadata: ckpt.Raw{0x81, 0xa1, 'k', 1}, Record: encode(t, &named)}
	commit := client.Commit[string]{State: &x, Keep: &keep, Cache: &y, CacheTTL: time.Minute, Delete: ids, Messages: []ckpt.Message{message},
		Metadata: map[string]any{"k": 1}, Thread: &thread}
	committed := ckpt.Committed{UpdatedAt: at, ExpiresAt: later, MessageIDs: ids[:1], Deleted: 2}

	check(t, srv, ckpt.ThreadsCommit, ckpt.ThreadsCommitRequest{WriteRef: asUser, Changes: changes},
		func(q *ckpt.ThreadsCommitRequest) *string { return &q.RequestID },
		ckpt.ThreadsCommitReply{Reply: rev, Committed: committed}, ckpt.ThreadsCommitReply{Reply: rev, Committed: committed},
		form[ckpt.ThreadsCommitReply]{
			func(x ctx, c cl) (ckpt.ThreadsCommitReply, error) {
				return c.Commit(x, "t", commit, user, request, expected)
			},
			func(x ctx, c cl) *client.Future[ckpt.ThreadsCommitReply] {
				return c.CommitAsync(x, "t", commit, user, request, expected)
			}})
	revision := uint64(3)
	parts := []client.ThreadCommit[string]{{Thread: "t", User: "u", Expected: &revision, Commit: commit},
		{Thread: "v", Commit: client.Commit[string]{ClearState: true, ClearCache: true}}}
	check(t, srv, ckpt.ThreadsTransact, ckpt.ThreadsTransactRequest{RequestID: "r", Commits: []ckpt.ThreadCommit{
		{ThreadID: "t", UserID: "u", Expected: ckpt.AtRevision(3), Changes: changes},
		{ThreadID: "v", Changes: ckpt.Changes{ClearState: true, ClearCache: true, Messages: []ckpt.Raw{}}}}},
		func(q *ckpt.ThreadsTransactRequest) *string {
			for i := range q.Commits { // whether there are none or there is no field is the same
				if len(q.Commits[i].Messages) == 0 {
					q.Commits[i].Messages = nil
				}
			}
			return &q.RequestID
		},
		ckpt.ThreadsTransactReply{Reply: rev, Commits: []ckpt.Committed{committed, committed}},
		ckpt.ThreadsTransactReply{Reply: rev, Commits: []ckpt.Committed{committed, committed}},
		form[ckpt.ThreadsTransactReply]{
			func(x ctx, c cl) (ckpt.ThreadsTransactReply, error) { return c.Transact(x, parts, request) },
			func(x ctx, c cl) *client.Future[ckpt.ThreadsTransactReply] { return c.TransactAsync(x, parts, request) }})

	check(t, srv, ckpt.MessagesDelete, ckpt.MessagesDeleteRequest{WriteRef: asUser, MessageIDs: ids},
		func(q *ckpt.MessagesDeleteRequest) *string { return &q.RequestID },
		ckpt.MessagesDeleteReply{Reply: rev, Deleted: 2}, ckpt.MessagesDeleteReply{Reply: rev, Deleted: 2},
		form[ckpt.MessagesDeleteReply]{
			func(x ctx, c cl) (ckpt.MessagesDeleteReply, error) {
				return c.DeleteMessages(x, "t", ids, user, request, expected)
			},
			func(x ctx, c cl) *client.Future[ckpt.MessagesDeleteReply] {
				return c.DeleteMessagesAsync(x, "t", ids, user, request, expected)
			}})
	check(t, srv, ckpt.MessagesReplace, ckpt.MessagesReplaceRequest{WriteRef: asUser, Message: encode(t, &message)},
		func(q *ckpt.MessagesReplaceRequest) *string { return &q.RequestID },
		ckpt.MessagesReplaceReply{Reply: rev}, ckpt.MessagesReplaceReply{Reply: rev},
		form[ckpt.MessagesReplaceReply]{
			func(x ctx, c cl) (ckpt.MessagesReplaceReply, error) {
				return c.ReplaceMessage(x, "t", message, user, request, expected)
			},
			func(x ctx, c cl) *client.Future[ckpt.MessagesReplaceReply] {
				return c.ReplaceMessageAsync(x, "t", message, user, request, expected)
			}})
	check(t, srv, ckpt.MessagesTruncate, ckpt.MessagesTruncateRequest{WriteRef: asUser, MessageID: ids[0]},
		func(q *ckpt.MessagesTruncateRequest) *string { return &q.RequestID },
		ckpt.MessagesDeleteReply{Reply: rev, Deleted: 4}, ckpt.MessagesDeleteReply{Reply: rev, Deleted: 4},
		form[ckpt.MessagesDeleteReply]{
			func(x ctx, c cl) (ckpt.MessagesDeleteReply, error) {
				return c.TruncateMessages(x, "t", ids[0], user, request, expected)
			},
			func(x ctx, c cl) *client.Future[ckpt.MessagesDeleteReply] {
				return c.TruncateMessagesAsync(x, "t", ids[0], user, request, expected)
			}})
	check(t, srv, ckpt.MessagesPop, ckpt.MessagesPopRequest{WriteRef: asUser, Count: 2},
		func(q *ckpt.MessagesPopRequest) *string { return &q.RequestID },
		ckpt.MessagesPopReply{Reply: rev, Messages: []ckpt.Raw{encode(t, &message)}},
		client.Stored[[]ckpt.Message]{Value: []ckpt.Message{message}, Revision: 7},
		form[client.Stored[[]ckpt.Message]]{
			func(x ctx, c cl) (client.Stored[[]ckpt.Message], error) {
				return c.PopMessages(x, "t", 2, user, request, expected)
			},
			func(x ctx, c cl) *client.Future[client.Stored[[]ckpt.Message]] {
				return c.PopMessagesAsync(x, "t", 2, user, request, expected)
			}})
	check(t, srv, ckpt.StateMany, ckpt.StateManyRequest{ThreadIDs: []string{"t", "v"}, UserID: "u", Linearizable: true}, nil,
		ckpt.StateManyReply{Reply: rev, States: []ckpt.ThreadState{{ThreadID: "v", Revision: 6, UpdatedAt: at, State: ckpt.Raw{0xa1, 'x'}}}},
		map[string]client.Stored[string]{"v": {Value: "x", Revision: 6, UpdatedAt: at}},
		form[map[string]client.Stored[string]]{
			func(x ctx, c cl) (map[string]client.Stored[string], error) {
				return c.GetStates(x, []string{"t", "v"}, user, client.Linearizable(true))
			},
			func(x ctx, c cl) *client.Future[map[string]client.Stored[string]] {
				return c.GetStatesAsync(x, []string{"t", "v"}, user, client.Linearizable(true))
			}})
}
