package store

import (
	"slices"

	"github.com/ckptbus/ckpt"
	"pgregory.net/rapid"
)

func (r *run) refTo() ckpt.WriteRef {
	return ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: r.threadID.Draw(r.T, "thread")}, Terms: ckpt.Terms{RequestID: requestID.Draw(r.T, "request")}}
}

// at returns where the thread has a message, -1 where it has none with the ID.
func (t *modelThread) at(id ckpt.MessageID) int {
	return slices.IndexFunc(t.messages, func(m modelMessage) bool { return m.id == id })
}

func (t *modelThread) hasNot(id ckpt.MessageID) ckpt.Code {
	if t.at(id) < 0 {
		return ckpt.NotFound
	}
	return 0
}

// put puts a message as the store does.
func (t *modelThread) put(m modelMessage) {
	if at := t.at(m.id); at >= 0 {
		t.messages[at] = m
		return
	}
	t.messages = append(t.messages, m)
}

// trimmedTo keeps as many messages as the thread or the service says.
func (r *run) trimmedTo(t *modelThread) {
	if t.keep != 0 {
		t.trim(t.keep)
		return
	}
	t.trim(r.model.fresh.KeepMessages)
}

func (r *run) replaceMessage() {
	id := r.messageID.Draw(r.T, "message")
	m := modelMessage{id, newMessage(id, rapid.IntRange(0, 300).Draw(r.T, "size"))}
	r.commitTo(r.refTo(), "messages.replace", planned(PlanMessagesReplace, &ckpt.MessagesReplaceRequest{Message: m.body}),
		func(t *modelThread) ckpt.Code { return t.hasNot(id) },
		func(t *modelThread) bool { t.put(m); return true })
}

func (r *run) truncateMessages() {
	id := r.messageID.Draw(r.T, "message")
	r.commitTo(r.refTo(), "messages.truncate", planned(PlanMessagesTruncate, &ckpt.MessagesTruncateRequest{MessageID: id}),
		func(t *modelThread) ckpt.Code { return t.hasNot(id) },
		func(t *modelThread) bool {
			n := len(t.messages)
			t.messages = slices.Clone(t.messages[:t.at(id)+1])
			return len(t.messages) < n
		})
}

func (r *run) popMessages() {
	q := &ckpt.MessagesPopRequest{Count: rapid.IntRange(1, 3).Draw(r.T, "count")}
	r.commitTo(r.refTo(), "messages.pop", planned(PlanMessagesPop, q),
		func(*modelThread) ckpt.Code { return 0 },
		func(t *modelThread) bool {
			n := min(q.Count, len(t.messages))
			t.messages = slices.Clone(t.messages[:len(t.messages)-n])
			return n > 0
		})
}

// commitThread changes several things of a thread at once.
func (r *run) commitThread() {
	q := &ckpt.ThreadsCommitRequest{}
	if rapid.Bool().Draw(r.T, "put state") {
		q.State = state.Draw(r.T, "state")
	} else {
		q.ClearState = rapid.Bool().Draw(r.T, "clear state")
	}
	r.putsState = len(q.State) > 0
	q.ClearCache = rapid.Bool().Draw(r.T, "clear cache")
	for range rapid.IntRange(0, 2).Draw(r.T, "to delete") {
		q.Delete = append(q.Delete, r.messageID.Draw(r.T, "message"))
	}
	var puts []modelMessage
	for range rapid.IntRange(0, 2).Draw(r.T, "to put") {
		id := r.messageID.Draw(r.T, "message")
		puts = append(puts, modelMessage{id, newMessage(id, 10)})
		q.Messages = append(q.Messages, puts[len(puts)-1].body)
	}
	r.commitTo(r.refTo(), "threads.commit", planned(PlanCommit, q),
		func(*modelThread) ckpt.Code { return 0 },
		func(t *modelThread) bool {
			changes := len(q.State) > 0 || q.ClearState && t.state != nil || q.ClearCache && r.model.cached(t) != nil || len(puts) > 0
			if len(q.State) > 0 || q.ClearState {
				t.state = q.State
			}
			if q.ClearCache && r.model.cached(t) != nil {
				t.cache, t.expires = nil, 0
			}
			for _, id := range q.Delete {
				if at := t.at(id); at >= 0 {
					t.messages, changes = slices.Delete(slices.Clone(t.messages), at, at+1), true
				}
			}
			for _, m := range puts {
				t.put(m)
			}
			if len(puts) > 0 {
				r.trimmedTo(t)
			}
			return changes
		})
}
