package store

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/google/uuid"
)

// Many goroutines write, read, list, sweep and release at once. Each thread's
// changes are told one after the other, and in the end the books are right.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	s := New(Options{Limits: ckpt.LimitsFor(1 << 20), NewID: func() string { return uuid.NewString() }})
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	const ids, workers, steps = 20, 8, 1500
	var revision, now atomic.Uint64
	now.Store(1_000_000)
	next := func() uint64 { return revision.Add(1) }
	var chains sync.Map // the latest revision of each thread, written under the thread's lock
	told := func(c Change) {
		last, _ := chains.Load(c.ThreadID)
		if last, _ := last.(uint64); c.Revision <= last || c.Previous != last && c.Previous != 0 {
			t.Errorf("%s: revision %d behind %d, after %d", c.ThreadID, c.Revision, c.Previous, last)
		}
		chains.Store(c.ThreadID, c.Revision)
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(w)))
			for i := range steps {
				at := int64(now.Add(1))
				ref := ckpt.ThreadRef{ThreadID: fmt.Sprint("t", random.IntN(ids))}
				commit := func(kind string, plan Plan) {
					wr := ckpt.WriteRef{ThreadRef: ref}
					if random.IntN(2) == 0 {
						wr.RequestID = fmt.Sprint(w, "-", i)
					}
					_, _ = s.Commit(newWrite(kind, wr, plan), at, next, told)
				}
				switch n := random.IntN(100); {
				case n < 30:
					q := &ckpt.MessagesPutRequest{Messages: []ckpt.Raw{newMessage(ckpt.IntID(random.Int64N(50)), random.IntN(3000)), {0x80}}}
					commit("messages.put", planned(PlanMessagesPut, q))
				case n < 40:
					q := &ckpt.MessagesDeleteRequest{MessageID: ckpt.IntID(random.Int64N(50))}
					commit("messages.delete", planned(PlanMessagesDelete, q))
				case n < 50:
					q := &ckpt.StatePutRequest{State: make(ckpt.Raw, 1+random.IntN(100))}
					commit("state.put", planned(PlanStatePut, q))
				case n < 60:
					q := &ckpt.CachePutRequest{State: ckpt.Raw{1}, TTL: time.Duration(1+random.IntN(100)) * time.Millisecond}
					commit("cache.put", planned(PlanCachePut, q))
				case n < 65:
					commit("threads.clean", planned(PlanThreadsClean, &ckpt.ThreadsCleanRequest{}))
				case n < 70:
					q := &ckpt.ThreadsPutRequest{Record: ckpt.Raw{0x80}}
					commit("threads.put", planned(PlanThreadsPut, q))
				case n < 80:
					a, err := queried(s.MessagesList, &ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: ref}, Page: ckpt.Page{Search: []string{"", "x"}[i%2]}}, at)
					for _, m := range a.Messages {
						if err == nil {
							err = ckpt.Check(m) // what was read stays as it is
						}
						if i%10 == 0 {
							runtime.Gosched()
						}
					}
					if err != nil {
						t.Errorf("list: %v", err)
					}
				case n < 90:
					_, _ = queried(s.StateGet, &ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ref}}, at)
					_, _ = queried(s.CacheGet, &ckpt.CacheGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ref}}, at)
					_, _ = queried(s.ThreadsGet, &ckpt.ThreadsGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ref}}, at)
				case n < 95:
					a, err := queried(s.ThreadsList, &ckpt.ThreadsListRequest{Order: []ckpt.ThreadOrder{ckpt.OrderCreated, ckpt.OrderUpdated}[i%2], Page: ckpt.Page{Search: "t1"}}, at)
					if err != nil || len(a.Threads) > ids {
						t.Errorf("%d threads, %v", len(a.Threads), err)
					}
				case n < 99:
					s.Sweep(at, next, told)
				default:
					s.Release("", at, next, told)
				}
			}
		})
	}
	wg.Wait()
	live := 0
	for i := range ids {
		a, err := queried(s.MessagesList, &ckpt.MessagesListRequest{ReadRef: ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{ThreadID: fmt.Sprint("t", i)}}}, int64(now.Load()))
		if err != nil || a.HasMore {
			t.Fatalf("list: %+v, %v", a.PageReply, err)
		}
		for _, m := range a.Messages {
			live += len(m)
		}
	}
	checkStore(t, s, live)
	// Long after, nothing is left but what holds something.
	s.Release("", int64(now.Load()), next, told)
	s.Sweep(int64(now.Load())+time.Hour.Milliseconds(), next, told)
	for i := range s.shards {
		if sh := &s.shards[i]; sh.threads.used != 0 || len(sh.timed) != 0 || sh.heap.Live() != 0 {
			t.Errorf("shard %d: %d threads, %d timed, %d bytes are left", i, sh.threads.used, len(sh.timed), sh.heap.Live())
		}
	}
}
