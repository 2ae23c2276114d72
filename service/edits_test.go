package service

import (
	"slices"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/messages"
)

// texts returns the contents of a thread's messages in their order.
func (h *harness) texts(id string) (list []string) {
	h.Helper()
	a := do(h, ckpt.MessagesList, ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread(id)}})
	for _, body := range a.Messages {
		list = append(list, textOf(h, body))
	}
	return list
}

func textOf(h *harness, body ckpt.Raw) string {
	h.Helper()
	for key, value := range body.Pairs {
		if name, _ := key.Text(); string(name) == "content" {
			text, err := value.Str()
			if err != nil {
				h.Fatal(err)
			}
			return text
		}
	}
	return ""
}

func (h *harness) wantTexts(id string, want ...string) {
	h.Helper()
	if got := h.texts(id); !slices.Equal(got, want) {
		h.Errorf("messages %q, want %q", got, want)
	}
}

// letters puts messages with the IDs and texts a, b and so on.
func (h *harness) letters(id string, n int) {
	h.Helper()
	var list []ckpt.Raw
	for i := range n {
		letter := string(rune('a' + i))
		list = append(list, textMessage(h, letter, letter))
	}
	h.putMessages(id, list...)
}

func stringIDs(ids ...string) (list []ckpt.MessageID) {
	for _, id := range ids {
		list = append(list, ckpt.StringID(id))
	}
	return list
}

func testMessagesDeleteMany(t *testing.T, start starter) {
	h := start(t, setting{})
	h.letters("t", 5)
	a := do(h, ckpt.MessagesDelete, ckpt.MessagesDeleteRequest{WriteRef: write1("t"), MessageIDs: stringIDs("d", "b", "none", "b")})
	if a.Deleted != 2 {
		t.Errorf("%d deleted, want 2", a.Deleted)
	}
	h.wantTexts("t", "a", "c", "e")
	// Neither none of them nor both ways of naming them.
	refused(h, ckpt.NotFound, ckpt.MessagesDelete, ckpt.MessagesDeleteRequest{WriteRef: write1("t"), MessageIDs: stringIDs("b", "none")})
	refused(h, ckpt.NotFound, ckpt.MessagesDelete, ckpt.MessagesDeleteRequest{WriteRef: write1("none"), MessageIDs: stringIDs("b")})
	refused(h, ckpt.InvalidArgument, ckpt.MessagesDelete, ckpt.MessagesDeleteRequest{WriteRef: write1("t"), MessageID: ckpt.StringID("a"), MessageIDs: stringIDs("c")})
	refused(h, ckpt.InvalidArgument, ckpt.MessagesDelete, ckpt.MessagesDeleteRequest{WriteRef: write1("t")})
	refused(h, ckpt.TooLarge, ckpt.MessagesDelete, ckpt.MessagesDeleteRequest{WriteRef: write1("t"),
		MessageIDs: slices.Repeat(stringIDs("a"), h.store.Limits().Batch+1)})
	h.wantTexts("t", "a", "c", "e")
	if one := do(h, ckpt.MessagesDelete, ckpt.MessagesDeleteRequest{WriteRef: write1("t"), MessageID: ckpt.StringID("c")}); one.Deleted != 1 {
		t.Errorf("%d deleted, want 1", one.Deleted)
	}
	h.wantTexts("t", "a", "e")
}

func testMessagesReplaceInPlace(t *testing.T, start starter) {
	h := start(t, setting{})
	h.letters("t", 3)
	revision := h.putState("t", ckpt.Raw{1}).Revision
	replace := ckpt.MessagesReplaceRequest{WriteRef: at("t", revision), Message: textMessage(t, "b", "new")}
	a := do(h, ckpt.MessagesReplace, replace)
	h.wantTexts("t", "a", "new", "c")
	if a.Revision <= revision {
		t.Errorf("revision %d after %d", a.Revision, revision)
	}
	// The condition holds once; what is not there is not replaced.
	replace.Message = textMessage(t, "b", "newer")
	refused(h, ckpt.Conflict, ckpt.MessagesReplace, replace)
	refused(h, ckpt.NotFound, ckpt.MessagesReplace, ckpt.MessagesReplaceRequest{WriteRef: write1("t"), Message: textMessage(t, "x", "x")})
	refused(h, ckpt.NotFound, ckpt.MessagesReplace, ckpt.MessagesReplaceRequest{WriteRef: write1("none"), Message: textMessage(t, "b", "x")})
	refused(h, ckpt.InvalidArgument, ckpt.MessagesReplace, ckpt.MessagesReplaceRequest{WriteRef: write1("t"), Message: pairs(t, "role", "user")})
	h.wantTexts("t", "a", "new", "c")
}

