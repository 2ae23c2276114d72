package ckpt_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

var update = flag.Bool("update", false, "write the golden files of the wire format anew")

// exchange is one example of an operation.
type exchange struct {
	name    string
	request ckpt.Record
	reply   ckpt.Record
}

// exchangeOf lets the compiler check that the two belong to the operation.
func exchangeOf[Q, A any](op ckpt.Op[Q, A], request Q, reply A) exchange {
	return exchange{op.Name, op.Request(&request), op.Reply(&reply)}
}

// exchanges returns an example of each operation with every field set.
func exchanges(t testing.TB) []exchange {
	after := ckpt.Position{StoreID: "S1", Revision: 40}
	thread := ckpt.ThreadRef{ThreadID: "airline-17", UserID: "user-42", After: after}
	read := ckpt.ReadRef{ThreadRef: thread, Linearizable: true}
	write := ckpt.WriteRef{ThreadRef: thread, Terms: ckpt.Terms{RequestID: "0198c2f0-7d2e-7b1a-9d57-3f2d1c0b9a88", Expected: ckpt.AtRevision(11), Lease: 35}}
	page := ckpt.Page{Search: "refund", Offset: 100, Limit: 50, Cursor: "AQ", Reverse: true, CountOnly: true, Select: []string{"message_id"}}
	rows := ckpt.PageReply{Total: 240, HasMore: true, NextOffset: 102, NextCursor: "AQ"}
	keep := 10
	removed := ckpt.Removed{Threads: 1, States: 1, Caches: 1, Messages: 240, Records: 1}
	at := time.UnixMilli(1758400000123).UTC()
	later := at.Add(90 * time.Second)
	stamp := ckpt.Reply{Revision: 41, StoreID: "S1", Known: 41}

	state := ckpt.Raw(encode(t, &ckpt.ExecutionMeta{CurrentNode: ckpt.StartNode, Step: 3, Status: ckpt.StatusRunning}))
	metadata := ckpt.Raw("\x81\xa4lang\xa2en")
	first, second := ckpt.TextMessage(ckpt.RoleUser, "Where is my refund?"), ckpt.ToolResult("call-1", "paid")
	first.MessageID, second.MessageID = ckpt.StringID("m-1"), ckpt.IntID(2)
	messages := []ckpt.Raw{encode(t, &first), encode(t, &second)}
	ids := []ckpt.MessageID{first.MessageID, second.MessageID}
	record := ckpt.Raw(encode(t, &ckpt.ThreadInfo{ThreadID: "airline-17", ThreadName: "Refund", UserID: "user-42", RunID: "run-3",
		Metadata: map[string]any{"team": "support"}, CreatedAt: at, UpdatedAt: later, Bare: true,
		ExpiresAt: later.Add(time.Hour), TTL: time.Hour, Sliding: true, Pinned: true, KeepMessages: 100, Origin: &ckpt.Origin{ThreadID: "airline-9", Revision: 31}, Messages: 240, Bytes: 64000}))
	ttl, pinned, keep := 90*time.Second, true, 100

	changed, change := exampleEvent(), exampleChange()
	changes := ckpt.Changes{State: state, ClearState: true, Keep: &keep, Cache: state, CacheTTL: 90 * time.Second, ClearCache: true,
		Delete: ids[1:], Messages: messages[:1], Metadata: metadata, Record: record}
	committed := ckpt.Committed{UpdatedAt: at, ExpiresAt: later, MessageIDs: ids[:1], Deleted: 1}

	list := []exchange{
		exchangeOf(ckpt.Setup, ckpt.SetupRequest{Client: "ckpt-go/0.1.0", Protocol: 1},
			ckpt.SetupReply{Reply: stamp, Service: "ckpt", Version: "0.1.0", Protocol: 1, Journal: "local",
				Limits: ckpt.LimitsFor(1 << 20)}),
		exchangeOf(ckpt.Info, ckpt.InfoRequest{},
			ckpt.InfoReply{Reply: stamp, Replica: "R1", Version: "0.1.0", Protocol: 1, Journal: "local", Last: 43,
				Serving: true, Reason: "it is stopping", StartedAt: at, Requests: 1200, Threads: 17}),
		exchangeOf(ckpt.Stats, ckpt.StatsRequest{Top: 1},
			ckpt.StatsReply{Reply: stamp, Replica: "R1", Last: 43, StartedAt: at, Threads: 17, Messages: 240, LiveBytes: 81000, HeldBytes: 99000,
				Largest:    []ckpt.ThreadStats{{ThreadID: "airline-17", UserID: "user-42", Messages: 200, Bytes: 64000}},
				Users:      []ckpt.UserStats{{UserID: "user-42", Threads: 3, Messages: 220, Bytes: 70000}},
				Operations: []ckpt.OperationStats{{Operation: "state.put", Requests: 1200, Errors: 3, Mean: 9000, P50: 7000, P99: 30000, Max: 2 * time.Millisecond}}}),
		exchangeOf(ckpt.Release, ckpt.ReleaseRequest{Confirm: "ckpt", RequestID: write.RequestID},
			ckpt.ReleaseReply{Reply: stamp, Removed: removed}),
		exchangeOf(ckpt.StatePut, ckpt.StatePutRequest{WriteRef: write, Keep: &keep, State: state},
			ckpt.StatePutReply{Reply: stamp, UpdatedAt: at}),
		exchangeOf(ckpt.StateGet, ckpt.StateGetRequest{ReadRef: read, AtRevision: 31},
			ckpt.StateGetReply{Reply: stamp, State: state, UpdatedAt: at, ExpiresAt: later}),
		exchangeOf(ckpt.StateMany, ckpt.StateManyRequest{ThreadIDs: []string{"airline-17", "airline-18"}, UserID: "user-42", After: after, Linearizable: true},
			ckpt.StateManyReply{Reply: stamp, States: []ckpt.ThreadState{{ThreadID: "airline-17", Revision: 40, UpdatedAt: at, State: state}}, Next: 1}),
		exchangeOf(ckpt.StateClear, ckpt.StateClearRequest{WriteRef: write, KeepCache: true},
			ckpt.ClearReply{Reply: stamp, Cleared: true}),
		exchangeOf(ckpt.StateHistory, ckpt.StateHistoryRequest{ReadRef: read, Before: 41, Limit: 2, States: true},
			ckpt.StateHistoryReply{Reply: stamp, Keep: 10, From: 17, HasMore: true, Next: 31, Versions: []ckpt.StateVersion{
				{Revision: 36, UpdatedAt: later, Cleared: true}, {Revision: 31, UpdatedAt: at, Size: len(state), State: state}}}),
		exchangeOf(ckpt.StateRestore, ckpt.StateRestoreRequest{WriteRef: write, Revision: 31, WithMessages: true},
			ckpt.StateRestoreReply{Reply: stamp, UpdatedAt: at, Cleared: true, Put: 1, Deleted: 3}),
		exchangeOf(ckpt.CachePut, ckpt.CachePutRequest{WriteRef: write, State: state, TTL: 90 * time.Second},
			ckpt.CachePutReply{Reply: stamp, UpdatedAt: at, ExpiresAt: later}),
		exchangeOf(ckpt.CacheGet, ckpt.CacheGetRequest{ReadRef: read},
			ckpt.StateGetReply{Reply: stamp, State: state, UpdatedAt: at, ExpiresAt: later}),
		exchangeOf(ckpt.CacheClear, ckpt.CacheClearRequest{WriteRef: write}, ckpt.ClearReply{Reply: stamp, Cleared: true}),
		exchangeOf(ckpt.MessagesPut, ckpt.MessagesPutRequest{WriteRef: write, Messages: messages, Metadata: metadata, KeepMessages: 100},
			ckpt.MessagesPutReply{Reply: stamp, MessageIDs: ids, Count: 2}),
		exchangeOf(ckpt.MessagesGet, ckpt.MessagesGetRequest{ReadRef: read, AtRevision: 31, MessageID: ckpt.IntID(2)},
			ckpt.MessagesGetReply{Reply: stamp, PutRevision: 17, Message: messages[1]}),
		exchangeOf(ckpt.MessagesList, ckpt.MessagesListRequest{ReadRef: read, AtRevision: 31, Page: page,
			Role: ckpt.RoleUser, From: 1758400000.5, Until: 1758400001, Metadata: metadata},
			ckpt.MessagesListReply{Reply: stamp, PageReply: rows, Metadata: metadata, Messages: messages}),
		exchangeOf(ckpt.MessagesDelete, ckpt.MessagesDeleteRequest{WriteRef: write, MessageID: ckpt.StringID("m-1"), MessageIDs: ids},
			ckpt.MessagesDeleteReply{Reply: stamp, Deleted: 1}),
		exchangeOf(ckpt.MessagesReplace, ckpt.MessagesReplaceRequest{WriteRef: write, Message: messages[0]},
			ckpt.MessagesReplaceReply{Reply: stamp}),
		exchangeOf(ckpt.MessagesTruncate, ckpt.MessagesTruncateRequest{WriteRef: write, MessageID: ckpt.StringID("m-1")},
			ckpt.MessagesDeleteReply{Reply: stamp, Deleted: 1}),
		exchangeOf(ckpt.MessagesPop, ckpt.MessagesPopRequest{WriteRef: write, Count: 1},
			ckpt.MessagesPopReply{Reply: stamp, Messages: messages[1:]}),
		exchangeOf(ckpt.ThreadsPut, ckpt.ThreadsPutRequest{Record: record, Terms: write.Terms},
			ckpt.ThreadsPutReply{Reply: stamp}),
		exchangeOf(ckpt.ThreadsGet, ckpt.ThreadsGetRequest{ReadRef: read},
			ckpt.ThreadsGetReply{Reply: stamp, Record: record}),
		exchangeOf(ckpt.ThreadsList, ckpt.ThreadsListRequest{UserID: "user-42", WithRecord: true, Sizes: true, After: after, Linearizable: true, Page: page,
			Order: ckpt.OrderUpdated, Metadata: metadata, CreatedFrom: at, CreatedUntil: later, UpdatedFrom: at, UpdatedUntil: later},
			ckpt.ThreadsListReply{Reply: stamp, PageReply: rows, Threads: []ckpt.Raw{record, record}}),
		exchangeOf(ckpt.ThreadsClean, ckpt.ThreadsCleanRequest{WriteRef: write, RecordOnly: true},
			ckpt.ThreadsCleanReply{Reply: stamp, Cleaned: true, Removed: removed}),
		exchangeOf(ckpt.ThreadsRetain, ckpt.ThreadsRetainRequest{WriteRef: write, TTL: &ttl, Sliding: true, Pinned: &pinned, KeepMessages: &keep},
			ckpt.ThreadsRetainReply{Reply: stamp, ExpiresAt: later}),
		exchangeOf(ckpt.ThreadsPrune, ckpt.ThreadsPruneRequest{After: after, RequestID: write.RequestID, UserID: "user-42", OlderThan: 720 * time.Hour,
			UpdatedBefore: at, Metadata: metadata, Pinned: true, DryRun: true, Limit: 50},
			ckpt.ThreadsPruneReply{Reply: stamp, Removed: removed, HasMore: true}),
		exchangeOf(ckpt.ThreadsCommit, ckpt.ThreadsCommitRequest{WriteRef: write, Changes: changes},
			ckpt.ThreadsCommitReply{Reply: stamp, Committed: committed}),
		exchangeOf(ckpt.ThreadsTransact, ckpt.ThreadsTransactRequest{After: after, RequestID: write.RequestID, Commits: []ckpt.ThreadCommit{
			{ThreadID: "airline-17", UserID: "user-42", Expected: ckpt.AtRevision(11), Lease: 35, Changes: changes}, {ThreadID: "airline-18", Expected: ckpt.AtRevision(0), Changes: changes}}},
			ckpt.ThreadsTransactReply{Reply: stamp, Commits: []ckpt.Committed{committed, committed}}),
		exchangeOf(ckpt.ChangesList, ckpt.ChangesListRequest{After: after, Since: at, Until: 41, ThreadID: "airline-17", UserID: "user-42",
			Kinds: []string{"messages.put", "expired"}, Skip: 3, Seen: 2, Limit: 50, Changes: true},
			ckpt.ChangesListReply{Reply: stamp, Events: []ckpt.Raw{encode(t, &changed)}, Changes: []ckpt.Raw{encode(t, &change)}, Next: after, NextSkip: 4, HasMore: true,
				Complete: true, Oldest: 12}),
		exchangeOf(ckpt.ThreadsFork, ckpt.ThreadsForkRequest{WriteRef: write, To: "airline-18", AtRevision: 31},
			ckpt.ThreadsForkReply{Reply: stamp, Origin: ckpt.Origin{ThreadID: "airline-17", Revision: 31}, Messages: 240}),
		exchangeOf(ckpt.LeasesAcquire, ckpt.LeasesAcquireRequest{WriteRef: write, Owner: "worker-3", TTL: 30 * time.Second},
			ckpt.LeaseReply{Reply: stamp, Token: 35, Owner: "worker-3", ExpiresAt: later}),
		exchangeOf(ckpt.LeasesRenew, ckpt.LeasesRenewRequest{WriteRef: write, Token: 35, TTL: 30 * time.Second},
			ckpt.LeaseReply{Reply: stamp, Token: 35, Owner: "worker-3", ExpiresAt: later}),
		exchangeOf(ckpt.LeasesRelease, ckpt.LeasesReleaseRequest{WriteRef: write, Token: 35},
			ckpt.LeasesReleaseReply{Reply: stamp, Released: true}),
		exchangeOf(ckpt.LeasesGet, ckpt.LeasesGetRequest{ThreadRef: thread},
			ckpt.LeaseReply{Reply: stamp, Token: 35, Owner: "worker-3", ExpiresAt: later}),
		exchangeOf(ckpt.WatchersPut, ckpt.WatchersPutRequest{Name: "indexer", Position: after, Terms: write.Terms},
			ckpt.WatchersPutReply{Reply: stamp}),
		exchangeOf(ckpt.WatchersGet, ckpt.WatchersGetRequest{Name: "indexer", After: after, Linearizable: true},
			ckpt.WatchersGetReply{Reply: stamp, Position: after, UpdatedAt: at}),
		exchangeOf(ckpt.WatchersDelete, ckpt.WatchersDeleteRequest{Name: "indexer", Terms: write.Terms},
			ckpt.WatchersDeleteReply{Reply: stamp, Deleted: true}),
		exchangeOf(ckpt.PartsPut, ckpt.PartsPutRequest{ID: "U1", Index: 2, Data: []byte("part")},
			ckpt.PartsPutReply{Reply: stamp}),
		exchangeOf(ckpt.PartsEnd, ckpt.PartsEndRequest{ID: "U1"},
			ckpt.PartsEndReply{Reply: stamp}),
		exchangeOf(ckpt.PartsGet, ckpt.PartsGetRequest{ID: "D1", Index: 2},
			ckpt.PartsGetReply{Reply: stamp, Data: []byte("part")}),
	}
	slices.SortFunc(list, func(a, b exchange) int { return place(a.name) - place(b.name) })
	return list
}

