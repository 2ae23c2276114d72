package ckpt_test

import (
	"fmt"
	"hash/maphash"
	"strings"

	"github.com/anishathalye/porcupine"
)

// kind is what a request asks for.
type kind string

const (
	putState      kind = "put state"
	getState      kind = "get state"
	clearState    kind = "clear state"
	putMessages   kind = "put messages"
	listMessages  kind = "list messages"
	deleteMessage kind = "delete message"
	cleanThread   kind = "clean thread"
	commitThread  kind = "commit" // a state and messages with one value, and one message to delete
)

func (k kind) writes() bool { return k != getState && k != listMessages }

// request is one operation on a thread. No two write the same value.
type request struct {
	kind   kind
	thread string
	value  int64 // the state to put, the first message to put, or the one to delete
	delete int64 // of a commit, the message to delete, if it is there
	count  int64 // how many messages to put: their IDs follow value
}

func (q request) String() string {
	return fmt.Sprintf("%s of %s: %d+%d", q.kind, q.thread, q.value, q.count)
}

// ids returns the IDs of the messages to put.
func (q request) ids() (list []int64) {
	for i := range q.count {
		list = append(list, q.value+i)
	}
	return list
}

// response is what a request was answered.
type response struct {
	unknown  bool // nobody knows whether the write was applied
	found    bool // there was a state, a message or a thread to get, clear, delete or clean
	value    int64
	messages messageIDs
	revision uint64
	known    uint64 // of an answer that there is nothing: how far the store was
}

func (r response) String() string {
	if r.unknown {
		return "unknown"
	}
	return fmt.Sprintf("%v %d %s @%d", r.found, r.value, r.messages, r.revision)
}

// messageIDs is a list of message IDs in order, each in brackets: a value that
// can be compared and is never changed.
type messageIDs string

func bracket(id int64) string { return fmt.Sprintf("[%d]", id) }

func (m messageIDs) with(ids ...int64) messageIDs {
	for _, id := range ids {
		m += messageIDs(bracket(id))
	}
	return m
}

func (m messageIDs) has(id int64) bool { return strings.Contains(string(m), bracket(id)) }

func (m messageIDs) without(id int64) messageIDs {
	return messageIDs(strings.Replace(string(m), bracket(id), "", 1))
}

// content is what a thread holds, as far as the tests use it. There is no thread
// where it holds nothing.
type content struct {
	state    int64 // 0: none
	messages messageIDs
}

// step returns what the thread holds after the request, and whether it may be
// answered so. To a write of unknown outcome any answer fits: where it was not
// applied, its place is behind all others.
func (c content) step(q request, r response) (fits bool, after content) {
	after = c
	found, value, messages := true, int64(0), messageIDs("")
	switch q.kind {
	case putState:
		after.state = q.value
	case getState:
		found, value = c.state != 0, c.state
	case clearState:
		found, after.state = c.state != 0, 0
	case putMessages:
		after.messages = c.messages.with(q.ids()...)
		messages = messageIDs("").with(q.ids()...)
	case listMessages:
		messages = c.messages
	case deleteMessage:
		found, after.messages = c.messages.has(q.value), c.messages.without(q.value)
	case commitThread:
		after.state, after.messages = q.value, c.messages.without(q.delete).with(q.ids()...)
		messages = messageIDs("").with(q.ids()...)
	case cleanThread:
		found, after = c != content{}, content{}
	}
	return r.unknown || r.found == found && r.value == value && r.messages == messages, after
}

var contentSeed = maphash.MakeSeed()

// model is what a store is to its callers: threads that know nothing of one
// another, each of which carries out one request at a time.
var model = porcupine.Model{
	Partition: func(history []porcupine.Operation) (parts [][]porcupine.Operation) {
		for _, part := range byThread(history) {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return content{} },
	Step: func(state, input, output any) (bool, any) {
		return state.(content).step(input.(request), output.(response))
	},
	Hash: func(state any) uint64 { return maphash.Comparable(contentSeed, state.(content)) },
}

func byThread(history []porcupine.Operation) map[string][]porcupine.Operation {
	parts := make(map[string][]porcupine.Operation)
	for _, o := range history {
		thread := o.Input.(request).thread
		parts[thread] = append(parts[thread], o)
	}
	return parts
}
