package ckpt_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/ckptbus/ckpt/service"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
)

// A service that stops under load answers every request that reached it: of
// writes that are sent once, each is applied and answered, or was never heard.
func TestStopUnderLoad(t *testing.T) {
	t.Parallel()
	s := start(t, bus.Options{})
	events := bustest.Connect(t, s.srv)
	changes, err := events.SubscribeSync(ckpt.EventsSubject(ckpt.DefaultPrefix))
	if err == nil {
		err = errors.Join(changes.SetPendingLimits(-1, -1), events.Flush())
	}
	if err != nil {
		t.Fatal(err)
	}
	const workers = 16
	var answered, refused atomic.Int64
	warm := make(chan struct{}, workers)
	var wg sync.WaitGroup
	for w := range workers {
		nc := bustest.Connect(t, s.srv)
		wg.Go(func() {
			for i := 0; ; i++ {
				ref := ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: fmt.Sprint("t", w)}}
				op, q := ckpt.StatePut.OpInfo, ckpt.StatePut.Request(&ckpt.StatePutRequest{WriteRef: ref, State: ckpt.Raw{1}})
				if i%2 == 1 {
					op, q = ckpt.MessagesPut.OpInfo, ckpt.MessagesPut.Request(&ckpt.MessagesPutRequest{WriteRef: ref, Messages: []ckpt.Raw{{0x80}}})
				}
				b, err := ckpt.Append(nil, q)
				if err != nil {
					t.Error(err)
					return
				}
				m, err := nc.Request(op.Subject(ckpt.DefaultPrefix), b, patience)
				switch {
				case errors.Is(err, nats.ErrNoResponders):
					refused.Add(1)
					return
				case err != nil || m.Header.Get(ckpt.HeaderErrorCode) != "":
					t.Errorf("a request was lost: %v %v", err, m)
					return
				}
				if answered.Add(1); i == 20 {
					warm <- struct{}{}
				}
			}
		})
	}
	for range workers {
		<-warm
	}
	s.stop(s.service)
	wg.Wait()
	if refused.Load() != workers {
		t.Errorf("%d of %d workers heard that nobody serves", refused.Load(), workers)
	}
	if err := events.Flush(); err != nil { // what the service flushed before it stopped is here
		t.Fatal(err)
	}
	if n, _, err := changes.Pending(); err != nil || int64(n) != answered.Load() {
		t.Errorf("%d changes for %d answers, %v", n, answered.Load(), err)
	}
}

// A client outlives a restart: it tries again until the next service is there.
func TestRestart(t *testing.T) {
	t.Parallel()
	s := start(t, bus.Options{})
	c, ctx := connect[int](s, client.WithRetry(client.Retry{Pause: 10 * time.Millisecond})), s.ctx
	ok[ckpt.StatePutReply](s)(c.PutState(ctx, "t", 1))
	s.stop(s.service)
	f := c.PutStateAsync(ctx, "t", 2) // nobody is there
	second := s.serve()
	ok[ckpt.StatePutReply](s)(f.Wait(ctx))
	if got := ok[client.Stored[int]](s)(c.GetState(ctx, "t")); got.Value != 2 {
		t.Errorf("state %d", got.Value)
	}
	if a := ok[ckpt.SetupReply](s)(c.Setup(ctx)); a.StoreID != second.StoreID() || a.StoreID == s.service.StoreID() {
		t.Errorf("store %s, want %s", a.StoreID, second.StoreID())
	}
}

// One prefix has one service with a local journal; two prefixes are two stores.
func TestPrefixes(t *testing.T) {
	t.Parallel()
	s := start(t, bus.Options{}, service.WithPrefix("team.a"))
	_, err := service.Start(bustest.Connect(t, s.srv), service.WithPrefix("team.a"))
	s.want(ckpt.ErrConflict)(nil, err)
	s.serve(service.WithPrefix("team"))
	a, b, ctx := connect[int](s, client.WithPrefix("team.a")), connect[int](s, client.WithPrefix("team")), s.ctx
	ok[ckpt.StatePutReply](s)(a.PutState(ctx, "t", 1))
	_, err = b.GetState(ctx, "t")
	s.want(ckpt.ErrNotFound)(nil, err)
	ok[ckpt.StatePutReply](s)(b.PutState(ctx, "t", 2))
	if got := ok[client.Stored[int]](s)(a.GetState(ctx, "t")); got.Value != 1 {
		t.Errorf("state %d is that of the other store", got.Value)
	}
	_, err = connect[int](s, client.WithRetry(client.Retry{Attempts: 1})).GetState(ctx, "t") // the default prefix
	s.want(ckpt.ErrUnavailable)(nil, err)
}

