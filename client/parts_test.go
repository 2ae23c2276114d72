package client_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/ckptbus/ckpt/service"
	"github.com/nats-io/nats.go"
)

// smallBus makes values large that have some hundred kilobytes.
var smallBus = bus.Options{MaxPayload: 16 << 10}

// text returns a text of size bytes no part of which is like another.
func text(size int) string {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		b.WriteString(time.Duration(i * i).String())
	}
	return b.String()[:size]
}

// What does not fit one message of the bus is written and read like all else.
func TestLargeValues(t *testing.T) {
	t.Parallel()
	srv := store(t, smallBus)
	c, _ := connect[string](t, srv)
	ctx := within(t, patience)
	large := text(1 << 20)
	put := must[ckpt.StatePutReply](t)(c.PutState(ctx, "t", large))
	if got := must[client.Stored[string]](t)(c.GetState(ctx, "t")); got.Value != large || got.Revision != put.Revision {
		t.Errorf("a state of %d bytes at %d", len(got.Value), got.Revision)
	}
	cached := c.PutStateCacheAsync(ctx, "t", large[1:])
	must[ckpt.CachePutReply](t)(cached.Wait(ctx))
	if got := must[client.Stored[string]](t)(c.GetStateCacheAsync(ctx, "t").Wait(ctx)); got.Value != large[1:] {
		t.Errorf("a cached state of %d bytes", len(got.Value))
	}
	small := ckpt.TextMessage(ckpt.RoleUser, "small")
	messages := []ckpt.Message{small, ckpt.TextMessage(ckpt.RoleUser, large), small, ckpt.TextMessage(ckpt.RoleUser, large[2:])}
	ids := must[ckpt.MessagesPutReply](t)(c.PutMessages(ctx, "t", messages)).MessageIDs
	var got []string
	for m, err := range c.Messages(ctx, "t") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m.Text())
	}
	if len(got) != 4 || got[0] != "small" || got[1] != large || got[2] != "small" || got[3] != large[2:] {
		t.Errorf("%d messages", len(got))
	}
	if m := must[client.Stored[ckpt.Message]](t)(c.GetMessage(ctx, "t", ids[3])); m.Value.Text() != large[2:] {
		t.Errorf("a message of %d bytes", len(m.Value.Text()))
	}
}

// Many at once wait for one another: the service takes some at a time.
func TestLargeValuesAtOnce(t *testing.T) {
	t.Parallel()
	srv := store(t, smallBus, service.WithMaxUploads(2))
	c, _ := connect[string](t, srv, quick)
	ctx := within(t, patience)
	large := text(200_000)
	var puts []*client.Future[ckpt.StatePutReply]
	for i := range 8 {
		puts = append(puts, c.PutStateAsync(ctx, string(rune('a'+i)), large[i:]))
	}
	for _, put := range puts {
		must[ckpt.StatePutReply](t)(put.Wait(ctx))
	}
	var gets []*client.Future[client.Stored[string]]
	for i := range 8 {
		gets = append(gets, c.GetStateAsync(ctx, string(rune('a'+i))))
	}
	for i, get := range gets {
		if got := must[client.Stored[string]](t)(get.Wait(ctx)); got.Value != large[i:] {
			t.Errorf("state %d has %d bytes", i, len(got.Value))
		}
	}
}

// What is over the limits of the service is refused once.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	srv := store(t, smallBus, service.WithMaxValue(100_000))
	c, _ := connect[string](t, srv)
	ctx := within(t, patience)
	for size, limit := range map[int]int64{99_999: 100_000, 200_000: 101_024} {
		_, err := c.PutState(ctx, "t", text(size))
		if e := failure(t, err); e.Code != ckpt.TooLarge || e.Limit != limit || e.Size < int64(size) || e.ThreadID != "t" || e.Subject != "ckpt.state.put" {
			t.Errorf("%d bytes: %+v", size, e)
		}
	}
	if _, err := c.GetState(ctx, "t"); !errors.Is(err, ckpt.ErrNotFound) {
		t.Errorf("after refused requests: %v", err)
	}
	must[ckpt.StatePutReply](t)(c.PutState(ctx, "t", text(99_990)))
}

// replicas answers announcements by hand: that of the n-th, counted from 1.
type replicas struct {
	t    *testing.T
	nc   *nats.Conn
	n    atomic.Int64
	sums chan uint64 // the checksums that were announced
}

