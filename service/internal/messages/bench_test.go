package messages

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
	"github.com/google/uuid"
)

// benchShards is how many heaps the memory benchmarks spread their threads
// over, as many as the store has shards.
const benchShards = 256

const benchBytes = 300 // of one message

// words are in each message's text, in an order of its own.
var words = strings.Fields("the agent should then look up all open orders of this customer and tell when each of them will arrive at its address")

// chat returns the ID and the benchBytes of the i-th message of a conversation.
func chat(random *rand.Rand, i int) (ckpt.MessageID, []byte) {
	u := uuid.UUID{}
	for at := range u {
		u[at] = byte(random.Uint32())
	}
	id := ckpt.StringID(u.String())
	b := wire.AppendStr(wire.AppendMapHeader(nil, 3), idKey)
	b, _ = id.AppendWire(b)
	b = wire.AppendStr(wire.AppendStr(b, "role"), []string{"user", "assistant"}[i%2])
	b = wire.AppendMapHeader(wire.AppendArrayHeader(wire.AppendStr(b, "content"), 1), 2)
	b = wire.AppendStr(wire.AppendStr(wire.AppendStr(b, "type"), "text"), "text")
	var text strings.Builder
	for text.Len() < benchBytes {
		text.WriteString(words[random.IntN(len(words))] + " ")
	}
	n := benchBytes - len(b) - 2 // the string's header
	return id, wire.AppendStr(b, text.String()[:n])
}

// conversation returns a list of n messages and their IDs.
func conversation(h *Heap, n int) (*List, []ckpt.MessageID) {
	random := rand.New(rand.NewPCG(1, uint64(n)))
	l := new(List)
	ids := make([]ckpt.MessageID, n)
	for i := range n {
		var body []byte
		ids[i], body = chat(random, i)
		l.Put(h, ids[i], body, false)
	}
	return l, ids
}

// heapInUse returns the bytes that are allocated after a collection.
func heapInUse() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// BenchmarkMemory reports what a message costs beyond its bytes, all lists and
// tables included, and how long one full garbage collection takes. Messages
// come to their threads in turns, as they do where many agents work.
func BenchmarkMemory(b *testing.B) {
	for _, shape := range []struct{ threads, messages int }{
		{1, 1_000_000}, {10, 100_000}, {100, 10_000}, {1000, 1000}, {50_000, 20}, {200_000, 5}, {1_000_000, 1},
	} {
		b.Run(fmt.Sprintf("threads=%d/messages=%d", shape.threads, shape.messages), func(b *testing.B) {
			var beyond, collection []float64
			for b.Loop() {
				random := rand.New(rand.NewPCG(1, 2))
				lists := make([]*List, shape.threads)
				before := heapInUse()
				heaps := make([]Heap, benchShards)
				for i := range lists {
					lists[i] = new(List)
				}
				for m := range shape.messages {
					for i, l := range lists {
						id, body := chat(random, m)
						l.Put(&heaps[i%benchShards], id, body, false)
					}
				}
				total := shape.threads * shape.messages
				beyond = append(beyond, float64(heapInUse()-before)/float64(total)-benchBytes)
				for range 7 {
					start := time.Now()
					runtime.GC()
					collection = append(collection, time.Since(start).Seconds()*1e3)
				}
				runtime.KeepAlive(heaps)
				runtime.KeepAlive(lists)
			}
			slices.Sort(beyond)
			slices.Sort(collection)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(beyond[len(beyond)/2], "B-beyond/message")
			b.ReportMetric(collection[len(collection)/2], "ms/collection")
			b.ReportMetric(collection[len(collection)-1], "ms/slowest-collection")
		})
	}
}

// BenchmarkLast50 reads the last 50 messages, without and with tombstones.
func BenchmarkLast50(b *testing.B) {
	for _, n := range []int{100, 10_000, 1_000_000} {
		var h Heap
		l, ids := conversation(&h, n)
		out := make([]byte, 0, 50*benchBytes)
		read := func(b *testing.B) {
			for b.Loop() {
				out = out[:0]
				for body := range l.From(&h, l.Len()-50) {
					out = append(out, body...)
				}
			}
		}
		b.Run(fmt.Sprintf("of=%d", n), read)
		for _, id := range ids[:n/4] {
			l.Delete(&h, id)
		}
		b.Run(fmt.Sprintf("of=%d/deleted=%d", n, n/4), read)
	}
}

