package service

import (
	"math"
	"slices"

	"github.com/ckptbus/ckpt"
)

// listChanges answers an changes.list from the ring; one that looks into events
// takes long.
func listChanges(r *call[ckpt.ChangesListRequest, ckpt.ChangesListReply]) {
	q := &r.q
	if err := checkChangesList(q); err != nil {
		r.fail(err)
		return
	}
	list := func() { answer(r, r.listChanges) }
	if filtered(q) {
		list = func() { r.slowly(func() { answer(r, r.listChanges) }) }
	}
	known := ckpt.Position{StoreID: q.After.StoreID, Revision: max(q.After.Revision, q.Until)}
	r.knowing(known, false, list)
}

func checkChangesList(q *ckpt.ChangesListRequest) error {
	for what, n := range map[string]int{"skip": q.Skip, "seen": q.Seen, "limit": q.Limit} {
		if n < 0 {
			return ckpt.Errorf(ckpt.InvalidArgument, "field %q is %d: want 0 or more", what, n)
		}
	}
	for _, kind := range q.Kinds {
		if !ckpt.IsEventKind(kind) {
			return ckpt.Errorf(ckpt.InvalidArgument, "field \"kinds\": no event has the kind %.64q: want the name of an operation that writes, or %s", kind, ckpt.KindExpired)
		}
	}
	if !q.Since.IsZero() && q.After != (ckpt.Position{}) {
		return ckpt.Errorf(ckpt.InvalidArgument, "fields \"after\" and \"since\" are both there: want one of them")
	}
	if q.Seen > 0 && q.Until == 0 {
		return ckpt.Errorf(ckpt.InvalidArgument, "field \"seen\" counts events up to a revision: want \"until\" beside it")
	}
	if !q.Since.IsZero() && q.Skip > 0 {
		return ckpt.Errorf(ckpt.InvalidArgument, "field \"skip\" is of events behind a position: want none with \"since\"")
	}
	return nil
}

func filtered(q *ckpt.ChangesListRequest) bool {
	return q.ThreadID != "" || q.UserID != "" || len(q.Kinds) > 0
}

// listChanges takes a page of events from the ring.
func (s *Service) listChanges(q *ckpt.ChangesListRequest, a *ckpt.ChangesListReply, _ int64) error {
	applied := s.journal.Status().Applied // before the ring is read, which has all up to it
	after, until := q.After.Revision, q.Until
	another := q.After.StoreID != "" && q.After.StoreID != s.StoreID()
	if another {
		after, until = 0, 0
	}
	upTo := applied
	if until > 0 {
		upTo = min(upTo, until)
	}
	room := s.store.Limits().Page
	p := span{after: after, upTo: upTo, skip: q.Skip, seen: q.Seen, room: room + 1} // one more than fit
	if !q.Since.IsZero() {
		p.since = q.Since.UnixMilli()
	}
	if filtered(q) {
		p.skip, p.seen, p.room = 0, -1, math.MaxInt
	}
	x := s.events.ring.read(p)
	if filtered(q) {
		x.slots = slices.DeleteFunc(x.slots, func(s ringSlot) bool { return !wanted(q, s.event) })
		if q.Seen == len(x.slots) {
			x.slots = nil
		}
		if x.complete {
			x.slots = x.slots[min(q.Skip, len(x.slots)):]
		}
	}
	a.Reply, a.Oldest, a.Complete = ckpt.Reply{Revision: applied}, x.floor, x.complete && !another
	a.Next = ckpt.Position{StoreID: s.StoreID(), Revision: max(after, upTo)}
	if !a.Complete {
		a.Next.Revision = max(a.Next.Revision, x.floor)
	}
	a.NextSkip = 0
	for i := range x.slots {
		slot := &x.slots[i]
		change, err := changeOf(q, slot)
		if err != nil {
			return err
		}
		size := len(slot.event) + len(change)
		if q.Changes && size > s.store.Limits().Page { // no page can carry it
			change, size = noChange, len(slot.event)+len(noChange)
		}
		if room -= size; room < 0 || q.Limit > 0 && i == q.Limit {
			cut(a, q, x.slots, i)
			return nil
		}
		a.Events = append(a.Events, slot.event)
		if q.Changes {
			a.Changes = append(a.Changes, change)
		}
	}
	return nil
}

// noChange stands for a change that is not told.
var noChange = ckpt.Raw{0xc0}

// changeOf returns the change of an event, if it is asked for.
func changeOf(q *ckpt.ChangesListRequest, slot *ringSlot) (ckpt.Raw, error) {
	switch {
	case !q.Changes:
		return nil, nil
	case slot.size == 0:
		return noChange, nil
	}
	change := slot.change.Change()
	return ckpt.Append(nil, &change)
}

// cut ends the page before the n-th event.
func cut(a *ckpt.ChangesListReply, q *ckpt.ChangesListRequest, slots []ringSlot, n int) {
	a.HasMore = true
	revision := slots[n].revision
	same := 0 // on the page, of the revision that is cut
	for same < n && slots[n-same-1].revision == revision {
		same++
	}
	if same == n && q.Skip > 0 {
		a.Next.Revision, a.NextSkip = q.After.Revision, q.Skip+n
		return
	}
	a.Next.Revision, a.NextSkip = revision-1, same
}

// wanted reports whether an event is one of those asked for.
func wanted(q *ckpt.ChangesListRequest, event ckpt.Raw) bool {
	is := func(field, value string) bool {
		s, _ := event.Get(field).Str()
		return s == value
	}
	return (q.ThreadID == "" || is("thread_id", q.ThreadID)) && (q.UserID == "" || is("user_id", q.UserID)) &&
		(len(q.Kinds) == 0 || slices.ContainsFunc(q.Kinds, func(kind string) bool { return is("kind", kind) }))
}