// announcements has the n-th announcement of a state answered with the replica
// that name returns.
func announcements(t *testing.T, srv *bus.Server, name func(n int64) string) *replicas {
	t.Helper()
	r := &replicas{t: t, nc: bustest.Connect(t, srv), sums: make(chan uint64, 100)}
	respond(t, r.nc, ckpt.StatePut.Subject(ckpt.DefaultPrefix), func(m *nats.Msg) {
		var q ckpt.UploadRequest
		if m.Header.Get(ckpt.HeaderUpload) == "" || ckpt.Decode(m.Data, &q) != nil {
			t.Errorf("no announcement: %q", m.Data[:min(len(m.Data), 100)])
		}
		r.sums <- q.Checksum
		answer(t, m, &ckpt.UploadReply{ID: "u", Replica: name(r.n.Add(1))})
	})
	return r
}

// takes has the replica take parts, and answer their end with end.
func (r *replicas) takes(name string, end func(m *nats.Msg)) (parts *bytes.Buffer) {
	r.t.Helper()
	parts = new(bytes.Buffer)
	respond(r.t, r.nc, ckpt.PartsPut.SubjectOf(ckpt.DefaultPrefix, name), func(m *nats.Msg) {
		var q ckpt.PartsPutRequest
		if err := ckpt.Decode(m.Data, &q); err != nil || q.ID != "u" {
			r.t.Errorf("a part %q: %v", q.ID, err)
		}
		parts.Write(q.Data)
		answer(r.t, m, &ckpt.PartsPutReply{})
	})
	respond(r.t, r.nc, ckpt.PartsEnd.SubjectOf(ckpt.DefaultPrefix, name), end)
	return parts
}

// Where the replica that takes the parts is gone, or does not take the request
// after all, the same request is begun anew with another.
func TestUploadBeginsAnew(t *testing.T) {
	t.Parallel()
	srv := bustest.StartWith(t, smallBus)
	c, _ := connect[string](t, srv, quick)
	r := announcements(t, srv, func(n int64) string { return []string{"gone", "silent", "busy", "there"}[n-1] })
	respond(t, r.nc, ckpt.PartsPut.SubjectOf(ckpt.DefaultPrefix, "silent"), func(*nats.Msg) {})
	r.takes("busy", func(m *nats.Msg) { refuse(t, m, ckpt.Unavailable) })
	parts := r.takes("there", func(m *nats.Msg) { answer(t, m, putReply(7)) })
	put, err := c.PutState(within(t, patience), "t", text(100_000))
	if err != nil || put.Revision != 7 || r.n.Load() != 4 {
		t.Fatalf("%+v, %v after %d announcements", put, err, r.n.Load())
	}
	var q ckpt.StatePutRequest
	if err := ckpt.Decode(parts.Bytes(), &q); err != nil || q.RequestID == "" || len(q.State) < 100_000 {
		t.Errorf("%d bytes came: %v", parts.Len(), err)
	}
	sum := ckpt.Checksum(parts.Bytes())
	for range 4 {
		if got := <-r.sums; got != sum {
			t.Errorf("checksum %d, want %d: the same request", got, sum)
		}
	}
}

// A refusal of the request is final, and one attempt is one attempt.
func TestUploadRefused(t *testing.T) {
	t.Parallel()
	srv := bustest.StartWith(t, smallBus)
	r := announcements(t, srv, func(int64) string { return "r" })
	r.takes("r", func(m *nats.Msg) { refuse(t, m, ckpt.Conflict) })
	c, _ := connect[string](t, srv, quick)
	_, err := c.PutState(within(t, patience), "t", text(100_000))
	if e := failure(t, err); e.Code != ckpt.Conflict || e.ThreadID != "t" || e.Subject != "ckpt.state.put" || r.n.Load() != 1 {
		t.Errorf("%+v after %d announcements", e, r.n.Load())
	}

	srv = bustest.StartWith(t, smallBus)
	r = announcements(t, srv, func(int64) string { return "gone" })
	c, _ = connect[string](t, srv, client.WithRetry(client.Retry{Attempts: 2, Answer: 30 * time.Millisecond, Pause: 10 * time.Millisecond}))
	_, err = c.PutState(within(t, patience), "t", text(100_000))
	if e := failure(t, err); e.Code != ckpt.Unavailable || r.n.Load() != 2 {
		t.Errorf("%+v after %d announcements", e, r.n.Load())
	}
}