// place is where an operation stands in the table.
func place(name string) int {
	return slices.IndexFunc(ckpt.Operations(), func(op ckpt.OpInfo) bool { return op.Name == name })
}

// The bytes of each request and reply are those of the golden files, so that
// no change of the wire format goes unseen. Run the test with -update to write
// the files anew.
func TestGoldenExchanges(t *testing.T) {
	t.Parallel()
	examples := exchanges(t)
	for i, op := range ckpt.Operations() {
		if i >= len(examples) || examples[i].name != op.Name {
			t.Fatalf("no example of %s in its place", op.Name)
		}
		golden(t, op.Name+".request", examples[i].request, op.NewRequest())
		golden(t, op.Name+".reply", examples[i].reply, op.NewReply())
	}
	if len(examples) != len(ckpt.Operations()) {
		t.Errorf("%d examples of %d operations", len(examples), len(ckpt.Operations()))
	}
}

func TestGoldenRecords(t *testing.T) {
	t.Parallel()
	message := fullMessage()
	golden(t, "message", &message, new(ckpt.Message))
	event := exampleEvent()
	golden(t, "event", &event, new(ckpt.Event))
	change := exampleChange()
	golden(t, "change", &change, new(ckpt.Change))
	golden(t, "error", &ckpt.Error{Revision: 41, Size: 10, Limit: 8, Known: ckpt.Position{StoreID: "S1", Revision: 43}, Lease: 35,
		Parts: &ckpt.Parts{ID: "D1", Replica: "R1", PartSize: 4, Checksum: 1 << 63}}, new(ckpt.Error))
	golden(t, "upload.request", &ckpt.UploadRequest{Size: 10, PartSize: 4, Checksum: 1 << 63}, new(ckpt.UploadRequest))
	golden(t, "upload.reply", &ckpt.UploadReply{Reply: ckpt.Reply{Revision: 41, StoreID: "S1", Known: 41}, ID: "U1", Replica: "R1"}, new(ckpt.UploadReply))
}

