package journal

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
	"github.com/ckptbus/ckpt/service/internal/store"
	"pgregory.net/rapid"
)

// simulation is a stream without a server and some replicas that follow it, each
// at its own pace.
type simulation struct {
	*rapid.T
	stream   [][]byte // by sequence, from 1
	first    uint64   // the first message that is left
	replicas []*JetStream
	assembly []assembly
	delayed  [][][]byte // records that were sent and are not in the stream yet
	now      int64
	ids      int
	applied  map[writing]uint64 // the messages at which records were applied
	told     []*told            // by replica
}

// told is what a replica has told of changes.
type told struct {
	floor  uint64 // up to which changes may not have been told
	events map[string]bool
}

func (a *told) change(_ string, c store.Change, _ bool) {
	a.events[fmt.Sprintf("%04d %s %s behind %d, %q, %q, %d bytes", c.Revision, c.ThreadID, c.Kind, c.Previous, c.Owner, c.RequestID, c.Size())] = true
}

func (a *told) missed(revision uint64, _ int64) { a.floor = max(a.floor, revision) }

// behind returns what was told of changes behind a revision.
func (a *told) behind(revision uint64) (list []string) {
	for e := range a.events {
		if e > fmt.Sprintf("%04d~", revision) {
			list = append(list, e)
		}
	}
	slices.Sort(list)
	return list
}

// simulatedWindow is so small that threads are forgotten and plans are void.
const simulatedWindow = 8

func newSimulation(t *rapid.T) *simulation {
	s := &simulation{T: t, first: 1, now: 1_700_000_000_000, applied: make(map[writing]uint64)}
	for range 3 {
		s.add()
	}
	return s
}

// add starts a replica at the head of the stream.
func (s *simulation) add() *JetStream {
	id := "store"
	a := &told{floor: s.first - 1, events: make(map[string]bool)}
	j := &JetStream{
		log:      slog.New(slog.DiscardHandler),
		writer:   fmt.Sprint("replica-", len(s.replicas)),
		underWay: make(map[uint64]*record),
		busy:     make(map[string][]*pending),
		opts:     Options{Now: func() time.Time { return time.UnixMilli(s.now) }, Applied: a.change, UnderWay: math.MaxInt, Window: simulatedWindow},
	}
	j.id.Store(&id)
	j.store = store.New(store.Options{
		Limits: ckpt.LimitsFor(1 << 20),
		NewID:  func() string { s.ids++; return fmt.Sprint("made-", s.ids) },
		Window: simulatedWindow,
		// Replicas may be started with other options than one another.
		Retention: rapid.SampledFrom([]store.Retention{{}, {TTL: 90_000, Sliding: true}, {TTL: 200_000, KeepMessages: 3}}).Draw(s.T, "retention"),
		Missed:    a.missed,
		// What is kept was decided where the write was planned.
		History: len(s.replicas) % 2,
	})
	s.told = append(s.told, a)
	j.applied.Store(s.first - 1)
	s.replicas, s.assembly = append(s.replicas, j), append(s.assembly, assembly{})
	return j
}

// step applies the next message to a replica; false where there is none.
func (s *simulation) step(i int) bool {
	j := s.replicas[i]
	next := j.applied.Load() + 1
	if next > uint64(len(s.stream)) {
		return false
	}
	if next < s.first { // cut off before it came so far: it starts anew
		s.assembly[i] = assembly{}
		j.store.Reset()
		j.clock.Store(0)
		j.latest.Store(0)
		next = s.first
		*s.told[i] = told{floor: s.first - 1, events: make(map[string]bool)}
	}
	if err := j.take(s.assembly[i], next, s.stream[next-1]); err != nil {
		s.Fatalf("message %d: %v", next, err)
	}
	j.applied.Store(next)
	s.once(j, next)
	return true
}

// once checks that a record which was applied is not applied again.
func (s *simulation) once(j *JetStream, sequence uint64) {
	p, err := decodePart(s.stream[sequence-1])
	if err != nil || p.count > 1 {
		return
	}
	b, err := decodeBody(p.body)
	if err != nil {
		s.Fatal(err)
	}
	for _, raw := range b.entries {
		e, err := store.DecodeEntry(raw)
		if err != nil {
			s.Fatal(err)
		}
		if now, ok := j.store.Snapshot(e.ThreadID, 0); !ok || now.Base != sequence {
			continue // nor does it tell of a group whose first thread only was a condition
		}
		key := writing{p.writer, p.number}
		if at, again := s.applied[key]; again && at != sequence {
			s.Fatalf("the record of message %d was applied again at %d: %s of thread %s", at, sequence, e.Kind, e.ThreadID)
		}
		s.applied[key] = sequence
	}
}

