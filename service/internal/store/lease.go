package store

import (
	"fmt"
	"time"

	"github.com/ckptbus/ckpt"
)

// lease is who may write a thread for a time; the zero value is nobody. It is no
// part of what the thread holds: what happens to it gets a revision, like every
// entry, but readers, conditions and watchers keep the one that they know.
type lease struct {
	owner   string
	expires int64  // milliseconds since 1970; it is nobody's from then on
	token   uint64 // the revision that it was acquired at; in an entry 0: the entry's own
}

func (l lease) held() bool { return l.owner != "" }

// leased is what a thread has of its lease.
type leased struct {
	lease
	ahead uint64 // how far the thread's revision is ahead of the one that readers know
}

// leaseAt returns the lease as it is at a time, whether or not the sweep has freed
// one that ran out.
func (d *details) leaseAt(now int64) lease {
	if d.lease == nil || d.lease.expires <= now {
		return lease{}
	}
	return d.lease.lease
}

// leasing returns what the thread has of its lease, for writing.
func (t *thread) leasing() *leased {
	d := t.detail()
	if d.lease == nil {
		d.lease = new(leased)
	}
	return d.lease
}

// told returns the thread's revision as readers know it: what happened to its lease
// since then is none of theirs.
func (t *thread) told() uint64 {
	if t.more == nil || t.more.lease == nil {
		return t.revision
	}
	return t.revision - t.more.lease.ahead
}

// tell makes the thread's revision the one that readers know.
func (t *thread) tell() {
	if t.more != nil && t.more.lease != nil {
		t.more.lease.ahead = 0
	}
}

// leases reports whether the entry changes the thread's lease, and nothing else.
func (e *Entry) leases() bool { return e.Hold != nil && e.Snapshot == nil }

// applyLease changes the thread's lease by an entry. The thread may hold nothing:
// then the shard keeps it as it does one that is gone, for as long as the lease
// runs.
func (s *Store) applyLease(sh *shard, t *thread, e *Entry, now int64, first, revision uint64) {
	if t == nil {
		t = sh.add(e.ThreadID)
		t.setSince(first)
	}
	before, last := t.peek().weight(), t.revision
	t.moveTo(first, revision)
	l := t.leasing()
	l.ahead += revision - last
	if l.lease = *e.Hold; l.held() {
		if l.token == 0 {
			l.token = revision
		}
		e.Answer, _ = ckpt.Append(nil, l.reply()) // which has no value that cannot be encoded
	}
	if t.holds(now) {
		e.told = t.told()
	}
	t.remember(e, now, e.told)
	sh.settle(t, before)
	raise(&s.revision, revision)
}

func (l lease) reply() *ckpt.LeaseReply {
	return &ckpt.LeaseReply{Token: l.token, Owner: l.owner, ExpiresAt: time.UnixMilli(l.expires)}
}

// fence refuses a write under another lease than the present one. One under the
// present lease is void once that has run out.
func (v *View) fence(token uint64, e *Entry) error {
	if token == 0 {
		return nil
	}
	if token != v.lease.token {
		return v.notHeld("lease %d is not the thread's any more", token)
	}
	e.Until = v.lease.expires
	return nil
}

// notHeld is the error of a request that wants a lease which another holds or
// nobody.
func (v *View) notHeld(format string, args ...any) error {
	err := ckpt.Errorf(ckpt.Conflict, format, args...)
	err.Revision, err.Lease = v.revision(), v.lease.token
	if v.lease.held() {
		err.Message += fmt.Sprintf(": %q holds it until %s with token %d", v.lease.owner,
			time.UnixMilli(v.lease.expires).UTC().Format(time.RFC3339Nano), v.lease.token)
	}
	return err
}
