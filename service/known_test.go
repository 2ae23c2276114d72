package service

import (
	"testing"

	"github.com/ckptbus/ckpt"
)

// Whoever is told that something is not there, or not so, is told how far the store
// was: no other replica may show it again.
func testKnown(t *testing.T, start starter) {
	h := start(t, setting{})
	h.fill("ann")
	gone := do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: write1("t")})
	read := ckpt.ReadRef{ThreadRef: thread("t")}
	if gone.Known != 0 && gone.Revision != 0 {
		t.Errorf("%+v has both", gone)
	}
	for what, known := range map[string]ckpt.Position{
		"state.get":     refused(h, ckpt.NotFound, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: read}).Known,
		"a condition":   refused(h, ckpt.Conflict, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: at("t", 1), State: ckpt.Raw{1}}).Known,
		"messages.list": knownOf(do(h, ckpt.MessagesList, ckpt.MessagesListRequest{ReadRef: read}).Reply),
		"state.clear":   knownOf(do(h, ckpt.StateClear, ckpt.StateClearRequest{WriteRef: write1("t")}).Reply),
		"threads.clean": knownOf(do(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: write1("t")}).Reply),
	} {
		if known.StoreID != gone.StoreID || known.Revision < gone.Revision {
			t.Errorf("%s knows of %+v, want revision %d", what, known, gone.Revision)
		}
	}
	if a := h.putState("t", ckpt.Raw{1}); a.Known != 0 {
		t.Errorf("%+v has a revision to tell how far it is", a)
	}
	if e := refused(h, ckpt.InvalidArgument, ckpt.MessagesPop, ckpt.MessagesPopRequest{WriteRef: write1("t")}); e.Known != (ckpt.Position{}) {
		t.Errorf("%v tells of the store", e)
	}
}

func knownOf(r ckpt.Reply) ckpt.Position {
	return ckpt.Position{StoreID: r.StoreID, Revision: r.Known}
}