// send puts a record of entries, planned by a replica, on its way.
func (s *simulation) send(j *JetStream, list ...store.Entry) {
	j.last++
	var entries [][]byte
	for i := range list {
		b, err := list[i].Append(nil)
		if err != nil {
			s.Fatal(err)
		}
		entries = append(entries, b)
	}
	body := appendBody(nil, j.applied.Load(), max(s.now, j.clock.Load()), entries)
	count := rapid.SampledFrom([]int{1, 1, 1, 3}).Draw(s.T, "parts")
	var parts [][]byte
	for i := range count {
		p := part{version, j.storeID(), j.writer, j.last, i, count, nil}
		parts = append(parts, append(p.append(nil), body[i*len(body)/count:(i+1)*len(body)/count]...))
	}
	s.delayed = append(s.delayed, parts)
}

// commit puts one of the records that are on their way into the stream, perhaps
// not for the last time, and perhaps with another between its parts.
func (s *simulation) commit() {
	if len(s.delayed) == 0 {
		return
	}
	take := func() [][]byte {
		i := rapid.IntRange(0, len(s.delayed)-1).Draw(s.T, "record")
		parts := s.delayed[i]
		if rapid.IntRange(0, 4).Draw(s.T, "again") > 0 {
			s.delayed = append(s.delayed[:i], s.delayed[i+1:]...)
		}
		return parts
	}
	parts := take()
	if len(parts) > 1 && len(s.delayed) > 0 && rapid.Bool().Draw(s.T, "between") {
		s.stream = append(s.stream, parts[0])
		s.stream = append(s.stream, take()...)
		parts = parts[1:]
	}
	s.stream = append(s.stream, parts...)
}

// write plans a random write at a random replica.
func (s *simulation) write() {
	j := rapid.SampledFrom(s.replicas).Draw(s.T, "replica")
	w := &store.Write{}
	w.ThreadID = rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(s.T, "thread")
	w.UserID = rapid.SampledFrom([]string{"", "", "ann", "bob"}).Draw(s.T, "user")
	w.RequestID = rapid.SampledFrom([]string{"", "r1", "r2", "r3"}).Draw(s.T, "request")
	value := func() ckpt.Raw { return wire.AppendInt(nil, rapid.Int64Range(0, 1000).Draw(s.T, "value")) }
	id := ckpt.IntID(rapid.Int64Range(0, 5).Draw(s.T, "message"))
	op := rapid.SampledFrom([]ckpt.OpInfo{ckpt.StatePut.OpInfo, ckpt.StatePut.OpInfo, ckpt.StateClear.OpInfo, ckpt.StateRestore.OpInfo, ckpt.CachePut.OpInfo, ckpt.MessagesPut.OpInfo,
		ckpt.MessagesPut.OpInfo, ckpt.MessagesDelete.OpInfo, ckpt.ThreadsPut.OpInfo, ckpt.ThreadsClean.OpInfo, ckpt.ThreadsRetain.OpInfo}).Draw(s.T, "operation")
	w.Kind = op.Name
	ttl := time.Duration(rapid.SampledFrom([]int{0, 1, 40_000}).Draw(s.T, "ttl")) * time.Millisecond
	pinned, keep := rapid.Bool().Draw(s.T, "pinned"), rapid.IntRange(0, 2).Draw(s.T, "keep")
	retain := ckpt.ThreadsRetainRequest{TTL: &ttl, Sliding: ttl > 0 && keep > 0, Pinned: &pinned, KeepMessages: &keep}
	w.Plan = func(v *store.View, e *store.Entry) (err error) {
		switch op.Name {
		case ckpt.StatePut.Name:
			keep := rapid.SampledFrom([]*int{nil, nil, new(int), ptr(1), ptr(3)}).Draw(s.T, "keep")
			err = planned(v, e, ckpt.StatePut, store.PlanStatePut, ckpt.StatePutRequest{State: value(), Keep: keep})
		case ckpt.StateRestore.Name:
			err = planned(v, e, ckpt.StateRestore, store.PlanStateRestore, ckpt.StateRestoreRequest{
				Revision: rapid.Uint64Range(1, uint64(len(s.stream)+1)).Draw(s.T, "revision"), WithMessages: true})
		case ckpt.StateClear.Name:
			err = planned(v, e, ckpt.StateClear, store.PlanStateClear, ckpt.StateClearRequest{})
		case ckpt.CachePut.Name:
			err = planned(v, e, ckpt.CachePut, store.PlanCachePut, ckpt.CachePutRequest{State: value(), TTL: 30 * time.Second})
		case ckpt.MessagesPut.Name:
			body := wire.AppendMapHeader(nil, 1)
			body, _ = id.AppendWire(wire.AppendStr(body, "message_id"))
			err = planned(v, e, ckpt.MessagesPut, store.PlanMessagesPut, ckpt.MessagesPutRequest{Messages: []ckpt.Raw{body}})
		case ckpt.MessagesDelete.Name:
			err = planned(v, e, ckpt.MessagesDelete, store.PlanMessagesDelete, ckpt.MessagesDeleteRequest{MessageID: id})
		case ckpt.ThreadsPut.Name:
			err = planned(v, e, ckpt.ThreadsPut, store.PlanThreadsPut, ckpt.ThreadsPutRequest{Record: ckpt.Raw{0x81, 0xa1, 'x', 0x01}})
		case ckpt.ThreadsRetain.Name:
			err = planned(v, e, ckpt.ThreadsRetain, store.PlanThreadsRetain, retain)
		default:
			err = planned(v, e, ckpt.ThreadsClean, store.PlanThreadsClean, ckpt.ThreadsCleanRequest{})
		}
		return err
	}
	now := max(s.now, j.clock.Load())
	entry, _, err := j.store.Plan(w, now)
	switch {
	case errors.Is(err, store.ErrExpired):
		if e, ok := j.store.Expiry(w, now); ok {
			s.send(j, e)
		}
	case err == nil && entry:
		s.send(j, w.Entry)
	}
}

