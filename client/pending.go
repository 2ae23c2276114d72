package client

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/ckptbus/ckpt"
)

// pending is one request under way, as far as the transport knows it: without
// its types. All that is not set at its start is guarded by the table's mutex
// while it is in the table, and belongs to whoever takes it out, who must call
// complete.
type pending struct {
	ctx     context.Context
	subject string
	thread  string
	writes  bool
	payload *[]byte // the encoded request, kept for further attempts
	token   uint64
	before  *pending // in the queue
	step    *step    // nil: it is a request of a caller

	attempts int         // how often it was sent
	seen     bool        // a sweep has set its times
	deadline time.Time   // of a request whose context has none
	next     time.Time   // when it is sent again
	pausing  bool        // the last attempt was refused
	refusal  *ckpt.Error // of the last attempt that was refused
	lost     bool        // some attempt found no answer in its time
	detour   bool        // the attempt is made in parts, see [transport.detour]
	resent   bool        // the sweeper may be reading the payload
	sent     bool        // nobody will read the payload any more, unless it was resent

	waits bool          // one goroutine waits for it, and nobody else knows of it
	done  chan struct{} // tells that reply or err is set: closed, or one value where it waits
	reply []byte
	err   error
}

// complete ends the request with a reply or an error.
func (p *pending) complete(reply []byte, e *ckpt.Error) {
	if p.reply = reply; e != nil {
		p.err = p.label(e)
	}
	if p.waits {
		p.done <- struct{}{}
	} else {
		close(p.done)
	}
}

// table holds the requests under way. A request's token is its slot in the low
// bits and the count of requests above them, so that an answer which comes
// late never meets the request that has taken over the slot.
type table struct {
	mu    sync.Mutex
	slots []*pending
	free  []uint32 // the slots that hold nothing
	queue *pending // the last of those that wait for the first of them to send all
	count uint64
	err   error // why no request is taken any more
}

// slotBits bounds the requests of one client that are under way at once to
// one million, some GiB of memory and far beyond what a bus delivers in time.
const slotBits = 20

// duty is what is left to do for the goroutine that adds a request.
type duty uint8

const (
	sendOne   duty = iota // send the request
	sendQueue             // send all that have queued up by then
	sendNone              // another goroutine sends it
)

// add takes p in and gives it a token, or returns why it does not. Where p may
// wait for others, and there are others, it joins the queue.
func (t *table) add(p *pending) (duty, *ckpt.Error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return sendNone, closedError(t.err)
	}
	var slot uint32
	if n := len(t.free); n > 0 {
		slot, t.free = t.free[n-1], t.free[:n-1]
	} else if n := len(t.slots); n < 1<<slotBits {
		slot, t.slots = uint32(n), append(t.slots, nil)
	} else {
		return sendNone, ckpt.Errorf(ckpt.Overloaded, "this client has %d requests under way", n)
	}
	t.count++
	p.token = t.count<<slotBits | uint64(slot)
	t.slots[slot] = p
	if !p.waits || len(t.slots)-len(t.free) == 1 {
		return sendOne, nil
	}
	p.before, t.queue = t.queue, p
	if p.before == nil {
		return sendQueue, nil
	}
	return sendNone, nil
}

// takeQueue empties the queue and returns its last request, which links to
// those before it.
func (t *table) takeQueue() *pending {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.queue
	t.queue = nil
	return p
}

// find returns the request with the token, nil where it is over. The mutex
// must be held.
func (t *table) find(token uint64) *pending {
	slot := token & (1<<slotBits - 1)
	if slot < uint64(len(t.slots)) && t.slots[slot] != nil && t.slots[slot].token == token {
		return t.slots[slot]
	}
	return nil
}

// remove takes out a request that find has found. The mutex must be held.
func (t *table) remove(p *pending) {
	slot := uint32(p.token & (1<<slotBits - 1))
	t.slots[slot] = nil
	t.free = append(t.free, slot)
}

// underWay returns how many requests are.
func (t *table) underWay() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.slots) - len(t.free)
}

// tokens in subjects are written in this base, which keeps them short.
const tokenBase = 36

func parseToken(s string) uint64 {
	n, err := strconv.ParseUint(s, tokenBase, 64)
	if err != nil {
		return 0 // no request has this token
	}
	return n
}