// exampleEvent has every field.
func exampleEvent() ckpt.Event {
	return ckpt.Event{ThreadID: "airline-17", Kind: ckpt.MessagesPut.Name, Revision: 41, Previous: 39,
		At: time.UnixMilli(1758400000123).UTC(), UserID: "user-42", RequestID: "r-1",
		MessageIDs: []ckpt.MessageID{ckpt.StringID("m-1"), ckpt.IntID(2)}, Trimmed: 3, Size: 214, StoreID: "S1"}
}

// exampleChange has every field, which no change has.
func exampleChange() ckpt.Change {
	return ckpt.Change{State: ckpt.Raw{1}, Cache: ckpt.Raw{2}, ExpiresAt: time.UnixMilli(1758400000123).UTC(),
		Deleted: []ckpt.MessageID{ckpt.IntID(2)}, Messages: []ckpt.Raw{{0x80}}, Metadata: ckpt.Raw{0x80}, Record: ckpt.Raw{0x80},
		NoState: true, NoCache: true, NoRecord: true, Removed: true}
}

// golden compares r's bytes with the file of that name, and what empty becomes
// from them with r.
func golden(t *testing.T, name string, r, empty ckpt.Record) {
	t.Helper()
	b := encode(t, r)
	for _, field := range ckpt.FieldsOf(r) {
		if ckpt.Raw(b).Get(field.Name) == nil {
			t.Errorf("%s: field %s is not set: the example is not complete", name, field.Name)
		}
	}
	if err := ckpt.Decode(b, empty); err != nil || !reflect.DeepEqual(empty, r) {
		t.Errorf("%s: got %+v, %v\nwant %+v", name, empty, err, r)
	}
	text := fmt.Sprintf("# %s\n# %s\n%s", name, jsonOf(t, b), hex.Dump(b))
	path := filepath.Join("testdata", "golden", name+".hex")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// A checkout may have turned the ends of lines.
	if want := strings.ReplaceAll(string(want), "\r\n", "\n"); text != want {
		t.Errorf("%s: the wire format changed\ngot:\n%s\nwant:\n%s", name, text, want)
	}
}

