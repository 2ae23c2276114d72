package messages

import (
	"bytes"
	"fmt"
	"math/bits"
	"slices"
)

// Sizes of segments in bytes. Small ones keep hundreds of shards with a few
// messages each small; beyond 1 MiB larger ones gain nothing.
const (
	minSegment = 4 << 10
	maxSegment = 1 << 20
)

// maxPacked is the longest message that shares a segment, in bytes: copying
// one takes about a microsecond. A longer one, or one over a quarter of a
// segment, gets a segment of its own, since the room that is left at the end
// of a shared one grows with its messages.
const maxPacked = 16 << 10

// A ref tells where a message's bytes are: from the top, 24 bits of the
// segment's number, 20 of the offset in it and 20 of the length. A length of 0
// means the whole segment. The zero ref is no message. Where a shard's heap has
// 4 MiB or more, each new segment has over 16 KiB, so 24 bits are good for
// 256 GiB in one shard.
type ref uint64

const (
	offsetBits  = 20
	lengthBits  = 20
	maxSegments = 1 << (64 - offsetBits - lengthBits)
)

func newRef(segment, offset, length int) ref {
	return ref(segment)<<(offsetBits+lengthBits) | ref(offset)<<lengthBits | ref(length)
}

func (r ref) segment() int { return int(r >> (offsetBits + lengthBits)) }
func (r ref) offset() int  { return int(r>>lengthBits) & (1<<offsetBits - 1) }
func (r ref) length() int  { return int(r) & (1<<lengthBits - 1) }

// whole reports whether the message has a segment of its own.
func (r ref) whole() bool { return r.length() == 0 }

// A Heap holds the bytes of the messages of many lists in segments, large
// slices of bytes without pointers. The zero value is an empty heap. A heap and
// its lists are guarded by one lock of the caller's.
type Heap struct {
	segments [][]byte  // by number; nil: free. Number 0 is never used: see ref
	usage    []usage   // by number
	free     []uint32  // numbers of segments that were dropped
	open     int       // the shared segment that messages are appended to; 0: none
	used     int       // bytes of the open segment that are taken
	live     int       // bytes of live messages
	held     int       // bytes of all segments
	shared   footprint // the part of the segments that several messages share, but for the common ones
	common   commons
}

// usage is what a heap knows of one segment.
type usage struct {
	live      uint64 // bytes of live messages in it, those of each list by themselves
	condemned bool   // a compactor moves its messages elsewhere
	common    bool   // other heaps or lists may have the same messages: see commons
}

// footprint is how much of some memory is in use, both in bytes.
type footprint struct{ live, held int }

// Live returns how many bytes the live messages have.
func (h *Heap) Live() int { return h.live }

// Bytes returns how many bytes of memory the heap holds: its segments, with
// what is live, garbage and free in them, and its tables. A segment that it has
// in common with other heaps counts in each of them.
func (h *Heap) Bytes() int {
	return h.held + cap(h.segments)*24 + cap(h.usage)*16 + cap(h.free)*4
}

// put stores a message, which has at least one byte. Where keep is set and the
// message is large, its buffer becomes the heap's.
func (h *Heap) put(body []byte, keep bool) ref {
	h.live += len(body)
	size := segmentSize(h.live)
	if len(body) > min(size/4, maxPacked) {
		// The buffer of a smaller one may well belong to a size class of the
		// allocator that fits worse than its copy's.
		if !keep || len(body) <= maxPacked {
			body = bytes.Clone(body)
		}
		n := h.add(body)
		h.usage[n].live = uint64(len(body))
		return newRef(n, 0, 0)
	}
	if h.open == 0 || len(h.segments[h.open])-h.used < len(body) {
		h.close()
		h.open, h.used = h.add(make([]byte, size)), 0
		h.shared.held += size
	}
	r := newRef(h.open, h.used, len(body))
	h.used += copy(h.segments[h.open][h.used:], body)
	if u := &h.usage[h.open]; !h.count(h.open, u, len(body)) {
		h.shared.live += len(body)
	}
	return r
}

// segmentSize returns how large a new segment is where live bytes are stored.
// Each segment loses some 200 bytes, half a message at its end and its place in
// the tables, and one segment is half empty: together that is least where the
// size is the root of 400 times live. This is the power of two above it, about
// the root of 1,000 times live, since a full collection takes the longer the
// more segments there are: some 0.4 microseconds for each.
func segmentSize(live int) int {
	return min(max(1<<((bits.Len(uint(live))+10)/2), minSegment), maxSegment)
}

// get returns the message at r.
func (h *Heap) get(r ref) []byte { return resolve(h.segments, r) }

func resolve(segments [][]byte, r ref) []byte {
	segment := segments[r.segment()]
	start, end := r.offset(), r.offset()+r.length()
	if r.whole() {
		end = len(segment)
	}
	return segment[start:end:end]
}

// release gives up the message at r.
func (h *Heap) release(r ref) {
	n := r.segment()
	size := r.length()
	if r.whole() {
		size = len(h.segments[n])
	}
	h.live -= size
	u := &h.usage[n]
	if !h.count(n, u, -size) && !r.whole() {
		h.shared.live -= size
	}
	if u.live > 0 {
		return
	}
	if n == h.open {
		// It is kept for the next message, if it is not too large for a heap
		// that has shrunk.
		if len(h.segments[n]) > segmentSize(h.live) {
			h.close()
		}
		return
	}
	h.drop(n, !r.whole())
}

// count counts bytes of messages in or out of a segment, and reports whether that
// is a common one.
func (h *Heap) count(n int, u *usage, bytes int) (common bool) {
	u.live += uint64(bytes)
	if u.common {
		h.common.shares[n].live.Add(int64(bytes))
	}
	return u.common
}

// close makes the next message begin a new shared segment.
func (h *Heap) close() {
	n := h.open
	h.open = 0
	if n != 0 && h.usage[n].live == 0 {
		h.drop(n, true)
	}
}

// add gives segment a number.
func (h *Heap) add(segment []byte) int {
	h.held += cap(segment)
	if last := len(h.free) - 1; last >= 0 {
		n := int(h.free[last])
		h.free = h.free[:last]
		h.segments[n], h.usage[n] = segment, usage{}
		return n
	}
	if len(h.segments) == 0 {
		h.segments, h.usage = make([][]byte, 1, 2), make([]usage, 1, 2)
	}
	n := len(h.segments)
	if n == maxSegments {
		panic(fmt.Sprintf("messages: a heap of %d bytes has used up its %d segments", h.live, maxSegments))
	}
	h.segments = append(h.segments, segment)
	h.usage = append(h.usage, usage{})
	return n
}

// drop leaves a segment without live messages to the garbage collector.
func (h *Heap) drop(n int, shared bool) {
	size := cap(h.segments[n])
	h.held -= size
	switch {
	case h.usage[n].common:
		delete(h.common.shares, n)
		h.usage[n].common = false
	case shared:
		h.shared.held -= size
	}
	h.segments[n] = nil
	h.free = append(h.free, uint32(n))
}

// table returns a copy of the segments that later changes of the heap do not
// reach.
func (h *Heap) table() [][]byte { return slices.Clone(h.segments) }
