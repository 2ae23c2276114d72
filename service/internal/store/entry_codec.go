package store

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
	"github.com/ckptbus/ckpt/service/internal/messages"
)

// An entry travels as a map with these keys; what is empty is left out. A later
// version may add keys that version 1 of the journal's format need not know.
//
//	k  its kind: the operation's name, expired or snapshot
//	t  the thread's ID
//	u  the user; of a snapshot, the owner
//	r  the request's ID         h  its digest
//	at when it was planned
//	b  the revision that it was planned on
//	a  the answer, a binary
//	f  flags: 1 removes the state, 2 the cached state, 4 the record, 8 the thread,
//	   16 the message metadata
//	s  the new state            c  the new cached state, which expires at x
//	m  messages to put, after   d  the ID of a message to remove, or an array of several
//	md the message metadata     i  the record
//	l  the retention            lf the retention of the thread where it is new
//	mk how many messages to keep
//	hk how many earlier states are kept from a change of the state on, and of a
//	   snapshot the rest of its history: see history_codec.go
//	ls the lease that the thread has from now on: an array of owner, expiry and
//	   token, which is 0 where it is the entry's revision; empty where it ends
//	la of a snapshot, how far the thread's revision is ahead of what readers know
//	lu the time from which on the entry is void
//	n  of a snapshot, its times: created, updated, of the state, of the cached state
//	o  what the thread is forked from, or of a snapshot, was: an array of thread ID
//	   and revision
//	g  entries of further threads, each a binary, that are applied with this one
//	   or not at all
//	w  of a snapshot, the answers that are remembered: arrays of request ID,
//	   kind, time, revision and answer, and the digest where it is known
//	mg of a snapshot, the gaps of its messages' numbers: arrays of a row and how
//	   many numbers are missing before it
const (
	flagNoState = 1 << iota
	flagNoCache
	flagNoRecord
	flagNoThread
	flagNoMeta
)

// coded is an entry as its fields on the wire.
type coded struct {
	kind                      kind
	threadID, userID          string
	requestID                 string
	digest, base              uint64
	at, expires, until        int64
	latest                    int
	answer                    []byte
	flags                     int
	messages, times           []ckpt.Raw
	recent, group             []ckpt.Raw
	delete, lease             ckpt.Raw
	gaps                      [][2]int
	ahead                     uint64
	state, cache, metadata, i ckpt.Raw
	retain, fresh             ckpt.Raw
	past                      codedHistory
	origin                    []ckpt.Raw
}

func (c *coded) declare(f *wire.Fields) {
	f.Open()
	f.Required("k", &c.kind)
	f.Required("t", &c.threadID)
	f.Optional("u", &c.userID)
	f.Optional("r", &c.requestID)
	f.Optional("h", &c.digest)
	f.Required("at", &c.at)
	f.Optional("b", &c.base)
	f.Optional("a", &c.answer)
	f.Optional("f", &c.flags)
	f.Optional("s", &c.state)
	f.Optional("c", &c.cache)
	f.Optional("x", &c.expires)
	f.Optional("m", &c.messages)
	f.Optional("d", &c.delete)
	f.Optional("md", &c.metadata)
	f.Optional("i", &c.i)
	f.Optional("l", &c.retain)
	f.Optional("lf", &c.fresh)
	f.Optional("mk", &c.latest)
	f.Optional("ls", &c.lease)
	f.Optional("la", &c.ahead)
	f.Optional("lu", &c.until)
	f.Optional("n", &c.times)
	f.Optional("w", &c.recent)
	f.Optional("mg", &c.gaps)
	f.Optional("g", &c.group)
	c.past.declare(f)
	f.Optional("o", &c.origin)
}

// entryCodec is the memory of one entry after the other, whose fields are declared
// once.
type entryCodec struct {
	coded
	fields *wire.Fields
}

var entryCodecs = sync.Pool{New: func() any {
	c := &entryCodec{fields: wire.Declare()}
	c.declare(c.fields)
	return c
}}

// free gives the memory back.
func (c *entryCodec) free() {
	c.coded = coded{}
	entryCodecs.Put(c)
}

// Append appends the entry to b.
func (e *Entry) Append(b []byte) ([]byte, error) {
	c := entryCodecs.Get().(*entryCodec)
	defer c.free()
	c.coded = coded{
		kind: kind(e.Kind), threadID: e.ThreadID, userID: e.UserID, requestID: e.RequestID, digest: e.Digest,
		at: e.At, base: e.Base, expires: e.Expires, until: e.Until, latest: e.Latest, answer: e.Answer,
		retain: e.Retain.raw(), fresh: e.Fresh.raw(),
		state: e.State.value, cache: e.Cache.value, metadata: e.Metadata, i: e.Record,
		flags: one(e.State.remove)*flagNoState | one(e.Cache.remove)*flagNoCache | one(e.NoRecord)*flagNoRecord | one(e.NoThread)*flagNoThread | one(e.NoMeta)*flagNoMeta,
		past:  codedHistory{keep: e.Keep.coded()},
	}
	for i := range e.Messages {
		c.messages = append(c.messages, e.Messages[i].body)
	}
	var err error
	if c.delete, err = appendIDs(e.Delete); err != nil {
		return b, err
	}
	if e.Hold != nil {
		c.lease = e.Hold.raw()
	}
	if s := e.Snapshot; s != nil {
		c.gaps = s.gaps.Pairs()
		c.ahead = s.ahead
		for _, at := range []int64{s.created, s.updated, s.stateAt, s.cacheAt} {
			c.times = append(c.times, wire.AppendInt(nil, at))
		}
		for i := range s.recent {
			c.recent = append(c.recent, s.recent[i].raw())
		}
		c.past, c.origin = s.history.coded(), s.origin.coded()
	}
	if e.Fork != nil {
		c.origin = (&origin{e.Fork.source, e.Fork.revision}).coded()
	}
	for _, further := range e.With {
		raw, err := further.Append(nil)
		if err != nil {
			return b, err
		}
		c.group = append(c.group, wire.AppendBin(nil, raw))
	}
	return c.fields.Append(b)
}

