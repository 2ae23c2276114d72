package store

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

// fillThreads puts threads with a record each, whose metadata have the pairs given
// by their number. Ten threads have one user, and one in a hundred has the topic
// refund.
func fillThreads(b *testing.B, n int, metadata func(i int) map[string]any) *Store {
	b.Helper()
	s := New(Options{Limits: ckpt.LimitsFor(1 << 20)})
	revision := uint64(0)
	next := func() uint64 { revision++; return revision }
	for i := range n {
		record := wire.AppendStr(wire.AppendStr(wire.AppendMapHeader(nil, 2), "thread_name"), "a thread of some user's")
		record = wire.AppendStr(record, "metadata")
		var err error
		if record, err = wire.AppendAny(record, metadata(i)); err != nil {
			b.Fatal(err)
		}
		ref := ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: fmt.Sprintf("thread-%08d", i), UserID: fmt.Sprintf("user-%06d", i%(n/10))}}
		w := newWrite(ckpt.ThreadsPut.Name, ref, planned(PlanThreadsPut, &ckpt.ThreadsPutRequest{Record: record}))
		if _, err := s.Commit(w, int64(1_700_000_000_000+i), next, func(Change) {}); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

func topics(i int) map[string]any {
	topic := "other"
	if i%100 == 0 {
		topic = "refund"
	}
	return map[string]any{"topic": topic, "team": i % 20}
}

// BenchmarkThreadsList takes pages of 50 threads by cursor: the first, and one in
// the middle of the list. Each page by update comes after ten writes.
func BenchmarkThreadsList(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		s := fillThreads(b, n, topics)
		revision := s.Revision()
		next := func() uint64 { revision++; return revision }
		for _, list := range []struct {
			name string
			q    ckpt.ThreadsListRequest
			of   int // rows in all
		}{
			{"all", ckpt.ThreadsListRequest{}, n},
			{"user", ckpt.ThreadsListRequest{UserID: "user-000007"}, 10},
			{"metadata", ckpt.ThreadsListRequest{Metadata: ckpt.Raw("\x81\xa5topic\xa6refund")}, n / 100},
			{"team", ckpt.ThreadsListRequest{Metadata: ckpt.Raw("\x81\xa4team\x07")}, n / 20},
			{"two pairs", ckpt.ThreadsListRequest{Metadata: ckpt.Raw("\x82\xa5topic\xa6refund\xa4team\x00")}, n / 100},
		} {
			for _, order := range []ckpt.ThreadOrder{ckpt.OrderCreated, ckpt.OrderUpdated} {
				for _, deep := range []bool{false, true} {
					place := "first"
					if deep {
						place = "deep"
					}
					b.Run(fmt.Sprintf("threads=%d/%s/%s/%s", n, list.name, order, place), func(b *testing.B) {
						q := list.q
						q.Order, q.Reverse, q.Cursor = order, true, ckpt.FirstCursor
						if deep { // whose rows are those of the second half
							q.Limit = max(list.of/2, 1)
							a, err := queried(s.ThreadsList, &q, 1_700_000_000_000)
							for err == nil && len(a.Threads) < q.Limit && a.HasMore {
								q.Limit -= len(a.Threads)
								q.Cursor = a.NextCursor
								a, err = queried(s.ThreadsList, &q, 1_700_000_000_000)
							}
							if err != nil {
								b.Fatal(err)
							}
							q.Cursor = a.NextCursor
						}
						q.Limit = 50
						if _, err := queried(s.ThreadsList, &q, 1_700_000_000_000); err != nil { // builds the order of updates
							b.Fatal(err)
						}
						rows := 0
						i := 0
						b.ReportAllocs()
						for b.Loop() {
							if order == ckpt.OrderUpdated {
								b.StopTimer()
								for range 10 {
									i++
									ref := ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: fmt.Sprintf("thread-%08d", i*7919%n)}}
									w := newWrite(ckpt.StatePut.Name, ref, planned(PlanStatePut, &ckpt.StatePutRequest{State: ckpt.Raw{1}}))
									if _, err := s.Commit(w, int64(1_700_000_000_000+n), next, func(Change) {}); err != nil {
										b.Fatal(err)
									}
								}
								b.StartTimer()
							}
							a, err := queried(s.ThreadsList, &q, 1_700_000_000_000)
							if err != nil {
								b.Fatal(err)
							}
							rows = len(a.Threads)
						}
						b.ReportMetric(float64(rows), "rows")
					})
				}
			}
		}
	}
}

// BenchmarkUpdatesBuild is the first list by update, which sorts all threads.
func BenchmarkUpdatesBuild(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprintf("threads=%d", n), func(b *testing.B) {
			s := fillThreads(b, n, topics)
			q := &ckpt.ThreadsListRequest{Order: ckpt.OrderUpdated, Page: ckpt.Page{Cursor: ckpt.FirstCursor, Limit: 50}}
			for b.Loop() {
				s.updates.drop()
				if _, err := queried(s.ThreadsList, q, 1_700_000_000_000); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkIndexMemory reports what the indexes cost a thread, in bytes: of its user
// and of two pairs of metadata, and the order of updates, which is there once
// somebody has asked for it.
func BenchmarkIndexMemory(b *testing.B) {
	const n = 100_000
	for b.Loop() {
		s := fillThreads(b, n, topics)
		with := heapInUse()
		if _, err := queried(s.ThreadsList, &ckpt.ThreadsListRequest{Order: ckpt.OrderUpdated, Page: ckpt.Page{Limit: 1}}, 1_700_000_000_000); err != nil {
			b.Fatal(err)
		}
		updates := heapInUse() - with
		s.updates.drop()
		s.directory.groups = groups{}
		without := heapInUse()
		b.ReportMetric(float64(with-without)/n, "B-groups/thread")
		b.ReportMetric(float64(updates)/n, "B-updates/thread")
		runtime.KeepAlive(s)
	}
	b.ReportMetric(0, "ns/op")
}
