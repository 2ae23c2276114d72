package transfer

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/ckptbus/ckpt/internal/wire"
)

var verified = ImportOptions{Workers: 3, Verify: true}

// All that a store holds arrives in another, byte for byte. The bus is a narrow
// one, so that messages take many pages and puts.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	srv := bustest.StartWith(t, bus.Options{MaxPayload: 4 << 10})
	from, to := newStore(t, srv, "from"), newStore(t, srv, "team.to")
	from.fill()
	file, out := from.export()
	lines := 0
	o := verified
	o.Workers = 1 // which keeps the order of the threads
	o.Progress = func(n int) { lines += n }
	in := must[Imported](t)(to.load(file, o))
	if want := (Counts{Threads: 6, States: 2, Caches: 2, Messages: 204, Metadata: 2, Bytes: out.Bytes}); out.Counts != want || in.Counts != want {
		t.Errorf("exported %+v, imported %+v, want %+v", out.Counts, in.Counts, want)
	}
	if in.Verified != 6 || !in.OK() || out.Changed != nil || lines != 2*in.Lines() {
		t.Errorf("%+v, %+v, %d lines", out, in, lines)
	}
	if got, want := to.dump(), from.dump(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got, want := to.ids(), from.ids(); !slices.Equal(got, want) {
		t.Errorf("threads %q, want %q", got, want)
	}
	a := must[ckpt.ThreadInfo](t)(info(from, "record"))
	if b := must[ckpt.ThreadInfo](t)(info(to, "record")); !a.UpdatedAt.Equal(b.UpdatedAt) {
		t.Errorf("updated at %v, want %v", b.UpdatedAt, a.UpdatedAt)
	}
	was := must[client.Stored[ckpt.Raw]](t)(from.GetStateCache(t.Context(), "all"))
	is := must[client.Stored[ckpt.Raw]](t)(to.GetStateCache(t.Context(), "all"))
	if d := is.ExpiresAt.Sub(was.ExpiresAt); d.Abs() > time.Minute {
		t.Errorf("the cached state lives %v longer", d)
	}
}

// Values that no message of the bus can carry are exported and imported too.
func TestRoundTripOfLargeValues(t *testing.T) {
	t.Parallel()
	srv := bustest.StartWith(t, bus.Options{MaxPayload: 16 << 10})
	from, to := newStore(t, srv, "from"), newStore(t, srv, "to")
	large := func(size int) ckpt.Raw { return wire.AppendBin(nil, []byte(strings.Repeat("large", size/5))) }
	from.putState("large", "ann", large(300_000))
	from.putCache("large", large(100_000), 0)
	from.putMessages("large", "ann", nil, message(1, 10), message(2, 200_000), message(3, 10), message(4, 15_000))
	file, out := from.export()
	in := must[Imported](t)(to.load(file, verified))
	if want := (Counts{Threads: 1, States: 1, Caches: 1, Messages: 4, Bytes: out.Bytes}); in.Counts != want || in.Verified != 1 || out.Bytes < 600_000 {
		t.Errorf("exported %+v, imported %+v", out, in)
	}
	if from.dump() != to.dump() {
		t.Error("what was imported is another")
	}
}

func info(s *store, thread string) (ckpt.ThreadInfo, error) {
	got, err := s.GetThread(s.t.Context(), thread)
	return got.Value, err
}

func TestOneThread(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	from, to := newStore(t, srv, "from"), newStore(t, srv, "to")
	from.fill()
	ids := must[[]string](t)(Find(t.Context(), from.Client, []string{odd, "long", odd}))
	file, out := from.export(ids...)
	must[Imported](t)(to.load(file, verified))
	if got := to.ids(); out.Threads != 2 || len(got) != 2 || !strings.Contains(from.dump(), to.dump()[:40]) {
		t.Errorf("%+v, threads %q", out, got)
	}
	_, err := Find(t.Context(), from.Client, []string{"all", "none", "neither"})
	if err == nil || err.Error() != `no such thread: "none", "neither"` {
		t.Errorf("%v", err)
	}
}

