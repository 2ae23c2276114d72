package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
)

// A write that was planned while its thread lived, and whose record comes when
// its lifetime is over, is planned anew; only the thread's end is applied then.
func TestWriteBetweenPlanAndExpiry(t *testing.T) {
	t.Parallel()
	s := New(Options{Limits: ckpt.LimitsFor(1 << 20), Retention: Retention{TTL: 1000}})
	write := newWrite("state.put", ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: "t"}},
		planned(PlanStatePut, &ckpt.StatePutRequest{State: ckpt.Raw{1}}))
	revision := uint64(0)
	apply := func(e Entry, now int64) bool {
		t.Helper()
		revision++
		return s.Apply(&e, now, revision, revision, func(Change) {})
	}
	plan := func(now int64) Entry {
		t.Helper()
		write.Again()
		if entry, _, err := s.Plan(write, now); !entry || err != nil {
			t.Fatalf("at %d: %v, %v", now, entry, err)
		}
		return write.Entry
	}
	if !apply(plan(5000), 5001) {
		t.Fatal("the first write was not applied")
	}
	late := plan(5999)
	if apply(late, 6000) {
		t.Error("a write was applied to a thread whose lifetime was over")
	}
	if _, _, err := s.Plan(write, 6000); err != ErrExpired {
		t.Errorf("a plan for an expired thread: %v", err)
	}
	end, ok := s.Expiry(write, 6000)
	if !ok || !apply(end, 6000) {
		t.Error("the thread did not end")
	}
	if apply(late, 6001) {
		t.Error("a write was applied to another thread than it was planned on")
	}
	again := plan(6000)
	if again.Fresh == nil || !apply(again, 6001) {
		t.Errorf("the thread did not begin anew: %+v", again)
	}
}

// The sweep looks at the threads whose time has come, and at no others.
func TestAgendaOrder(t *testing.T) {
	t.Parallel()
	s := New(Options{Limits: ckpt.LimitsFor(1 << 20)})
	next := func() uint64 { return s.Revision() + 1 }
	for i := range 1000 {
		ref := ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: fmt.Sprint(i)}}
		ttl := time.Duration(1+i*7919%1000) * time.Second
		for _, w := range []*Write{
			newWrite("state.put", ref, planned(PlanStatePut, &ckpt.StatePutRequest{State: ckpt.Raw{1}})),
			newWrite("threads.retain", ref, planned(PlanThreadsRetain, &ckpt.ThreadsRetainRequest{TTL: &ttl})),
		} {
			if _, err := s.Commit(w, 0, next, func(Change) {}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for second := range int64(1001) {
		if list, _ := s.Expired(second*1000, 0, 10_000); len(list) != min(int(second), 1) {
			t.Fatalf("after %d s %d threads have expired", second, len(list))
		}
		s.Sweep(second*1000, next, func(Change) {})
		if n := s.Threads(); n != 1000-int(second) {
			t.Fatalf("%d threads after %d s", n, second)
		}
	}
}

// BenchmarkLifetimes reports what a service-wide lifetime costs: bytes for each
// of 200,000 threads of one message, and the time of a sweep that finds nothing.
func BenchmarkLifetimes(b *testing.B) {
	for _, o := range []Retention{{}, {TTL: 1 << 40}, {TTL: 1 << 40, Sliding: true}} {
		b.Run(fmt.Sprintf("ttl=%v/sliding=%v", o.TTL != 0, o.Sliding), func(b *testing.B) {
			const threads = 200_000
			before := heapInUse()
			s := New(Options{Limits: ckpt.LimitsFor(1 << 20), Retention: o})
			next := func() uint64 { return s.Revision() + 1 }
			for i := range threads {
				w := newWrite("messages.put", ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: fmt.Sprintf("thread-%06d", i)}},
					planned(PlanMessagesPut, &ckpt.MessagesPutRequest{Messages: []ckpt.Raw{newMessage(ckpt.IntID(1), 300)}}))
				if _, err := s.Commit(w, int64(i), next, func(Change) {}); err != nil {
					b.Fatal(err)
				}
			}
			bytes := float64(heapInUse() - before)
			for b.Loop() {
				s.Sweep(threads, next, func(Change) {})
			}
			b.ReportMetric(bytes/threads, "B/thread")
		})
	}
}