func testMessagesTruncate(t *testing.T, start starter) {
	h := start(t, setting{})
	h.letters("t", 6)
	truncate := func(id string) int {
		t.Helper()
		return do(h, ckpt.MessagesTruncate, ckpt.MessagesTruncateRequest{WriteRef: write1("t"), MessageID: ckpt.StringID(id)}).Deleted
	}
	if n := truncate("d"); n != 2 {
		t.Errorf("%d deleted, want 2", n)
	}
	h.wantTexts("t", "a", "b", "c", "d")
	if n := truncate("d"); n != 0 {
		t.Errorf("%d deleted, want none", n)
	}
	refused(h, ckpt.NotFound, ckpt.MessagesTruncate, ckpt.MessagesTruncateRequest{WriteRef: write1("t"), MessageID: ckpt.StringID("f")})
	refused(h, ckpt.NotFound, ckpt.MessagesTruncate, ckpt.MessagesTruncateRequest{WriteRef: write1("none"), MessageID: ckpt.StringID("a")})
	if n := truncate("a"); n != 3 {
		t.Errorf("%d deleted, want 3", n)
	}
	h.wantTexts("t", "a")
	// Of a thread long enough to have an index, and with gaps in it.
	var many []ckpt.Raw
	for i := range 1000 {
		many = append(many, textMessage(t, i, "x"))
	}
	h.putMessages("t", many...)
	do(h, ckpt.MessagesDelete, ckpt.MessagesDeleteRequest{WriteRef: write1("t"), MessageID: ckpt.IntID(700)})
	a := do(h, ckpt.MessagesTruncate, ckpt.MessagesTruncateRequest{WriteRef: write1("t"), MessageID: ckpt.IntID(600)})
	if left := len(h.texts("t")); a.Deleted != 398 || left != 602 {
		t.Errorf("%d deleted, %d left", a.Deleted, left)
	}
}

func testMessagesPop(t *testing.T, start starter) {
	h := start(t, setting{})
	h.letters("t", 5)
	pop := ckpt.MessagesPopRequest{WriteRef: writeAs("t", "pop"), Count: 2}
	a := do(h, ckpt.MessagesPop, pop)
	ids := func(a ckpt.MessagesPopReply) (list []string) {
		for _, body := range a.Messages {
			id, _, err := messages.IDOf(body)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, id.String())
		}
		return list
	}
	if got := ids(a); !slices.Equal(got, []string{"d", "e"}) {
		t.Errorf("popped %q", got)
	}
	h.wantTexts("t", "a", "b", "c")
	// Popped once, however often it is asked for.
	if again := ids(do(h, ckpt.MessagesPop, pop)); !slices.Equal(again, []string{"d", "e"}) {
		t.Errorf("popped %q the second time", again)
	}
	h.wantTexts("t", "a", "b", "c")
	if got := ids(do(h, ckpt.MessagesPop, ckpt.MessagesPopRequest{WriteRef: write1("t"), Count: 10})); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("popped %q", got)
	}
	if got := do(h, ckpt.MessagesPop, ckpt.MessagesPopRequest{WriteRef: write1("t"), Count: 1}); len(got.Messages) != 0 || got.Revision != 0 {
		t.Errorf("of an empty thread: %+v", got)
	}
	refused(h, ckpt.InvalidArgument, ckpt.MessagesPop, ckpt.MessagesPopRequest{WriteRef: write1("t")})
	refused(h, ckpt.TooLarge, ckpt.MessagesPop, ckpt.MessagesPopRequest{WriteRef: write1("t"), Count: h.store.Limits().Batch + 1})
	// What does not fit a reply stays.
	large := pack(t, string(make([]byte, h.store.Limits().Page/2)))
	h.putMessages("u", append(ckpt.Raw("\x82\xaamessage_id\x01\xa7content"), large...))
	h.putMessages("u", append(ckpt.Raw("\x82\xaamessage_id\x02\xa7content"), large...))
	if e := refused(h, ckpt.TooLarge, ckpt.MessagesPop, ckpt.MessagesPopRequest{WriteRef: write1("u"), Count: 2}); e.Limit == 0 {
		t.Errorf("%v without its limit", e)
	}
	if n := len(h.texts("u")); n != 1 { // which is a page of two
		t.Errorf("%d messages", n)
	}
	do(h, ckpt.MessagesPop, ckpt.MessagesPopRequest{WriteRef: write1("u"), Count: 1})
}