// A request whose field is not known must not pass, since the field could be a
// condition; a reply may have fields of a later version. Only the handshake
// and info must be readable whatever the client's version.
func TestUnknownFieldsOfExchanges(t *testing.T) {
	t.Parallel()
	for i, example := range exchanges(t) {
		op := ckpt.Operations()[i]
		err := ckpt.Decode(withLater(encode(t, example.request)), op.NewRequest())
		if open := op.Name == ckpt.Setup.Name || op.Name == ckpt.Info.Name; (err == nil) != open {
			t.Errorf("%s: request with a field of a later version: %v", op.Name, err)
		}
		if err := ckpt.Decode(withLater(encode(t, example.reply)), op.NewReply()); err != nil {
			t.Errorf("%s: reply with a field of a later version: %v", op.Name, err)
		}
	}
}

func TestUnknownFieldsOfThreadInfo(t *testing.T) {
	t.Parallel()
	b := withLater(encode(t, &ckpt.ThreadInfo{ThreadID: "airline-17", ThreadName: "Refund"}))
	var out ckpt.ThreadInfo
	if err := ckpt.Decode(b, &out); err != nil {
		t.Fatal(err)
	}
	if again := encode(t, &out); !bytes.Equal(again, b) {
		t.Errorf("got  %x\nwant %x", again, b)
	}
}

