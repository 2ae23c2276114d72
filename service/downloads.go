package service

import (
	"bytes"
	"sync"

	"github.com/ckptbus/ckpt"
	"github.com/google/uuid"
)

// downloads holds the replies that do not fit the bus until their parts have
// been fetched.
type downloads struct {
	mu    sync.Mutex
	limit int // how many at once
	byID  map[string]*download
}

// download is one reply that is fetched in parts.
type download struct {
	bytes    []byte
	partSize int
	went     []bool // which parts were fetched
	missing  int    // parts that were not
	latest   int64  // when one was fetched, in milliseconds
}

// inParts keeps a reply that does not fit the bus and returns the error that
// says how to read it. The bytes are the buffer's of many replies unless they
// are too many for that.
func (r *request) inParts(b []byte, payload int) error {
	if cap(b) <= keepBuffer {
		b = bytes.Clone(b)
	}
	size := ckpt.PartSize(payload)
	id, err := r.downloads.keep(b, size, r.millis())
	if err != nil {
		return err
	}
	e := ckpt.TooLargef(len(b), payload, "the reply does not fit the bus, and is read in parts")
	e.Parts = &ckpt.Parts{ID: id, Replica: r.replica, PartSize: size, Checksum: ckpt.Checksum(b)}
	return e
}

// keep keeps a reply and returns its ID.
func (d *downloads) keep(b []byte, partSize int, now int64) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.byID) >= d.limit {
		d.expire(now)
	}
	if len(d.byID) >= d.limit {
		return "", ckpt.Errorf(ckpt.Overloaded, "%d replies in parts are under way, limit %d: try again later", len(d.byID), d.limit)
	}
	n := ckpt.PartCount(len(b), partSize)
	id := uuid.NewString() // a guess must not do: whoever has it can read the reply
	d.byID[id] = &download{bytes: b, partSize: partSize, went: make([]bool, n), missing: n, latest: now}
	return id, nil
}

// errNoDownload is the answer where a reply is not kept any more. It is one that
// the caller can try again, from the request that was replied to.
var errNoDownload = ckpt.Errorf(ckpt.Unavailable, "this replica keeps no reply in parts with this id: send the request again")

// part returns one part. A reply whose parts have all been fetched is let go.
func (d *downloads) part(q *ckpt.PartsGetRequest, now int64) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	down := d.byID[q.ID]
	if down == nil {
		return nil, errNoDownload
	}
	if q.Index < 0 || q.Index >= len(down.went) {
		return nil, ckpt.Errorf(ckpt.InvalidArgument, "index %d: the reply has %d parts", q.Index, len(down.went))
	}
	down.latest = now
	if !down.went[q.Index] {
		down.went[q.Index] = true
		down.missing--
	}
	if down.missing == 0 {
		delete(d.byID, q.ID)
	}
	return part(down.bytes, down.partSize, q.Index), nil
}

// sweep lets go of what nobody fetches.
func (d *downloads) sweep(now int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.expire(now)
}

func (d *downloads) expire(now int64) {
	for id, down := range d.byID {
		if now-down.latest > partsPatience.Milliseconds() {
			delete(d.byID, id)
		}
	}
}

// getPart answers a parts.get.
func getPart(r *call[ckpt.PartsGetRequest, ckpt.PartsGetReply]) {
	data, err := r.downloads.part(&r.q, r.millis())
	if err != nil {
		r.fail(err)
		return
	}
	r.a.Revision, r.a.Data = r.store.Revision(), data
	r.reply()
}