func ptr(n int) *int { return &n }

// fork plans a fork of a thread at a random replica, mostly to one that is there
// already or was.
func (s *simulation) fork() {
	j := rapid.SampledFrom(s.replicas).Draw(s.T, "replica")
	ids := rapid.Permutation([]string{"a", "b", "c", "d"}).Draw(s.T, "threads")
	q := ckpt.ThreadsForkRequest{To: ids[0]}
	q.ThreadID = ids[1]
	if rapid.Bool().Draw(s.T, "past") {
		q.AtRevision = rapid.Uint64Range(1, uint64(len(s.stream)+1)).Draw(s.T, "revision")
	}
	var a ckpt.ThreadsForkReply
	source := &store.Write{Plan: store.PlanSource(&q, &a)}
	source.Kind, source.ThreadID = ckpt.ThreadsFork.Name, q.ThreadID
	w := &store.Write{Group: []*store.Write{source}}
	w.Kind, w.ThreadID = ckpt.ThreadsFork.Name, q.To
	w.RequestID = rapid.SampledFrom([]string{"", "r1", "r2", "r3"}).Draw(s.T, "request")
	w.Plan = func(v *store.View, e *store.Entry) error {
		err := store.PlanFork(v, &q, &a, e)
		e.Answer = append(e.Answer, 0x80)
		return err
	}
	if entry, _, err := j.store.Plan(w, s.now); err == nil && entry {
		s.send(j, w.Entry)
	}
}

// transact plans a write to some threads at once at a random replica. A part without
// changes is a condition.
func (s *simulation) transact() {
	j := rapid.SampledFrom(s.replicas).Draw(s.T, "replica")
	ids := rapid.Permutation([]string{"a", "b", "c", "d"}).Draw(s.T, "threads")[:rapid.IntRange(2, 3).Draw(s.T, "how many")]
	var writes []*store.Write
	for _, id := range ids {
		var c ckpt.Changes
		switch rapid.IntRange(0, 3).Draw(s.T, "change") {
		case 0:
			c.ClearState = true
		case 1:
			body, _ := wire.AppendAny(nil, map[string]any{"message_id": rapid.Int64Range(0, 5).Draw(s.T, "message")})
			c.Messages = []ckpt.Raw{body}
		case 2:
			c.State = wire.AppendInt(nil, rapid.Int64Range(0, 1000).Draw(s.T, "value"))
		}
		w := &store.Write{Plan: store.PlanPart(&c, new(ckpt.Committed))}
		w.Kind, w.ThreadID = ckpt.ThreadsTransact.Name, id
		w.RequestID = rapid.SampledFrom([]string{"", "r1", "r2", "r3"}).Draw(s.T, "request")
		writes = append(writes, w)
	}
	first := writes[0]
	part := first.Plan
	first.Group, first.Plan = writes[1:], func(v *store.View, e *store.Entry) error {
		err := part(v, e)
		e.Answer = append(e.Answer, 0x80)
		return err
	}
	if entry, _, err := j.store.Plan(first, s.now); err == nil && entry {
		s.send(j, first.Entry)
	}
}