// Each field is of a kind, and each required one must be there.
func TestExchangesRefuse(t *testing.T) {
	t.Parallel()
	for i, example := range exchanges(t) {
		op := ckpt.Operations()[i]
		for _, side := range []struct {
			full  ckpt.Record
			empty func() ckpt.Record
		}{{example.request, op.NewRequest}, {example.reply, op.NewReply}} {
			b := ckpt.Raw(encode(t, side.full))
			for _, field := range ckpt.FieldsOf(side.full) {
				without := remove(b, field.Name)
				err := ckpt.Decode(without, side.empty())
				if (err != nil) != field.Required {
					t.Errorf("%s without %s: %v", op.Name, field.Name, err)
				}
				if err != nil && (!errors.Is(err, ckpt.ErrInvalidArgument) || !strings.Contains(err.Error(), field.Name)) {
					t.Errorf("%s without %s: the error says %v", op.Name, field.Name, err)
				}
				extension := withPair(without, field.Name, ckpt.Raw{0xd4, 0x05, 0x00})
				if _, raw := rawFields[field.Name]; !raw && ckpt.Decode(extension, side.empty()) == nil {
					t.Errorf("%s: %s may be an extension", op.Name, field.Name)
				}
			}
		}
	}
}

// rawFields take any value; what is in them the service checks.
var rawFields = map[string]struct{}{"state": {}, "cache": {}, "metadata": {}, "thread": {}, "message": {}}