// DecodeEntry reads an entry. What it holds as bytes is a copy.
func DecodeEntry(b ckpt.Raw) (Entry, error) { return decodeEntry(b, true) }

// decodeEntry reads an entry, which may be the first of a group or not.
func decodeEntry(b ckpt.Raw, first bool) (Entry, error) {
	c := entryCodecs.Get().(*entryCodec)
	defer c.free()
	if err := c.fields.Decode(b); err != nil {
		return Entry{}, err
	}
	e := Entry{
		Kind: string(c.kind), Digest: c.digest, At: c.at, Base: c.base, Expires: c.expires, Until: c.until, Latest: c.latest, Answer: c.answer,
	}
	e.ThreadID, e.UserID, e.RequestID = c.threadID, c.userID, c.requestID
	e.State = change{bytes.Clone(c.state), c.flags&flagNoState != 0}
	e.Cache = change{bytes.Clone(c.cache), c.flags&flagNoCache != 0}
	e.Metadata, e.Record = bytes.Clone(c.metadata), bytes.Clone(c.i)
	e.NoRecord, e.NoThread, e.NoMeta = c.flags&flagNoRecord != 0, c.flags&flagNoThread != 0, c.flags&flagNoMeta != 0
	e.Keep = decodeKept(c.past.keep)
	if len(c.messages) > 0 {
		e.Messages = make([]message, len(c.messages))
	}
	for i, body := range c.messages {
		id, found, err := messages.IDOf(body)
		if err != nil || !found {
			return Entry{}, fmt.Errorf("message %d has no ID: %w", i, err)
		}
		e.Messages[i] = message{id: id, body: body} // which the heap copies
	}
	var err error
	if e.Delete, err = decodeIDs(c.delete); err != nil {
		return Entry{}, fmt.Errorf("messages to remove: %w", err)
	}
	if e.Hold, err = decodeLease(c.lease); err != nil {
		return Entry{}, fmt.Errorf("lease: %w", err)
	}
	if e.Retain, err = decodeRetention(c.retain); err != nil {
		return Entry{}, fmt.Errorf("retention: %w", err)
	}
	if e.Fresh, err = decodeRetention(c.fresh); err != nil {
		return Entry{}, fmt.Errorf("retention of a new thread: %w", err)
	}
	if !first && (len(c.group) > 0 || e.Kind == kindSnapshot) {
		return Entry{}, fmt.Errorf("entry %q is none of a single thread", e.Kind)
	}
	if e.With, err = decodeGroup(c.group); err != nil {
		return Entry{}, err
	}
	if o, err := decodeOrigin(c.origin); err != nil {
		return Entry{}, err
	} else if o != nil && e.Kind != kindSnapshot {
		if len(e.With) != 1 || e.With[0].ThreadID != o.thread {
			return Entry{}, fmt.Errorf("a fork of thread %q goes without it", o.thread)
		}
		e.Fork = &Fork{o.thread, o.revision}
	}
	if e.Kind == kindSnapshot {
		s, err := decodeSnapshot(&c.coded, e.State.value)
		if err != nil {
			return Entry{}, err
		}
		e.Snapshot = s
	}
	return e, nil
}

// decodeGroup reads the entries of further threads.
func decodeGroup(list []ckpt.Raw) ([]*Entry, error) {
	var group []*Entry
	for i, raw := range list {
		b, err := raw.Bin()
		if err != nil {
			return nil, fmt.Errorf("entry %d of the group %w", i, err)
		}
		e, err := decodeEntry(b, false)
		if err != nil {
			return nil, fmt.Errorf("entry %d of the group: %w", i, err)
		}
		group = append(group, &e)
	}
	return group, nil
}

// appendIDs returns message IDs as they travel: one by itself, which is how version
// 1 had it, and several as an array.
func appendIDs(ids []ckpt.MessageID) (b ckpt.Raw, err error) {
	if len(ids) > 1 {
		b = wire.AppendArrayHeader(nil, len(ids))
	}
	for i := range ids {
		if b, err = ids[i].AppendWire(b); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func decodeIDs(raw ckpt.Raw) ([]ckpt.MessageID, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	list := []ckpt.Raw{raw}
	if raw.Kind() == wire.Array {
		var err error
		if list, err = raw.Elements(); err != nil {
			return nil, err
		}
	}
	ids := make([]ckpt.MessageID, len(list))
	for i := range list {
		if err := ids[i].DecodeWire(list[i]); err != nil {
			return nil, err
		}
	}
	return ids, nil
}