// BenchmarkList times one operation on a list of messages.
func BenchmarkList(b *testing.B) {
	for _, n := range []int{5, 1000, 1_000_000} {
		var h Heap
		l, ids := conversation(&h, n)
		random := rand.New(rand.NewPCG(3, 4))
		b.Run(fmt.Sprintf("get/of=%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, ok := l.Get(&h, ids[random.IntN(n)]); !ok {
					b.Fatal("a message is gone")
				}
			}
		})
		b.Run(fmt.Sprintf("replace/of=%d", n), func(b *testing.B) {
			_, body := chat(random, 0)
			var c *Compactor
			for b.Loop() {
				i := random.IntN(n)
				copy(body[14:], ids[i].String()) // behind the map's, the key's and the ID's header
				if !l.Put(&h, ids[i], body, false) {
					b.Fatal("a message is gone")
				}
				if c == nil && h.Fragmented() {
					c = NewCompactor([]*List{l})
				}
				if c != nil && c.Step(&h, 64<<10) {
					c = nil
				}
			}
			b.ReportMetric(float64(h.Bytes())/float64(h.Live()), "held/live")
		})
		b.Run(fmt.Sprintf("put-delete/of=%d", n), func(b *testing.B) {
			id, body := chat(random, 0)
			for b.Loop() {
				l.Put(&h, id, body, false)
				l.Delete(&h, id)
			}
		})
		b.Run(fmt.Sprintf("snapshot/of=%d", n), func(b *testing.B) {
			for b.Loop() {
				l.Snapshot(&h)
			}
		})
	}
}

// BenchmarkBuild fills a list, empties it from the front, fills it again and
// clears it. It reports the time for each message and the longest call.
func BenchmarkBuild(b *testing.B) {
	const n = 1_000_000
	random := rand.New(rand.NewPCG(5, 6))
	ids := make([]ckpt.MessageID, n)
	bodies := make([][]byte, n)
	for i := range n {
		ids[i], bodies[i] = chat(random, i)
	}
	for b.Loop() {
		var h Heap
		var l List
		each := func(name string, call func(i int)) {
			var longest time.Duration
			begin := time.Now()
			for i := range n {
				start := time.Now()
				call(i)
				longest = max(longest, time.Since(start))
			}
			b.ReportMetric(float64(time.Since(begin).Nanoseconds())/n, "ns/"+name)
			b.ReportMetric(longest.Seconds()*1e3, "ms/longest-"+name)
		}
		each("put", func(i int) { l.Put(&h, ids[i], bodies[i], false) })
		each("delete", func(i int) { l.Delete(&h, ids[i]) })
		each("put", func(i int) { l.Put(&h, ids[i], bodies[i], false) })
		start := time.Now()
		l.Clear(&h)
		b.ReportMetric(float64(time.Since(start).Nanoseconds())/n, "ns/cleared")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkSearch searches 100,000 messages, one operation for all of them.
func BenchmarkSearch(b *testing.B) {
	var h Heap
	l, _ := conversation(&h, 100_000)
	for _, tc := range []struct{ name, text string }{
		{"no hit, rare letter", "zebra"},
		{"no hit, common letters", "tattersl"},
		{"no hit, word that the text begins", "customers"},
		{"no hit, kelvin and long s", "kiss"},
		{"no hit, cyrillic", "привет"},
		{"outside the content", "assistant"},
		{"in all keys", "content"},
		{"hit in nearly all", "THE"},
		{"hit in all, one letter", "e"},
		{"hit in few", "customer and tell"},
	} {
		s := NewSearch(tc.text)
		b.Run(tc.name, func(b *testing.B) {
			hits := 0
			for b.Loop() {
				hits = 0
				for body := range l.Snapshot(&h).All() {
					if s.Message(body) {
						hits++
					}
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e3/float64(b.N), "ms/search")
			b.ReportMetric(float64(hits), "hits")
		})
	}
}