func TestEmptyStore(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	s := newStore(t, srv, "s")
	file, out := s.export()
	in, err := s.load(file, verified)
	if err != nil || out.Threads != 0 || in.Threads != 0 || !in.OK() || strings.Count(file, "\n") != 2 {
		t.Errorf("%v, %+v, %+v of %s", err, out, in, file)
	}
}

// A thread that is larger than a draft is written as it is read.
func TestLargeThread(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	from, to := newStore(t, srv, "from"), newStore(t, srv, "to")
	for i := range 2 * maxDraft / (900 << 10) {
		from.putMessages("large", "", nil, message(i, 900<<10))
	}
	file, _ := from.export()
	in := must[Imported](t)(to.load(file, verified))
	if want := 2 * maxDraft / (900 << 10); in.Verified != 1 || in.Messages != want {
		t.Errorf("%+v", in)
	}
}

func TestExistingThreads(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	from, to := newStore(t, srv, "from"), newStore(t, srv, "to")
	from.fill()
	file, _ := from.export()
	to.putMessages("long", "", nil, message(1000, 1), message(3, 50))
	to.putState("long", "", ckpt.Raw{0x01})
	before := to.dump()

	_, err := to.load(file, verified)
	if err == nil || !strings.Contains(err.Error(), `1 of the 6 threads are there already: "long"`) || to.dump() != before {
		t.Errorf("%v, then\n%s", err, to.dump())
	}

	merge := verified
	merge.Mode = Merge
	in, err := to.load(file, merge)
	if state, stateErr := to.GetState(t.Context(), "long"); err != nil || stateErr != nil || state.Value[0] != 0x01 || in.Verified != 6 {
		t.Errorf("%v, %v, %+v", err, stateErr, in)
	}
	if list, err := to.ListMessages(t.Context(), "long"); err != nil || list.Total != 201 {
		t.Errorf("%d messages, %v", list.Total, err)
	}

	replace := verified
	replace.Mode = Replace
	in = must[Imported](t)(to.load(file, replace))
	if in.Verified != 6 || to.dump() != from.dump() {
		t.Errorf("%+v, then\n%s", in, to.dump())
	}
}

// A thread of another user ends its own import and no other's.
func TestOwnerInTheWay(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	from, to := newStore(t, srv, "from"), newStore(t, srv, "to")
	from.fill()
	to.putState("all", "eve", ckpt.Raw{0xc0})
	file, _ := from.export()
	in, err := to.load(file, ImportOptions{Mode: Merge, Verify: true})
	if err != nil || in.OK() || in.Failed != 1 || in.Verified != 5 || !slices.Equal(in.Unfinished, []string{"all"}) ||
		!strings.Contains(in.Failures[0], `in, thread "all": line `) || !strings.Contains(in.Failures[0], "PERMISSION_DENIED") {
		t.Errorf("%v, %+v", err, in)
	}
}

func TestExpired(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	to := newStore(t, srv, "to")
	w := new(strings.Builder)
	out := must[*writer](t)(newWriter(w, Header{Format: Format}))
	bare := func(id string) ckpt.Raw {
		b := wire.AppendStr(wire.AppendStr(wire.AppendMapHeader(nil, 2), "thread_id"), id)
		return wire.AppendBool(wire.AppendStr(b, "bare"), true)
	}
	for _, l := range []Line{
		{Kind: KindThread, Thread: "a", Value: bare("a")},
		{Kind: KindCache, Thread: "a", Value: []byte{1}, ExpiresAt: 1},
		{Kind: KindThread, Thread: "b", Value: bare("b")},
		{Kind: KindState, Thread: "b", Value: []byte{1}},
		{Kind: KindCache, Thread: "b", Value: []byte{1}, ExpiresAt: 1},
	} {
		if err := out.add(l); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.commit(); err != nil {
		t.Fatal(err)
	}
	if err := out.end(); err != nil {
		t.Fatal(err)
	}
	in := must[Imported](t)(to.load(w.String(), verified))
	if in.Expired != 2 || in.Skipped != 1 || in.Threads != 1 || in.Verified != 1 || !in.OK() || !slices.Equal(to.ids(), []string{"b"}) {
		t.Errorf("%+v, threads %q", in, to.ids())
	}
}
