package main

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/ckptbus/ckpt"
)

// commits compares what an agent writes at the end of a step as one threads.commit
// with the same as a state.put, a messages.put and a threads.put.
func commits(ctx context.Context, b bounds, t *table) error {
	r, err := newRig(ctx)
	if err != nil {
		return err
	}
	defer r.close()
	t.begin("The end of a step as one commit, against three writes; in memory", "state")
	if err := r.steps(b, t); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "ckpt-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	journalled, err := modes[0].rig(ctx, folder)
	if err != nil {
		return err
	}
	defer journalled.close()
	t.begin("The same with a journal on "+modes[0].name, "state")
	return journalled.steps(b, t)
}

// steps measures steps of some sizes of the state. The messages of a step have the
// same IDs as those of the one before, so that threads do not grow.
func (r *rig) steps(b bounds, t *table) error {
	for _, n := range b.sizes[:min(len(b.sizes), 2)] {
		changes, err := step(n)
		if err != nil {
			return err
		}
		ref := ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: threadID(0)}, Terms: ckpt.Terms{RequestID: requestID(0)}}
		three := []write{
			{ckpt.StatePut.OpInfo, &ckpt.StatePutRequest{WriteRef: ref, State: changes.State}},
			{ckpt.MessagesPut.OpInfo, &ckpt.MessagesPutRequest{WriteRef: ref, Messages: changes.Messages}},
			{ckpt.ThreadsPut.OpInfo, &ckpt.ThreadsPutRequest{Terms: ref.Terms, Record: changes.Record}},
		}
		one := []write{{ckpt.ThreadsCommit.OpInfo, &ckpt.ThreadsCommitRequest{WriteRef: ref, Changes: changes}}}
		for _, inFlight := range b.inFlight {
			f, err := compare(b, inFlight, r.each(three), r.each(one))
			if err != nil {
				return err
			}
			t.add(f, 0, inFlight, size(n))
		}
	}
	return nil
}

// write is a request of a step.
type write struct {
	op ckpt.OpInfo
	q  ckpt.Record
}

// each is the load of callers that make the requests of a step one after the
// other, to one of their threads after the other. It counts steps.
func (r *rig) each(writes []write) load {
	return callers(func(i, of int) func() error {
		requests := make([]numbered, len(writes))
		again := make([][]byte, len(writes)) // where the thread's record names it too
		for k, w := range writes {
			q, err := number(w.q)
			if err != nil {
				return func() error { return err }
			}
			behind := bytes.Index(q.bytes, q.thread) + len(q.thread)
			requests[k], again[k] = q, digitsOf(q.bytes[behind:], threadID(0))
		}
		thread, id := ownThreads(i, of), int(r.issued.Add(1))*callerFactor
		return func() error {
			n := thread()
			for k, q := range requests {
				id++
				setNumber(q.thread, n)
				setNumber(again[k], n)
				setNumber(q.request, id)
				if _, err := r.ask(writes[k].op.Subject(ckpt.DefaultPrefix), q.bytes); err != nil {
					return err
				}
			}
			return nil
		}
	})
}

// step returns what a step changes: a state of n bytes, a call with its result, and
// the thread's record.
func step(n int) (c ckpt.Changes, err error) {
	call := ckpt.ToolCalls(&ckpt.ToolCallBlock{ID: "call-1", Name: "search_flights", Args: map[string]any{"from": "SFO", "to": "JFK"}})
	result := ckpt.ToolResult("call-1", "HAT136, HAT039")
	for i, m := range []*ckpt.Message{&call, &result} {
		m.MessageID = ckpt.IntID(int64(i))
		body, err := ckpt.Append(nil, m)
		if err != nil {
			return c, fmt.Errorf("message %d: %w", i, err)
		}
		c.Messages = append(c.Messages, body)
	}
	c.State = agentState(n)
	c.Record, err = ckpt.Append(nil, &ckpt.ThreadInfo{ThreadID: threadID(0), ThreadName: "flights", RunID: "run-1"})
	return c, err
}
