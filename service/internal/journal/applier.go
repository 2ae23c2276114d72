package journal

import (
	"fmt"
	"slices"

	"github.com/ckptbus/ckpt/service/internal/store"
)

// assembly holds the records of which some parts have come, by who wrote them.
type assembly map[writing]*assembled

// writing names a record.
type writing struct {
	writer string
	number uint64
}

// assembled is a record that is not whole yet.
type assembled struct {
	first uint64 // the sequence of its first part
	parts int
	body  []byte
}

// add takes one part, and returns the record's body when it is whole, and the
// sequence of its first part. A part that does not follow the one before it is
// of a record that cannot become whole: its writer sends it again.
func (a assembly) add(p *part, sequence, window uint64) (body []byte, first uint64) {
	if p.count == 1 {
		return p.body, sequence
	}
	key := writing{p.writer, p.number}
	r := a[key]
	switch {
	case p.index == 0:
		for k, old := range a { // what its writer will not complete
			if old.first+window < sequence {
				delete(a, k)
			}
		}
		r = &assembled{first: sequence, body: make([]byte, 0, min(p.count*len(p.body), maxRoom))}
		a[key] = r
	case r == nil || r.parts != p.index:
		delete(a, key)
		return nil, 0
	}
	r.parts++
	r.body = append(r.body, p.body...)
	if r.parts < p.count {
		return nil, 0
	}
	delete(a, key)
	return r.body, r.first
}

// maxRoom bounds what is set aside for a record before its parts are there.
const maxRoom = 64 << 20

// floor returns the oldest part that a record still needs; at most limit.
func (a assembly) floor(limit uint64) uint64 {
	for _, r := range a {
		limit = min(limit, r.first)
	}
	return limit
}

// take applies one message of the stream. The error is that of bytes that this
// version cannot read: to pass over them would make another view than that of
// the replica that can.
func (j *JetStream) take(a assembly, sequence uint64, data []byte) error {
	p, err := decodePart(data)
	if err != nil {
		return err
	}
	if p.storeID != j.storeID() {
		return nil // of a store whose stream this was not
	}
	b, first := a.add(&p, sequence, j.opts.Window)
	j.floor.Store(a.floor(sequence + 1))
	if b == nil {
		return nil
	}
	mine := j.takeMine(&p)
	var r body
	if mine != nil && mine.after == nil {
		r.planned, r.at = mine.planned, mine.at // it has the entries themselves
	} else if r, err = decodeBody(b); err != nil {
		return err
	}
	if r.at >= j.clock.Load() {
		j.clock.Store(r.at)
		j.latest.Store(first)
	} else {
		j.store.Keep(j.latest.Load(), sequence) // whose time it is, since time does not go back
	}
	void := sequence > r.planned+j.window(&p)
	if mine != nil {
		j.applyMine(mine, r, void, first, sequence)
		return nil
	}
	tell := func(c store.Change) { j.opts.Applied(p.storeID, c, false) }
	for i, raw := range r.entries {
		e, err := store.DecodeEntry(raw)
		if err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
		if e.Snapshot != nil {
			j.compacts(p.writer)
		}
		if !void {
			j.store.Apply(&e, j.clock.Load(), first, sequence, tell)
		}
	}
	return nil
}

// takeMine takes a record off those under way that this replica has sent and that has
// come back; nil of another's, and of one that has come back before.
func (j *JetStream) takeMine(p *part) *record {
	if p.writer != j.writer {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	mine := j.underWay[p.number]
	if mine != nil {
		j.remove(mine)
		j.reuse(mine)
		j.gatherFor(mine)
		j.troubled = false
	}
	return mine
}

// window is how many records the record's plan may be behind.
func (j *JetStream) window(p *part) uint64 {
	if p.version == 1 {
		return min(j.opts.Window, firstWindow)
	}
	return j.opts.Window
}

// applyMine applies a record that this replica wrote, whose entries it still
// has, and answers those who wait for it.
func (j *JetStream) applyMine(mine *record, r body, void bool, first, sequence uint64) {
	now := j.clock.Load()
	tell := func(c store.Change) { j.opts.Applied(j.storeID(), c, true) }
	if mine.after != nil {
		applied := make([]bool, len(r.entries))
		for i, raw := range r.entries {
			e, err := store.DecodeEntry(raw)
			applied[i] = err == nil && !void && j.store.Apply(&e, now, first, sequence, tell)
		}
		j.later(sequence, func() { mine.after(applied) })
		return
	}
	ok := make([]bool, len(mine.writes))
	for i, p := range mine.writes {
		ok[i] = !void && j.store.Apply(p.effect(), now, first, sequence, tell)
	}
	// Whoever is answered may ask at once: the record counts as applied first.
	j.applied.Store(sequence)
	for i, p := range slices.All(mine.writes) {
		if ok[i] && p.end == nil {
			j.finish(p, p.Result(sequence), nil)
			continue
		}
		p.end = nil
		p.Again() // the thread has moved on: plan anew
		p.now = j.now()
		j.begin(p)
	}
	for _, then := range mine.barriers {
		then(nil)
	}
	j.flush()
}

// later runs what may write again when the record counts as applied.
func (j *JetStream) later(sequence uint64, f func()) {
	j.applied.Store(sequence)
	f()
}
