package store

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
	"github.com/google/uuid"
)

// heapInUse returns the bytes that are allocated after a collection.
func heapInUse() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// BenchmarkMemory reports what a message of 300 bytes costs beyond its bytes,
// with all that the store has of its thread, and how long one full garbage
// collection takes, the median of seven. Messages come to their threads in turns, as they do where
// many agents work. Where threads are owned, each user has ten.
func BenchmarkMemory(b *testing.B) {
	for _, shape := range []struct {
		threads, messages int
		owned             bool
	}{{1, 1_000_000, false}, {1000, 1000, false}, {200_000, 5, false}, {200_000, 5, true}} {
		b.Run(fmt.Sprintf("threads=%d/messages=%d/owned=%v", shape.threads, shape.messages, shape.owned), func(b *testing.B) {
			var beyond, collection float64
			for b.Loop() {
				threads := make([]uuid.UUID, shape.threads)
				for i := range threads {
					threads[i] = uuid.New()
				}
				before := heapInUse()
				s := New(Options{Limits: ckpt.LimitsFor(1 << 20)})
				payload := fill(b, s, threads, shape.messages, shape.owned)
				n := float64(shape.threads * shape.messages)
				beyond = float64(heapInUse()-before-payload) / n
				collections := make([]float64, 7)
				for i := range collections {
					start := time.Now()
					runtime.GC()
					collections[i] = time.Since(start).Seconds() * 1e3
				}
				slices.Sort(collections)
				collection = collections[len(collections)/2]
				runtime.KeepAlive(s)
				runtime.KeepAlive(threads)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(beyond, "B-beyond/message")
			b.ReportMetric(collection, "ms/collection")
		})
	}
}

// fill puts messages of 300 bytes, and returns how many bytes they have.
func fill(b *testing.B, s *Store, threads []uuid.UUID, messages int, owned bool) (payload int) {
	revision := uint64(0)
	next := func() uint64 { revision++; return revision }
	text := make([]byte, 300)
	random := rand.NewChaCha8([32]byte{})
	for range messages {
		for i, id := range threads {
			_, _ = random.Read(text[:16])
			body := wire.AppendStr(wire.AppendStr(wire.AppendMapHeader(nil, 2), "message_id"), uuid.UUID(text[:16]).String())
			body = wire.AppendStr(body, "content")
			body = wire.AppendBin(body, text[:300-3-len(body)])
			q := &ckpt.MessagesPutRequest{Messages: []ckpt.Raw{body}}
			w := newWrite(ckpt.MessagesPut.Name, ckpt.WriteRef{}, planned(PlanMessagesPut, q))
			if w.ThreadID = id.String(); owned {
				w.UserID = threads[i/10*10].String()
			}
			if _, err := s.Commit(w, 1_700_000_000_000, next, func(Change) {}); err != nil {
				b.Fatal(err)
			}
			payload += len(body)
		}
	}
	return payload
}