func planned[Q, A any](v *store.View, e *store.Entry, op ckpt.Op[Q, A], plan func(*store.View, *Q, *A, *store.Entry) error, q Q) error {
	var a A
	err := plan(v, &q, &a, e)
	if err == nil {
		e.Answer, err = ckpt.Append(e.Answer, op.Reply(&a))
	}
	return err
}

// compact does a piece of a compaction at a random replica: snapshots of the
// threads that need the oldest records, or a cut.
func (s *simulation) compact() {
	j := rapid.SampledFrom(s.replicas).Draw(s.T, "compactor")
	if rapid.Bool().Draw(s.T, "cut") {
		s.first = max(s.first, j.keep())
		s.replicas[0].store.Gone(s.first)
		return
	}
	needs := j.store.Needs(j.applied.Load() + 1)
	for _, n := range needs[:min(len(needs), rapid.IntRange(1, 3).Draw(s.T, "snapshots"))] {
		if e, ok := j.store.Snapshot(n.ThreadID, s.now); ok {
			s.send(j, e)
		}
	}
}

// expire ends what has expired, as a sweep does.
func (s *simulation) expire() {
	j := rapid.SampledFrom(s.replicas).Draw(s.T, "sweeper")
	j.store.Free(j.clock.Load(), j.applied.Load())
	expired, _ := j.store.Expired(s.now, j.clock.Load(), 10)
	s.send(j, expired...)
}

// dump returns all that a replica knows of each thread.
func dump(t *rapid.T, j *JetStream) map[string][]byte {
	j.store.Free(j.clock.Load(), j.applied.Load())
	all := make(map[string][]byte)
	for _, n := range j.store.Needs(math.MaxUint64) {
		e, _ := j.store.Snapshot(n.ThreadID, 0)
		b, err := e.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		all[n.ThreadID] = fmt.Appendf(b, " since %d", n.Since)
	}
	return all
}

// Whatever was written, sent twice, delayed, snapshotted and cut off: a replica
// that reads what the stream still holds has the view of one that saw all of it, and
// tells the same changes behind the revision up to which it says that it missed some.
func TestReplayEqualsLive(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := newSimulation(t)
		t.Repeat(map[string]func(*rapid.T){
			"write":    func(*rapid.T) { s.write() },
			"write 2":  func(*rapid.T) { s.write() },
			"transact": func(*rapid.T) { s.transact() },
			"fork":     func(*rapid.T) { s.fork() },
			"fork 2":   func(*rapid.T) { s.fork() },
			"commit":   func(*rapid.T) { s.commit() },
			"commit2":  func(*rapid.T) { s.commit() },
			"apply":    func(*rapid.T) { s.step(rapid.IntRange(0, len(s.replicas)-1).Draw(t, "who")) },
			"apply all": func(*rapid.T) {
				for i := range s.replicas[:2] {
					for s.step(i) {
					}
				}
			},
			"compact":  func(*rapid.T) { s.compact() },
			"compact2": func(*rapid.T) { s.compact() },
			"expire":   func(*rapid.T) { s.expire() },
			"time":     func(*rapid.T) { s.now += rapid.Int64Range(0, 60_000).Draw(t, "ms") },
		})
		s.add()
		for i := range s.replicas {
			for s.step(i) {
			}
		}
		want := dump(t, s.replicas[0])
		for i, j := range s.replicas[1:] {
			got := dump(t, j)
			for id := range want {
				if !bytes.Equal(got[id], want[id]) {
					t.Fatalf("replica %d, first record %d of %d: thread %s\n%q\nwant\n%q", i+1, s.first, len(s.stream), id, got[id], want[id])
				}
			}
			if len(got) != len(want) {
				t.Fatalf("replica %d has %d threads, want %d", i+1, len(got), len(want))
			}
			floor := max(s.told[0].floor, s.told[i+1].floor)
			if got, want := s.told[i+1].behind(floor), s.told[0].behind(floor); !slices.Equal(got, want) {
				t.Fatalf("replica %d, behind %d: told\n%s\nwant\n%s", i+1, floor, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	})
}