// The service tells NATS tools of itself, and its endpoints are exactly the
// table of operations, without those that every replica answers.
func TestMicro(t *testing.T) {
	t.Parallel()
	s := start(t, bus.Options{}, service.WithPrefix("team.a"))
	nc := bustest.Connect(t, s.srv)
	c := connect[int](s, client.WithPrefix("team.a"))
	ok[ckpt.StatePutReply](s)(c.PutState(s.ctx, "t", 1))
	_, err := c.GetState(s.ctx, "nothing")
	s.want(ckpt.ErrNotFound)(nil, err)
	_, err = client.Do(s.ctx, c, &ckpt.ThreadsList, ckpt.ThreadsListRequest{Page: ckpt.Page{Cursor: "none"}}) // which is answered beside its handler
	s.want(ckpt.ErrInvalidArgument)(nil, err)
	ask := func(verb string, v any) {
		t.Helper()
		m, err := nc.Request("$SRV."+verb, nil, patience)
		if err == nil {
			err = json.Unmarshal(m.Data, v)
		}
		if err != nil {
			t.Fatalf("%s: %v", verb, err)
		}
	}
	var ping micro.Ping
	if ask("PING.ckpt", &ping); ping.Name != "ckpt" || ping.Version != ckpt.Version || ping.ID == "" || ping.Metadata["prefix"] != "team.a" ||
		ping.Metadata["store_id"] != s.service.StoreID() {
		t.Errorf("ping: %+v", ping)
	}
	var info micro.Info
	ask("INFO.ckpt."+ping.ID, &info)
	var got, want []string
	for _, e := range info.Endpoints {
		got = append(got, e.Subject+" "+e.QueueGroup+" "+e.Metadata["writes"])
	}
	for _, op := range ckpt.Operations() {
		if op.Everyone {
			continue
		}
		want = append(want, op.SubjectOf("team.a", info.Metadata["replica"])+" "+ckpt.QueueGroup+" "+strconv.FormatBool(op.Writes))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("endpoints\n%q\nwant those of the table\n%q", got, want)
	}
	var stats micro.Stats
	ask("STATS", &stats)
	if stats.ID != ping.ID || stats.Type != micro.StatsResponseType || time.Since(stats.Started) > time.Minute {
		t.Errorf("stats of %s, type %s, started %v", stats.ID, stats.Type, stats.Started)
	}
	for _, e := range stats.Endpoints {
		requests, failures, latest := 0, 0, ""
		switch e.Name {
		case "setup", "state-put":
			requests = 1
		case "state-get":
			requests, failures, latest = 1, 1, "404:"
		case "threads-list":
			requests, failures, latest = 1, 1, "400:"
		}
		if !strings.HasPrefix(e.LastError, latest) || (e.LastError == "") != (latest == "") || (e.ProcessingTime > 0) != (e.NumRequests > 0) ||
			e.AverageProcessingTime > e.ProcessingTime || e.QueueGroup != ckpt.QueueGroup {
			t.Errorf("%s: %+v, want an error %s", e.Name, e, latest)
		}
		if e.Name != "setup" && (e.NumRequests != requests || e.NumErrors != failures) {
			t.Errorf("%s: %d requests and %d errors, want %d and %d", e.Name, e.NumRequests, e.NumErrors, requests, failures)
		}
	}
}

// Nothing that is sent to any subject ends the service: it is answered with
// INVALID_ARGUMENT, and the next good request is served.
func TestHostilePayloads(t *testing.T) {
	t.Parallel()
	s := start(t, bus.Options{})
	nc := bustest.Connect(t, s.srv)
	c := connect[int](s)
	key := func(name string, value ...byte) []byte {
		return append(append([]byte{0x81, 0xa0 | byte(len(name))}, name...), value...)
	}
	payloads := map[string][]byte{
		"empty":                  {},
		"array32 maximum":        {0xdd, 0xff, 0xff, 0xff, 0xff},
		"map32 maximum":          {0xdf, 0xff, 0xff, 0xff, 0xff},
		"bin32 maximum":          {0xc6, 0xff, 0xff, 0xff, 0xff},
		"a million arrays":       bytes.Repeat([]byte{0x91}, 1<<20),
		"a million maps":         bytes.Repeat([]byte{0x81}, 1<<20),
		"a field of arrays":      key("state", bytes.Repeat([]byte{0x91}, 1<<20-100)...),
		"a field of no end":      key("messages", 0xdd, 0xff, 0xff, 0xff, 0xff),
		"an array as a key":      {0x81, 0x90, 0xc0},
		"a map as a key":         {0x81, 0x80, 0xc0},
		"nil":                    {0xc0},
		"an array":               {0x90},
		"fields twice":           append(append([]byte{0x82}, key("thread_id", 1)[1:]...), key("thread_id", 1)[1:]...),
		"bytes behind":           append(key("thread_id", 1), 0),
		"no UTF-8":               key("thread_id", 0xa2, 0xff, 0xfe),
		"no UTF-8 in a key":      {0x81, 0xa1, 0xff, 0xc0},
		"a timestamp of 2 bytes": key("thread_id", 0xd5, 0xff, 0, 0),
		"a line break in an ID":  key("thread_id", 0xa3, 'a', '\r', '\n'),
		"an ID of 10 KB":         key("thread_id", append([]byte{0xda, 0x28, 0x00}, bytes.Repeat([]byte{'x'}, 0x2800)...)...),
		"an empty ID":            key("thread_id", 0xa0),
		"text":                   []byte(`{"thread_id": "t"}`),
	}
	replica := ok[[]ckpt.InfoReply](s)(c.Info(s.ctx))[0].Replica
	for name, payload := range payloads {
		for _, op := range ckpt.Operations() {
			m, err := nc.Request(op.SubjectOf(ckpt.DefaultPrefix, replica), payload, patience)
			if err != nil {
				t.Fatalf("%s to %s: %v", name, op.Name, err)
			}
			open := op.Name == ckpt.Info.Name // which takes any sound map
			if code := m.Header.Get(ckpt.HeaderErrorCode); code != "400" && (!open || ckpt.Decode(payload, op.NewRequest()) != nil) {
				t.Errorf("%s to %s: code %q, %s", name, op.Name, code, m.Header.Get(ckpt.HeaderError))
			}
			ok[ckpt.StatePutReply](s)(c.PutState(s.ctx, "good", 1))
		}
	}
	if l := ok[client.Listed[ckpt.ThreadInfo]](s)(c.ListThreads(s.ctx)); len(l.Items) != 1 {
		t.Errorf("%d threads, want the good one", len(l.Items))
	}
	if a := ok[ckpt.SetupReply](s)(c.Setup(s.ctx)); a.StoreID != s.service.StoreID() {
		t.Error("the service is another")
	}
}
