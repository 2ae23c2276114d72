package service

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
)

func writeAs(id, request string) ckpt.WriteRef {
	return ckpt.WriteRef{ThreadRef: thread(id), Terms: ckpt.Terms{RequestID: request}}
}

// again carries out a request twice, and checks that the second time brings
// the first answer and no change.
func again[Q, A any](h *harness, op ckpt.Op[Q, A], q Q) {
	h.Helper()
	first := do(h, op, q)
	before := h.dump()
	h.clock.advance(time.Second)
	if second := do(h, op, q); !reflect.DeepEqual(first, second) {
		h.Errorf("%s: answered %+v, then %+v", op.Name, first, second)
	}
	if after := h.dump(); !equalDumps(before, after) {
		h.Errorf("%s: the second request changed the thread:\n%q\n%q", op.Name, before, after)
	}
}

func testRequestIDs(t *testing.T, start starter) {
	h := start(t, setting{})
	h.fill("ann")
	again(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: writeAs("t", "1"), State: ckpt.Raw{9}})
	again(h, ckpt.CachePut, ckpt.CachePutRequest{WriteRef: writeAs("t", "2"), State: ckpt.Raw{9}, TTL: time.Hour})
	again(h, ckpt.MessagesPut, ckpt.MessagesPutRequest{WriteRef: writeAs("t", "3"), Messages: []ckpt.Raw{pairs(t, "role", "user")}})
	again(h, ckpt.MessagesDelete, ckpt.MessagesDeleteRequest{WriteRef: writeAs("t", "4"), MessageID: ckpt.StringID("m")})
	again(h, ckpt.ThreadsPut, ckpt.ThreadsPutRequest{Terms: ckpt.Terms{RequestID: "5"}, Record: pairs(t, "thread_id", "t", "thread_name", "x")})
	again(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: writeAs("t", "6"), RecordOnly: true})
	again(h, ckpt.CacheClear, ckpt.CacheClearRequest{WriteRef: writeAs("t", "7")})
	again(h, ckpt.StateClear, ckpt.StateClearRequest{WriteRef: writeAs("t", "8")})
	again(h, ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: writeAs("t", "9")})
	again(h, ckpt.LeasesAcquire, ckpt.LeasesAcquireRequest{WriteRef: writeAs("leased", "1"), Owner: "w", TTL: time.Minute})
	token := do(h, ckpt.LeasesGet, ckpt.LeasesGetRequest{ThreadRef: thread("leased")}).Token
	for i := range 10 { // which push no answer out
		do(h, ckpt.LeasesRenew, ckpt.LeasesRenewRequest{WriteRef: writeAs("leased", fmt.Sprint("renew", i)), Token: token, TTL: time.Hour})
	}
	again(h, ckpt.LeasesAcquire, ckpt.LeasesAcquireRequest{WriteRef: writeAs("leased", "1"), Owner: "w", TTL: time.Minute})
	again(h, ckpt.LeasesRelease, ckpt.LeasesReleaseRequest{WriteRef: writeAs("leased", "3"), Token: token})
	// A retry that comes after other writes does not bring its value back.
	old := ckpt.StatePutRequest{WriteRef: writeAs("u", "old"), State: ckpt.Raw{1}}
	first := do(h, ckpt.StatePut, old)
	h.putState("u", ckpt.Raw{2})
	if second := do(h, ckpt.StatePut, old); second != first {
		t.Errorf("answered %+v, then %+v", first, second)
	}
	if a := do(h, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("u")}}); a.State[0] != 2 {
		t.Errorf("state %x, want that of the latest write", []byte(a.State))
	}
	// Two threads may see one ID, and a refused request uses up none.
	do(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: writeAs("v", "old"), State: ckpt.Raw{3}})
	del := ckpt.MessagesDeleteRequest{WriteRef: writeAs("v", "del"), MessageID: ckpt.IntID(1)}
	refused(h, ckpt.NotFound, ckpt.MessagesDelete, del)
	h.putMessages("v", textMessage(t, 1, "x"))
	do(h, ckpt.MessagesDelete, del)
	// The thread's owner keeps others from asking for the answers.
	h.fill("ann")
	secret := ckpt.StatePutRequest{WriteRef: writeAs("t", "secret"), State: ckpt.Raw{1}}
	do(h, ckpt.StatePut, secret)
	secret.UserID = "bob"
	refused(h, ckpt.PermissionDenied, ckpt.StatePut, secret)
	// The latest eight answers are remembered, for two minutes.
	n := 0
	put := func(i int) uint64 {
		return do(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: writeAs("w", fmt.Sprint(i)), State: ckpt.Raw{1}}).Revision
	}
	var revisions []uint64
	for ; n < 9; n++ {
		revisions = append(revisions, put(n))
	}
	for i := 1; i < n; i++ {
		if got := put(i); got != revisions[i] {
			t.Errorf("request %d of %d: revision %d, then %d", i, n, revisions[i], got)
		}
	}
	if put(0) == revisions[0] {
		t.Error("the ninth answer is remembered")
	}
	h.clock.advance(2*time.Minute + time.Second)
	if put(8) == revisions[8] {
		t.Error("an answer is remembered after two minutes")
	}
}