// remove returns the map b without the pair of that name.
func remove(b ckpt.Raw, name string) ckpt.Raw {
	n := 0
	var pairs []byte
	for key, value := range b.Pairs {
		if s, _ := key.Str(); s != name {
			pairs = append(append(pairs, key...), value...)
			n++
		}
	}
	return append(wire.AppendMapHeader(nil, n), pairs...)
}

// withPair returns the map b with one more pair.
func withPair(b ckpt.Raw, name string, added ckpt.Raw) ckpt.Raw {
	n := 1
	var pairs []byte
	for key, value := range b.Pairs {
		pairs = append(append(pairs, key...), value...)
		n++
	}
	pairs = append(wire.AppendStr(pairs, name), added...)
	return append(wire.AppendMapHeader(nil, n), pairs...)
}

func FuzzRequests(f *testing.F) {
	records := []func() ckpt.Record{
		func() ckpt.Record { return new(ckpt.Event) },
		func() ckpt.Record { return new(ckpt.Error) },
		func() ckpt.Record { return new(ckpt.UploadRequest) },
		func() ckpt.Record { return new(ckpt.UploadReply) },
		func() ckpt.Record { return new(ckpt.ThreadInfo) },
		func() ckpt.Record { return new(ckpt.ExecutionMeta) },
	}
	for i, example := range exchanges(f) {
		op := ckpt.Operations()[i]
		f.Add(len(records), encode(f, example.request))
		records = append(records, op.NewRequest)
		f.Add(len(records), encode(f, example.reply))
		records = append(records, op.NewReply)
	}
	f.Add(0, []byte("\xdf\xff\xff\xff\xff"))
	f.Add(2, []byte("\x82\xa9thread_id\x07\xa5later\xc4\x01\xff"))
	f.Fuzz(func(t *testing.T, which int, b []byte) {
		record := records[uint(which)%uint(len(records))]
		first, second := record(), record()
		if err := ckpt.Decode(b, first); err != nil {
			if !errors.Is(err, ckpt.ErrInvalidArgument) {
				t.Fatalf("%x: %v", b, err)
			}
			return
		}
		again := encode(t, first)
		if err := ckpt.Decode(again, second); err != nil {
			t.Fatalf("%x became %x: %v", b, again, err)
		}
		if third := encode(t, second); !bytes.Equal(again, third) {
			t.Fatalf("%x became %x, then %x", b, again, third)
		}
	})
}

func TestLimitsFor(t *testing.T) {
	t.Parallel()
	for _, payload := range []int{0, 1, 1 << 10, 1 << 20, 64 << 20} {
		l := ckpt.LimitsFor(payload)
		if l.Payload != payload || l.Value < l.Page || l.Value > max(ckpt.MaxValue(payload), l.Page) || l.Metadata > l.Page || l.Page > payload || l.Page < 0 {
			t.Errorf("%d: got %+v", payload, l)
		}
	}
}
