package store

import (
	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

// Fork makes the thread of its entry a fork of another one. The other thread goes
// with the entry as one that does not change (With), so that the fork is made only
// where that is as it was when the fork was planned: no message travels.
type Fork struct {
	source   string
	revision uint64 // that it is forked at
}

// origin is what a thread was forked from.
type origin struct {
	thread   string
	revision uint64
}

// raw returns the origin as readers see it.
func (o *origin) raw() ckpt.Raw {
	b := wire.AppendStr(wire.AppendStr(wire.AppendMapHeader(nil, 2), "thread_id"), o.thread)
	return wire.AppendUint(wire.AppendStr(b, "revision"), o.revision)
}

// PlanSource returns the plan of a fork's source, which changes nothing: it says
// what the fork will have.
func PlanSource(q *ckpt.ThreadsForkRequest, a *ckpt.ThreadsForkReply) Plan {
	return func(v *View, _ *Entry) error {
		revision := q.AtRevision
		if revision == 0 {
			revision = v.revision()
		}
		changes, err := v.past(revision)
		if err != nil {
			return err
		}
		state, err := v.state(revision)
		if err != nil {
			return err
		}
		d := v.details()
		a.Origin, a.Messages = ckpt.Origin{ThreadID: q.ThreadID, Revision: revision}, rowsAt(v.thread.messages.Len(), changes)
		if a.Messages == 0 && !state.full() && len(metadataBefore(d.metadata, changes)) == 0 && recordBefore(d.record, changes) == nil {
			return v.notFound("it held nothing at revision %d that a fork takes over", revision)
		}
		return nil
	}
}

// PlanFork plans a threads.fork, as the write to the new thread, when that to the
// source is planned.
func PlanFork(v *View, q *ckpt.ThreadsForkRequest, a *ckpt.ThreadsForkReply, e *Entry) error {
	if v.thread != nil {
		err := ckpt.Errorf(ckpt.Conflict, "it exists: fork to another ID")
		err.Revision = v.revision()
		return err
	}
	e.Fork = &Fork{q.ThreadID, a.Origin.Revision}
	_, source := v.store.source(e.Fork)
	if e.Keep = v.keep(); source.peek().history != nil && source.peek().history.keep.own {
		e.Keep = source.peek().history.keep
	}
	return nil
}

// recordBefore returns the record of before the changes, where now is what it is.
func recordBefore(now *record, changes []undo) *record {
	for i := range changes {
		if changes[i].what == undoRecord {
			if len(changes[i].value) == 0 {
				return nil
			}
			return newRecord(changes[i].value)
		}
	}
	return now
}

// source returns the thread that the entry forks, whose shard is locked as well.
func (s *Store) source(f *Fork) (*shard, *thread) {
	sh := s.shard(f.source)
	return sh, sh.threads.get(f.source)
}

// fork makes the thread t, which is new, a fork of another one. It needs the records
// that the other one needs now, since it comes from these.
func (s *Store) fork(sh *shard, t *thread, e *Entry) {
	from, source := s.source(e.Fork)
	v := View{store: s, shard: from, thread: source}
	changes, _ := v.past(e.Fork.revision) // it was planned on this revision of the source
	state, _ := v.state(e.Fork.revision)
	t.setSince(min(t.since(), source.since()))
	if source.owner != nobody {
		t.owner = source.owner
	}
	t.messages = source.messages.Fork(&from.heap, &sh.heap)
	gone, then := v.difference(changes)
	for _, id := range gone {
		t.messages.Delete(&sh.heap, id)
	}
	for _, m := range then {
		t.messages.Put(&sh.heap, m.id, m.body, false)
	}
	d, was := t.detail(), source.peek()
	d.state = state
	d.metadata = metadataBefore(was.metadata, changes)
	d.record = recordBefore(was.record, changes)
	d.origin = &origin{e.Fork.source, e.Fork.revision}
	switch {
	case e.Keep.n > 0 && state.full():
		d.newState(slot{}, e, t.revision)
	case e.Keep.own:
		d.history = &history{keep: e.Keep}
	}
}
