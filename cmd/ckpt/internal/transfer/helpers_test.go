package transfer

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/ckptbus/ckpt/internal/wire"
	"github.com/ckptbus/ckpt/service"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// store is a store and a client of it.
type store struct {
	t *testing.T
	*client.Client[ckpt.Raw]
	setup ckpt.SetupReply
}

// newStore starts a store under the prefix.
func newStore(t *testing.T, srv *bus.Server, prefix string) *store {
	t.Helper()
	svc, err := service.Start(bustest.Connect(t, srv), service.WithPrefix(prefix), service.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := svc.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return dial(t, srv, prefix)
}

// dial returns a client of what is served under the prefix.
func dial(t *testing.T, srv *bus.Server, prefix string) *store {
	t.Helper()
	c, err := client.New[ckpt.Raw](bustest.Connect(t, srv), client.WithPrefix(prefix))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	s := &store{t: t, Client: c}
	s.setup = must[ckpt.SetupReply](t)(c.Setup(t.Context()))
	return s
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// proxy serves under the prefix front what is served under behind, and calls
// hook with each request first.
func proxy(t *testing.T, srv *bus.Server, front, behind string, hook func(op string, request []byte)) {
	t.Helper()
	nc := bustest.Connect(t, srv)
	for _, op := range ckpt.Operations() {
		if _, err := nc.Subscribe(op.Subject(front), func(m *nats.Msg) {
			hook(op.Name, m.Data)
			if reply, err := nc.RequestMsgWithContext(t.Context(), &nats.Msg{Subject: op.Subject(behind), Data: m.Data}); err == nil {
				_ = m.RespondMsg(&nats.Msg{Data: reply.Data, Header: reply.Header})
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
}

func write(thread, user string) ckpt.WriteRef {
	return ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: thread, UserID: user}}
}

func (s *store) putState(thread, user string, state ckpt.Raw) {
	s.t.Helper()
	must[ckpt.StatePutReply](s.t)(client.Do(s.t.Context(), s.Client, &ckpt.StatePut, ckpt.StatePutRequest{WriteRef: write(thread, user), State: state}))
}

func (s *store) putCache(thread string, state ckpt.Raw, ttl time.Duration) {
	s.t.Helper()
	must[ckpt.CachePutReply](s.t)(client.Do(s.t.Context(), s.Client, &ckpt.CachePut, ckpt.CachePutRequest{WriteRef: write(thread, ""), State: state, TTL: ttl}))
}

func (s *store) putMessages(thread, user string, metadata ckpt.Raw, messages ...ckpt.Raw) {
	s.t.Helper()
	must[ckpt.MessagesPutReply](s.t)(client.Do(s.t.Context(), s.Client, &ckpt.MessagesPut,
		ckpt.MessagesPutRequest{WriteRef: write(thread, user), Messages: messages, Metadata: metadata}))
}

func (s *store) putRecord(record ckpt.Raw) {
	s.t.Helper()
	must[ckpt.ThreadsPutReply](s.t)(client.Do(s.t.Context(), s.Client, &ckpt.ThreadsPut, ckpt.ThreadsPutRequest{Record: record}))
}

// message returns a message of n bytes of text and with the ID n.
func message(n, size int) ckpt.Raw {
	b := wire.AppendInt(wire.AppendStr(wire.AppendMapHeader(nil, 2), "message_id"), int64(n))
	return wire.AppendStr(wire.AppendStr(b, "content"), string(bytes.Repeat([]byte{'x'}, size)))
}

// odd is the ID of a thread that JSON has to escape.
const odd = "Zürich <a&b> \"\u2028"

// fill puts threads with all that a store can hold.
func (s *store) fill() {
	s.t.Helper()
	// A binary key, 2^64-1, -2^63, an integer key, a NaN with a payload.
	wide := ckpt.Raw("\x85\xc4\x02\x00\xff\x01\xa1u\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xa1n\xd3\x80\x00\x00\x00\x00\x00\x00\x00" +
		"\x01\xc0\xa1f\xcb\x7f\xf8\x00\x00\x00\x00\x00\x01")
	record := "\xa9thread_id\xa3all\xa7user_id\xa3ann\xa6future\xcd\x00\x01\xa8metadata\x81\xa1k\xcf\xff\xff\xff\xff\xff\xff\xff\xff"
	s.putState("all", "ann", wide)
	s.putCache("all", ckpt.Raw("\xc4\x03\x00\x01\xff"), time.Hour)
	s.putMessages("all", "ann", ckpt.Raw("\x81\xa1m\xcd\x00\x01"),
		ckpt.Raw("\x84\xaamessage_id\xcd\x00\x07\xa1x\xcd\x00\x01\xa7content\xa2hi\xa5delta\xc2"), // not as ckpt.Message writes it
		ckpt.Raw("\x81\xaamessage_id\xa17"),
		ckpt.Raw("\x82\xa4role\xa4tool\xaamessage_id\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
		ckpt.Raw("\x81\xaamessage_id\xd3\x80\x00\x00\x00\x00\x00\x00\x00"),
	)
	s.putRecord(ckpt.Raw("\x84" + record))
	s.putState(odd, "bob", ckpt.Raw{0xc0})                                                 // bare, with an owner
	s.putCache("cache", ckpt.Raw{0x07}, 0)                                                 // bare, without one
	s.putMessages("metadata", "", ckpt.Raw("\x81\xa1m\xc4\x01\xff"))                       // and no messages
	s.putRecord(ckpt.Raw("\x82\xa9thread_id\xa6record\xaaupdated_at\xce\x00\x00\x10\x00")) // nothing else
	long := make([]ckpt.Raw, 200)
	for i := range long {
		long[i] = message(i, 100)
	}
	for i := range 10 {
		s.putMessages("long", "", nil, long[i*20:i*20+20]...)
	}
}

// ids returns the IDs of all threads.
func (s *store) ids() []string {
	s.t.Helper()
	return must[[]string](s.t)(List(s.t.Context(), s.Client, 0))
}

// dump returns all that the store holds, but the service's own times.
func (s *store) dump() string {
	s.t.Helper()
	ctx := s.t.Context()
	var b bytes.Buffer
	ids := s.ids()
	slices.Sort(ids)
	for _, id := range ids {
		ref := ckpt.ThreadRef{ThreadID: id}
		record := must[ckpt.ThreadsGetReply](s.t)(client.Do(ctx, s.Client, &ckpt.ThreadsGet, ckpt.ThreadsGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ref}}))
		var info ckpt.ThreadInfo
		if err := ckpt.Decode(record.Record, &info); err != nil {
			s.t.Fatal(err)
		}
		fmt.Fprintf(&b, "%q of %q bare %v\n", id, info.UserID, info.Bare)
		if !info.Bare {
			fmt.Fprintf(&b, "  record %x\n", putRecord(record.Record))
		}
		state, err := client.Do(ctx, s.Client, &ckpt.StateGet, ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ref}})
		fmt.Fprintf(&b, "  state %x %v\n", state.State, err == nil)
		cache, err := client.Do(ctx, s.Client, &ckpt.CacheGet, ckpt.CacheGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ref}})
		fmt.Fprintf(&b, "  cache %x %v expires %v\n", cache.State, err == nil, !cache.ExpiresAt.IsZero())
		for body, err := range messages(ctx, s.Client, ref) {
			fmt.Fprintf(&b, "  message %x %v\n", body, err)
		}
		last := must[ckpt.MessagesListReply](s.t)(client.Do(ctx, s.Client, &ckpt.MessagesList,
			ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: ref}, Page: ckpt.Page{Offset: math.MaxInt32}}))
		fmt.Fprintf(&b, "  metadata %x\n", last.Metadata)
	}
	return b.String()
}

// export exports the threads, or all.
func (s *store) export(threads ...string) (string, Exported) {
	s.t.Helper()
	if threads == nil {
		threads = s.ids()
	}
	var b bytes.Buffer
	done := must[Exported](s.t)(Export(s.t.Context(), s.Client, &b, threads, ExportOptions{Store: s.setup}))
	return b.String(), done
}

// load checks and imports a file.
func (s *store) load(file string, o ImportOptions) (Imported, error) {
	s.t.Helper()
	f, err := Check(s.t.Context(), "in", strings.NewReader(file), s.setup.Limits)
	if err != nil {
		return Imported{}, err
	}
	o.Limits = s.setup.Limits
	return Import(s.t.Context(), s.Client, []*File{f}, o)
}
