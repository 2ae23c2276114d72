package service

import (
	"sync"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/google/uuid"
)

// uploads holds the requests that are coming in parts, and those that came so
// and are not answered yet: what they take of the memory is bounded by the limit
// of a request times how many there may be.
type uploads struct {
	mu    sync.Mutex
	limit int // how many at once
	byID  map[string]*upload
}

// upload is one request that comes in parts.
type upload struct {
	subject  string // that it was announced on
	take     receiver
	bytes    []byte
	partSize int
	checksum uint64
	came     []bool // which parts
	missing  int    // parts
	latest   int64  // when the latest came, in milliseconds
	whole    bool   // it is being carried out
}

// partsPatience is how long a request or a reply in parts is kept since its
// latest part came or went.
const partsPatience = 10 * time.Second

// maxParts bounds the parts of one request.
const maxParts = 1 << 16

// announced returns the handler of the announcements of one operation's requests,
// which are taken by take.
func announced(s *Service, take receiver) receiver {
	return receive(s, ckpt.Upload, nil, func(r *call[ckpt.UploadRequest, ckpt.UploadReply]) {
		id, err := s.uploads.begin(&r.q, r.subject, take, s.store.Limits().Request(), r.millis())
		if err != nil {
			r.fail(err)
			return
		}
		r.a.ID, r.a.Replica = id, s.replica
		r.a.Revision = s.store.Revision()
		r.reply()
	})
}

// begin makes room for a request and returns the ID of its upload.
func (u *uploads) begin(q *ckpt.UploadRequest, subject string, take receiver, limit int, now int64) (string, error) {
	switch {
	case q.Size < 1:
		return "", ckpt.Errorf(ckpt.InvalidArgument, "size %d: want the bytes of the request", q.Size)
	case q.Size > limit:
		return "", ckpt.TooLargef(q.Size, limit, "the request is over the limit of one in parts")
	case q.PartSize < 1 || ckpt.PartCount(q.Size, q.PartSize) > maxParts:
		return "", ckpt.Errorf(ckpt.InvalidArgument, "part_size %d of %d bytes: want as much that there are at most %d parts", q.PartSize, q.Size, maxParts)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.byID) >= u.limit {
		u.expire(now)
	}
	if len(u.byID) >= u.limit {
		return "", ckpt.Errorf(ckpt.Overloaded, "%d requests in parts are under way, limit %d: try again later", len(u.byID), u.limit)
	}
	n := ckpt.PartCount(q.Size, q.PartSize)
	id := uuid.NewString() // a guess must not do: whoever has it can add to the request
	u.byID[id] = &upload{
		subject: subject, take: take, bytes: make([]byte, q.Size), partSize: q.PartSize, checksum: q.Checksum,
		came: make([]bool, n), missing: n, latest: now,
	}
	return id, nil
}

// errNoUpload is the answer where an upload is not waited for any more. It is one
// that the caller can try again, from the beginning.
var errNoUpload = ckpt.Errorf(ckpt.Unavailable, "this replica waits for no request in parts with this id: announce it again")

// put takes one part.
func (u *uploads) put(q *ckpt.PartsPutRequest, now int64) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	up := u.byID[q.ID]
	if up == nil || up.whole {
		return errNoUpload
	}
	if q.Index < 0 || q.Index >= len(up.came) {
		return ckpt.Errorf(ckpt.InvalidArgument, "index %d: the request has %d parts", q.Index, len(up.came))
	}
	room := part(up.bytes, up.partSize, q.Index)
	if len(q.Data) != len(room) {
		return ckpt.Errorf(ckpt.InvalidArgument, "data has %d bytes: part %d has %d", len(q.Data), q.Index, len(room))
	}
	if up.latest = now; !up.came[q.Index] {
		up.came[q.Index] = true
		up.missing--
		copy(room, q.Data)
	}
	return nil
}

// end takes the request whose parts are all there; its place is free when done
// is called.
func (u *uploads) end(id string) (up *upload, done func(), err error) {
	u.mu.Lock()
	up = u.byID[id]
	if up == nil || up.whole {
		u.mu.Unlock()
		return nil, nil, errNoUpload
	}
	if up.missing > 0 {
		defer u.mu.Unlock()
		return nil, nil, ckpt.Errorf(ckpt.InvalidArgument, "id %.64q: %d of the request's %d parts are missing", id, up.missing, len(up.came))
	}
	up.whole = true
	u.mu.Unlock()
	done = func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.byID, id)
	}
	if sum := ckpt.Checksum(up.bytes); sum != up.checksum {
		done()
		return nil, nil, ckpt.Errorf(ckpt.InvalidArgument, "id %.64q: the parts have the checksum %d, and %d was announced: announce the request again", id, sum, up.checksum)
	}
	return up, done, nil
}

// sweep lets go of what has been broken off.
func (u *uploads) sweep(now int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.expire(now)
}

func (u *uploads) expire(now int64) {
	for id, up := range u.byID {
		if !up.whole && now-up.latest > partsPatience.Milliseconds() {
			delete(u.byID, id)
		}
	}
}

// part returns the part of b with the index.
func part(b []byte, size, index int) []byte {
	return b[index*size : min((index+1)*size, len(b))]
}

// putPart answers a parts.put.
func putPart(r *call[ckpt.PartsPutRequest, ckpt.PartsPutReply]) {
	if err := r.uploads.put(&r.q, r.millis()); err != nil {
		r.fail(err)
		return
	}
	r.a.Revision = r.store.Revision()
	r.reply()
}

// endParts carries out a request that came in parts, as if it had come in one
// message: what it is answered is the answer.
func endParts(r *call[ckpt.PartsEndRequest, ckpt.PartsEndReply]) {
	up, done, err := r.uploads.end(r.q.ID)
	if err != nil {
		r.fail(err)
		return
	}
	up.take(arrival{subject: up.subject, inbox: r.inbox, payload: up.bytes, grouped: r.grouped, done: done})
}
