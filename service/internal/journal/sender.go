package journal

import (
	"time"

	"github.com/ckptbus/ckpt/service/internal/store"
	"github.com/nats-io/nats.go"
)

// flush sends what waits, in as many records as may be under way at once. What
// comes meanwhile shares the next.
func (j *JetStream) flush() {
	for {
		j.mu.Lock()
		if len(j.barriers) > 0 {
			j.gather.end() // readers do not wait for writers
		}
		if len(j.waiting)+len(j.barriers) == 0 || j.ours >= j.opts.UnderWay || j.gather.holds(len(j.waiting)) {
			j.mu.Unlock()
			return
		}
		r := &record{barriers: j.barriers}
		j.barriers = nil
		n, size := 0, 0
		for n < len(j.waiting) && (n == 0 || size+len(j.waiting[n].entry) <= recordBytes) {
			size += len(j.waiting[n].entry)
			n++
		}
		r.writes = append(r.writes, j.waiting[:n]...)
		clear(j.waiting[:n])
		if j.waiting = j.waiting[n:]; len(j.waiting) == 0 {
			j.waiting = nil
		}
		j.ours++
		planned := j.applied.Load()
		j.entries = j.entries[:0]
		for _, p := range r.writes {
			j.entries = append(j.entries, p.entry)
			planned = min(planned, p.planned)
		}
		j.number(r, planned, j.entries)
		clear(j.entries)
		if size > recordBytes { // one large entry: the record has it now
			r.writes[0].entry = nil
		}
		j.mu.Unlock()
		j.send(r)
	}
}

// recordBytes is how many bytes of entries share a record: enough to share the
// cost of one, and little enough to keep it short.
const recordBytes = 64 << 10

// number makes the messages of a record, whose oldest entry was planned at a
// position, and counts it as under way. The caller holds the lock.
func (j *JetStream) number(r *record, planned uint64, entries [][]byte) {
	j.last++
	r.number, r.planned, r.at = j.last, planned, max(j.now(), j.clock.Load())
	j.underWay[r.number] = r
	p := part{version, j.storeID(), j.writer, r.number, 0, 1, nil}
	room := int(j.nc.MaxPayload()) - headBytes
	if most := bodyBytes(entries); most <= room {
		r.parts = append(r.parts, appendBody(p.append(j.spareFor(headBytes+most)), planned, r.at, entries))
		return
	}
	body := appendBody(nil, planned, r.at, entries)
	p.count = (len(body) + room - 1) / room
	for ; p.index < p.count; p.index++ {
		piece := body[p.index*room : min((p.index+1)*room, len(body))]
		r.parts = append(r.parts, append(p.append(make([]byte, 0, headBytes+len(piece))), piece...))
	}
}

// spareFor returns memory for a message of up to so many bytes. The caller holds the
// lock.
func (j *JetStream) spareFor(n int) []byte {
	if last := len(j.spare) - 1; last >= 0 {
		b := j.spare[last]
		if j.spare = j.spare[:last]; cap(b) >= n {
			return b
		}
	}
	return make([]byte, 0, max(n, recordBytes/4))
}

// reuse takes back the memory of a record that has come back. Of one that was sent
// again, somebody may still be reading it. The caller holds the lock.
func (j *JetStream) reuse(r *record) {
	if !r.again && len(r.parts) == 1 && cap(r.parts[0]) <= 2*recordBytes && len(j.spare) < j.opts.UnderWay {
		j.spare = append(j.spare, r.parts[0][:0])
		r.parts = nil
	}
}

// send sends a record, or sends it again: it may be in the stream already, and
// be there twice then. Acknowledgements cost as much as records, and that one is
// stored shows when it comes back; so they are asked for only where something
// seems to be wrong.
func (j *JetStream) send(r *record) {
	j.mu.Lock()
	r.sent = time.Now()
	parts, inbox := r.parts, ""
	if r.again || j.troubled {
		inbox = j.acks.inbox(r.number)
	}
	j.mu.Unlock()
	for _, b := range parts {
		if err := j.nc.PublishMsg(&nats.Msg{Subject: j.subject, Reply: inbox, Data: b}); err != nil {
			j.log.Debug("a record was not sent", "err", err) // it is sent again
			return
		}
	}
}

// resend sends what nobody has seen for too long again. The stream may have it
// nevertheless.
func (j *JetStream) resend() {
	j.mu.Lock()
	var late []*record
	for _, r := range j.underWay {
		if time.Since(r.sent) > j.opts.Patience+r.size()*slowest {
			r.again = true
			late = append(late, r)
		}
	}
	j.mu.Unlock()
	for _, r := range late {
		j.log.Debug("sending a record again", "number", r.number)
		j.send(r)
	}
}

// slowest is the slowest stream that is waited for: time for one byte.
const slowest = time.Second / (4 << 20)

// size returns how many bytes the record has.
func (r *record) size() time.Duration {
	n := 0
	for _, b := range r.parts {
		n += len(b)
	}
	return time.Duration(n)
}

// remove takes a record off those under way. The caller holds the lock.
func (j *JetStream) remove(r *record) {
	delete(j.underWay, r.number)
	if r.after == nil {
		j.ours--
	}
}

// fail ends all that waits for a record.
func (j *JetStream) fail(r *record, err error) {
	for _, p := range r.writes {
		j.finish(p, store.Result{}, err)
	}
	for _, then := range r.barriers {
		then(err)
	}
	if r.after != nil {
		r.after(nil)
	}
}
