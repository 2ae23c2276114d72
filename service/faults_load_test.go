package service

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
)

// load is clients that write and read until they are told to stop, and keep
// book of it.
type load struct {
	*group
	quit    chan struct{}
	workers sync.WaitGroup
	done    atomic.Int64 // requests that succeeded

	mu     sync.Mutex
	acked  map[string][]string // by thread, the texts of messages, in their order
	begun  map[string]bool     // texts that were sent, answered or not
	failed []error
}

// sharedThread is the one that all workers write to. Others may write to it more
// often than a thread remembers, before somebody gets to know that an answer was
// lost; so its messages have IDs of their own, by which they are there once.
const sharedThread = "shared"

// load starts clients, each with a connection and a thread of its own.
func (g *group) load(workers int) *load {
	g.Helper()
	l := &load{group: g, quit: make(chan struct{}), acked: make(map[string][]string), begun: make(map[string]bool)}
	for i := range workers {
		c := g.client()
		l.workers.Go(func() { l.work(c, fmt.Sprintf("worker-%d", i)) })
	}
	g.Cleanup(l.stop)
	l.progress()
	return l
}

// progress waits until the clients have got some further.
func (l *load) progress() {
	l.Helper()
	from := l.done.Load()
	l.eventually("the load to go on", func() bool { return l.done.Load() >= from+100 })
}

// stop ends the load, and returns when the last request is answered.
func (l *load) stop() {
	select {
	case <-l.quit:
	default:
		close(l.quit)
	}
	l.workers.Wait()
}

// work writes messages and states, and reads what it wrote.
func (l *load) work(c *client.Client[ckpt.Raw], own string) {
	ctx := context.Background()
	for i := 0; ; i++ {
		select {
		case <-l.quit:
			return
		default:
		}
		text := fmt.Sprintf("%s/%d", own, i)
		state := ckpt.Raw{byte(i & 0x7f)}
		l.put(c, own, ckpt.MessageID{}, text)
		switch i % 4 {
		case 0:
			l.put(c, sharedThread, ckpt.StringID(text), text+" to all")
		case 1:
			_, put := c.PutState(ctx, own, state)
			if l.note(put); put != nil {
				continue
			}
			got, err := c.GetState(ctx, own)
			if l.note(err); err == nil && !slices.Equal(got.Value, state) {
				l.note(fmt.Errorf("%s reads the state %x and put %x", own, got.Value, state))
			}
		}
	}
}

// put puts a message. Without an ID it would be there twice if it was put twice.
func (l *load) put(c *client.Client[ckpt.Raw], thread string, id ckpt.MessageID, text string) {
	l.mu.Lock()
	l.begun[text] = true
	l.mu.Unlock()
	m := ckpt.TextMessage(ckpt.RoleUser, text)
	m.MessageID = id
	_, err := c.PutMessages(context.Background(), thread, []ckpt.Message{m})
	if l.note(err); err == nil {
		l.mu.Lock()
		l.acked[thread] = append(l.acked[thread], text)
		l.mu.Unlock()
	}
}

func (l *load) note(err error) {
	if err == nil {
		l.done.Add(1)
		return
	}
	l.mu.Lock()
	l.failed = append(l.failed, err)
	l.mu.Unlock()
}

// unfailing checks that no request failed.
func (l *load) unfailing() {
	l.Helper()
	l.stop()
	for i, err := range l.failed {
		if i < 5 {
			l.Errorf("one of %d requests failed: %v", l.done.Load(), err)
		}
	}
}

// verify checks that all that was acknowledged is in each replica once, and
// nothing else but what was sent.
func (l *load) verify(replicas ...*replica) {
	l.Helper()
	l.stop()
	view := l.same(replicas...)
	for thread := range view {
		if _, ours := l.acked[thread]; !ours {
			continue
		}
		found := make(map[string]int)
		place := make(map[string]int)
		for i, text := range replicas[0].texts(l, thread) {
			if found[text]++; !l.begun[text] || found[text] > 1 {
				l.Errorf("thread %s: message %.40q is there %d times, sent: %t", thread, text, found[text], l.begun[text])
			}
			place[text] = i
		}
		last := -1
		for _, text := range l.acked[thread] {
			at, ok := place[text]
			if !ok || thread != sharedThread && at < last {
				l.Errorf("thread %s: message %.40q was acknowledged: it is there: %t, at place %d, behind %d", thread, text, ok, at, last)
			}
			last = at
		}
	}
	for thread := range l.acked {
		if _, ok := view[thread]; !ok {
			l.Errorf("thread %s was acknowledged, and is not there", thread)
		}
	}
}

// texts returns the messages of a thread.
func (r *replica) texts(t interface{ Fatal(...any) }, thread string) (texts []string) {
	for more := true; more; {
		q := ckpt.MessagesListRequest{Page: ckpt.Page{Offset: len(texts)}}
		q.ThreadID = thread
		var a ckpt.MessagesListReply
		if err := r.store.MessagesList(&q, &a, time.Now().UnixMilli()); err != nil {
			t.Fatal(err)
		}
		for _, raw := range a.Messages {
			var m ckpt.Message
			if err := ckpt.Decode(raw, &m); err != nil {
				t.Fatal(err)
			}
			texts = append(texts, m.Content[0].(*ckpt.TextBlock).Text)
		}
		more = a.HasMore
	}
	return texts
}
