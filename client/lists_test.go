package client_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
)

func numberedMessages(from, to int) (list []ckpt.Message) {
	for i := from; i < to; i++ {
		m := ckpt.TextMessage(ckpt.RoleUser, fmt.Sprint("number ", i))
		if i%2 == 1 {
			m.Role = ckpt.RoleAssistant
		}
		m.MessageID, m.Metadata = ckpt.IntID(int64(i)), map[string]any{"third": i%3 == 0}
		list = append(list, m)
	}
	return list
}

func idsOf(list []ckpt.Message) (ids []string) {
	for _, m := range list {
		ids = append(ids, m.MessageID.String())
	}
	return ids
}

// The last messages come in order, and those before them on request, whatever is
// appended and deleted in between.
func TestLastMessages(t *testing.T) {
	t.Parallel()
	c, _ := connect[string](t, store(t, bus.Options{}))
	ctx := within(t, patience)
	must[ckpt.MessagesPutReply](t)(c.PutMessages(ctx, "t", numberedMessages(0, 25)))
	last := must[client.Listed[ckpt.Message]](t)(c.LastMessages(ctx, "t", 10))
	if got, want := idsOf(last.Items), idsOf(numberedMessages(15, 25)); !slices.Equal(got, want) || !last.HasMore {
		t.Errorf("got %v, more %v, want %v", got, last.HasMore, want)
	}
	must[ckpt.MessagesPutReply](t)(c.PutMessages(ctx, "t", numberedMessages(25, 30)))
	must[ckpt.MessagesDeleteReply](t)(c.DeleteMessage(ctx, "t", ckpt.IntID(15)))
	before := must[client.Listed[ckpt.Message]](t)(c.LastMessages(ctx, "t", 10, client.Cursor(last.NextCursor)))
	if got, want := idsOf(before.Items), idsOf(numberedMessages(5, 15)); !slices.Equal(got, want) || !before.HasMore {
		t.Errorf("got %v, more %v, want %v", got, before.HasMore, want)
	}
	first := must[client.Listed[ckpt.Message]](t)(c.LastMessages(ctx, "t", 10, client.Cursor(before.NextCursor)))
	if got, want := idsOf(first.Items), idsOf(numberedMessages(0, 5)); !slices.Equal(got, want) || first.HasMore {
		t.Errorf("got %v, more %v, want %v", got, first.HasMore, want)
	}
	users := must[client.Listed[ckpt.Message]](t)(c.LastMessages(ctx, "t", 3, client.Role(ckpt.RoleUser), client.Select{"role"}))
	if got := idsOf(users.Items); !slices.Equal(got, []string{"24", "26", "28"}) || users.Items[0].Text() != "" || users.Items[0].Role != ckpt.RoleUser {
		t.Errorf("got %v, %+v", got, users.Items)
	}
	for _, n := range []int{0, -1} {
		if _, err := c.LastMessages(ctx, "t", n); !errors.Is(err, ckpt.ErrInvalidArgument) {
			t.Errorf("the last %d: %v", n, err)
		}
	}
	if l, err := c.LastMessages(ctx, "none", 3); err != nil || len(l.Items) != 0 || l.HasMore {
		t.Errorf("of no thread: %+v, %v", l, err)
	}
}

// A range over messages misses none and has none twice while they are deleted
// and appended under it.
func TestMessagesWhileOthersWrite(t *testing.T) {
	t.Parallel()
	c, _ := connect[string](t, store(t, bus.Options{MaxPayload: 4 << 10})) // so that it takes many pages
	ctx := within(t, patience)
	for i := 0; i < 200; i += 10 {
		must[ckpt.MessagesPutReply](t)(c.PutMessages(ctx, "t", numberedMessages(i, i+10)))
	}
	var seen []string
	n := 0
	for m, err := range c.Messages(ctx, "t") {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, m.MessageID.String())
		if n++; n <= 100 { // what was seen goes, and as much comes at the end
			must[ckpt.MessagesDeleteReply](t)(c.DeleteMessage(ctx, "t", m.MessageID))
			must[ckpt.MessagesPutReply](t)(c.PutMessages(ctx, "t", numberedMessages(1000+n, 1001+n)))
		}
	}
	want := append(idsOf(numberedMessages(0, 200)), idsOf(numberedMessages(1001, 1101))...)
	if !slices.Equal(seen, want) {
		t.Errorf("got %d messages, want %d\n%v", len(seen), len(want), seen)
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	c, _ := connect[string](t, store(t, bus.Options{}))
	ctx := within(t, patience)
	must[ckpt.MessagesPutReply](t)(c.PutMessages(ctx, "t", numberedMessages(0, 30)))
	for i := range 5 {
		must[ckpt.ThreadsPutReply](t)(c.PutThread(ctx, ckpt.ThreadInfo{ThreadID: fmt.Sprint("thread ", i), UserID: "ann",
			Metadata: map[string]any{"even": i%2 == 0}}))
	}
	for want, count := range map[int]func() (int, error){
		30: func() (int, error) { return c.CountMessages(ctx, "t") },
		15: func() (int, error) { return c.CountMessages(ctx, "t", client.Role(ckpt.RoleAssistant)) },
		10: func() (int, error) { return c.CountMessages(ctx, "t", client.WhereMetadata{"third": true}) },
		6:  func() (int, error) { return c.CountThreads(ctx) },
		5:  func() (int, error) { return c.CountThreads(ctx, client.User("ann")) },
		3:  func() (int, error) { return c.CountThreads(ctx, client.WhereMetadata{"even": true}) },
	} {
		if got := must[int](t)(count()); got != want {
			t.Errorf("counted %d, want %d", got, want)
		}
	}
	var ids []string
	for info, err := range c.Threads(ctx, client.OrderBy(ckpt.OrderUpdated), client.Reverse(true), client.Limit(2), client.User("ann")) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, info.ThreadID)
	}
	if len(ids) != 2 || !strings.HasPrefix(ids[0], "thread ") || ids[0] <= ids[1] {
		t.Errorf("the latest are %v", ids)
	}
}

// What cannot be encoded is not sent.
func TestWhereMetadataThatCannotBeSent(t *testing.T) {
	t.Parallel()
	c, _ := connect[string](t, bustest.Start(t)) // where nobody answers
	where := client.WhereMetadata{"a": make(chan int)}
	_, err := c.ListMessages(t.Context(), "t", where)
	_, err2 := c.ListThreads(t.Context(), where)
	_, err3 := c.CountThreads(t.Context(), where)
	_, err4 := c.LastMessages(t.Context(), "t", 1, where)
	for _, err := range []error{err, err2, err3, err4} {
		if !errors.Is(err, ckpt.ErrInvalidArgument) || !strings.Contains(err.Error(), "not sent") {
			t.Errorf("got %v", err)
		}
	}
}