func testRequestIDConflict(t *testing.T, start starter) {
	h := start(t, setting{})
	put := do(h, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: writeAs("t", "r"), State: ckpt.Raw{1}})
	e := refused(h, ckpt.Conflict, ckpt.StateClear, ckpt.StateClearRequest{WriteRef: writeAs("t", "r")})
	if e.Revision != put.Revision {
		t.Errorf("the error carries revision %d, want %d", e.Revision, put.Revision)
	}
	refused(h, ckpt.Conflict, ckpt.CachePut, ckpt.CachePutRequest{WriteRef: writeAs("t", "r"), State: ckpt.Raw{1}})
	do(h, ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: thread("t")}})
}

// A request ID that was used for another body is a conflict, wherever it differs;
// how the same body travels makes no difference, nor who repeats it.
func testRequestIDAnotherBody(t *testing.T, start starter) {
	h := start(t, setting{})
	first := do(h, ckpt.CachePut, ckpt.CachePutRequest{WriteRef: writeAs("t", "r"), State: ckpt.Raw{1}, TTL: time.Hour})
	for name, q := range map[string]ckpt.CachePutRequest{
		"state":     {State: ckpt.Raw{2}, TTL: time.Hour},
		"ttl":       {State: ckpt.Raw{1}, TTL: time.Minute},
		"no ttl":    {State: ckpt.Raw{1}},
		"condition": {State: ckpt.Raw{1}, TTL: time.Hour, WriteRef: ckpt.WriteRef{Terms: ckpt.Terms{Expected: ckpt.AtRevision(first.Revision)}}},
	} {
		q.ThreadID, q.RequestID = "t", "r"
		if e := refused(h, ckpt.Conflict, ckpt.CachePut, q); e.Revision != first.Revision || !strings.Contains(e.Message, "request_id r was used for another cache.put") {
			t.Errorf("%s: %v at revision %d", name, e, e.Revision)
		}
	}
	put := ckpt.MessagesPutRequest{WriteRef: writeAs("t", "m"), Messages: []ckpt.Raw{pairs(t, "role", "user"), pairs(t, "role", "tool")}}
	do(h, ckpt.MessagesPut, put)
	put.Messages = put.Messages[:1]
	refused(h, ckpt.Conflict, ckpt.MessagesPut, put)
	again := ckpt.CachePutRequest{WriteRef: writeAs("t", "r"), State: ckpt.Raw{1}, TTL: time.Hour}
	again.After, again.UserID = ckpt.Position{StoreID: first.StoreID, Revision: first.Revision}, "ann"
	if a := do(h, ckpt.CachePut, again); a != first {
		t.Errorf("answered %+v, then %+v", first, a)
	}
	// In another order, and with a TTL that is wider than it need be.
	body := "\x85\xa5state\x01\xa6ttl_ms\xcf\x00\x00\x00\x00\x00\x36\xee\x80\xa9thread_id\xa1t\xaarequest_id\xa1r\xa7user_id\xc0"
	msg, err := h.nc.Request(ckpt.CachePut.Subject(h.prefix), []byte(body), patience)
	if err != nil {
		t.Fatal(err)
	}
	var a ckpt.CachePutReply
	if err := ckpt.Decode(msg.Data, &a); err != nil || a.Revision != first.Revision {
		t.Errorf("answered %v: %q, %+v, want %+v", err, msg.Header, a, first)
	}
}

// A retry that comes after the thread was cleaned does not bring it back.
func testRequestIDOutlivesClean(t *testing.T, start starter) {
	h := start(t, setting{})
	put := ckpt.MessagesPutRequest{WriteRef: writeAs("t", "put"), Messages: []ckpt.Raw{pairs(t, "role", "user")}}
	clean := ckpt.ThreadsCleanRequest{WriteRef: writeAs("t", "clean")}
	first := do(h, ckpt.MessagesPut, put)
	cleaned := do(h, ckpt.ThreadsClean, clean)
	h.clock.advance(time.Minute)
	h.sweep()
	if second := do(h, ckpt.MessagesPut, put); !reflect.DeepEqual(first, second) {
		t.Errorf("answered %+v, then %+v", first, second)
	}
	if second := do(h, ckpt.ThreadsClean, clean); second != cleaned || !second.Cleaned {
		t.Errorf("answered %+v, then %+v", cleaned, second)
	}
	refused(h, ckpt.Conflict, ckpt.StatePut, ckpt.StatePutRequest{WriteRef: writeAs("t", "clean"), State: ckpt.Raw{1}})
	if ids := h.threads(ckpt.ThreadsListRequest{}); len(ids) != 0 {
		t.Errorf("threads %q, want none", ids)
	}
	// When the answers are forgotten, so is the thread.
	h.clock.advance(2 * time.Minute)
	h.sweep()
	if again := do(h, ckpt.MessagesPut, put); again.Revision <= cleaned.Revision {
		t.Errorf("revision %d after %d", again.Revision, cleaned.Revision)
	}
}