// Whether a request whose end nobody answered was carried out is not known.
func TestUploadUnanswered(t *testing.T) {
	t.Parallel()
	srv := bustest.StartWith(t, smallBus)
	c, _ := connect[string](t, srv, quick)
	r := announcements(t, srv, func(int64) string { return "r" })
	ended := make(chan struct{}, 100)
	r.takes("r", func(*nats.Msg) { ended <- struct{}{} })
	ctx, cancel := context.WithCancel(within(t, patience))
	put := c.PutStateAsync(ctx, "t", text(100_000))
	<-ended
	cancel()
	_, err := put.Wait(t.Context())
	if e := failure(t, err); e.Code != ckpt.Unknown || !errors.Is(err, context.Canceled) || !strings.Contains(e.Message, "may have been applied") {
		t.Errorf("%+v", e)
	}
	put = c.PutStateAsync(within(t, patience), "t", text(100_000))
	<-ended
	c.Close()
	if _, err := put.Wait(t.Context()); !errors.Is(err, client.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// A reply in parts that is not kept any more, or not what it was, is asked for
// anew.
func TestDownloadBeginsAnew(t *testing.T) {
	t.Parallel()
	srv := bustest.StartWith(t, smallBus)
	c, _ := connect[string](t, srv, quick)
	state, err := ckpt.Append(nil, &ckpt.StateGetReply{UpdatedAt: time.UnixMilli(1), State: append([]byte{0xda, 0x75, 0x30}, text(30_000)...)})
	if err != nil {
		t.Fatal(err)
	}
	const size = 10_000
	n := serve(t, srv, ckpt.StateGet, func(n int64, _ *ckpt.StateGetRequest, m *nats.Msg) {
		parts := &ckpt.Parts{ID: "d", Replica: []string{"gone", "kept", "other", "short", "kept"}[n-1], PartSize: size, Checksum: ckpt.Checksum(state)}
		if n == 2 {
			parts.Checksum++
		}
		body := encode(t, &ckpt.Error{Size: int64(len(state)), Limit: 16 << 10, Parts: parts})
		err := m.RespondMsg(&nats.Msg{Header: nats.Header{ckpt.HeaderErrorCode: {"413"}, ckpt.HeaderError: {"too large"}}, Data: body})
		if err != nil {
			t.Error(err)
		}
	})
	nc := bustest.Connect(t, srv)
	for name, data := range map[string]func(i int) []byte{
		"kept":  func(i int) []byte { return state[i*size : min((i+1)*size, len(state))] },
		"short": func(i int) []byte { return state[i*size : i*size+1] },
		"other": nil,
	} {
		respond(t, nc, ckpt.PartsGet.SubjectOf(ckpt.DefaultPrefix, name), func(m *nats.Msg) {
			var q ckpt.PartsGetRequest
			if err := ckpt.Decode(m.Data, &q); err != nil || q.ID != "d" {
				t.Errorf("asked for %+v: %v", q, err)
			}
			if data == nil {
				refuse(t, m, ckpt.Unavailable)
				return
			}
			answer(t, m, &ckpt.PartsGetReply{Data: data(q.Index)})
		})
	}
	got, err := c.GetState(within(t, patience), "t")
	if err != nil || got.Value != text(30_000) || n.Load() != 5 {
		t.Errorf("%d bytes, %v after %d requests", len(got.Value), err, n.Load())
	}
}

// A descriptor that makes no sense costs neither memory nor the process.
func TestDownloadThatMakesNoSense(t *testing.T) {
	t.Parallel()
	srv := bustest.StartWith(t, smallBus)
	c, _ := connect[string](t, srv, client.WithRetry(client.Retry{Attempts: 1, Answer: 30 * time.Millisecond}))
	for _, e := range []ckpt.Error{
		{Size: 0, Parts: &ckpt.Parts{ID: "d", Replica: "r", PartSize: 10}},
		{Size: -1, Parts: &ckpt.Parts{ID: "d", Replica: "r", PartSize: 10}},
		{Size: 1 << 62, Parts: &ckpt.Parts{ID: "d", Replica: "r", PartSize: 1}},
		{Size: 10, Parts: &ckpt.Parts{ID: "d", Replica: "r", PartSize: 0}},
		{Size: 10, Parts: &ckpt.Parts{ID: "d", Replica: "r", PartSize: -1}},
	} {
		nc := bustest.Connect(t, srv)
		respond(t, nc, ckpt.StateGet.Subject(ckpt.DefaultPrefix), func(m *nats.Msg) {
			if err := m.RespondMsg(&nats.Msg{Header: nats.Header{ckpt.HeaderErrorCode: {"413"}}, Data: encode(t, &e)}); err != nil {
				t.Error(err)
			}
		})
		if _, err := c.GetState(within(t, patience), "t"); err == nil {
			t.Errorf("%+v: no error", e)
		}
		nc.Close()
	}
}
