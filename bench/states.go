package main

import (
	"fmt"

	"github.com/ckptbus/ckpt"
)

// puts compares state.put with a responder that takes the same bytes and
// answers as many.
func puts(r *rig, b bounds, t *table) error {
	t.begin("Put a state, against a responder that acknowledges", "request")
	for i, n := range b.sizes {
		build := func() (numbered, error) { return statePut(n) }
		if err := r.states(b, t, ckpt.StatePut.OpInfo, i, n, build); err != nil {
			return err
		}
	}
	return nil
}

// gets compares state.get with a responder that answers the same bytes.
func gets(r *rig, b bounds, t *table) error {
	t.begin("Get a state, against a responder that answers the same bytes", "reply")
	build := func() (numbered, error) {
		return number(&ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{ThreadID: threadID(0)}}})
	}
	for i, n := range b.sizes {
		put, err := statePut(n)
		if err != nil {
			return err
		}
		for thread := range threads {
			setNumber(put.thread, thread)
			setNumber(put.request, i+1)
			if _, err := r.ask(ckpt.StatePut.Subject(ckpt.DefaultPrefix), put.bytes); err != nil {
				return err
			}
		}
		if err := r.states(b, t, ckpt.StateGet.OpInfo, i, n, build); err != nil {
			return err
		}
	}
	return nil
}

// states compares an operation on states of the i-th size, n bytes, with a
// responder that answers as the service does.
func (r *rig) states(b bounds, t *table, op ckpt.OpInfo, i, n int, build func() (numbered, error)) error {
	q, err := build()
	if err != nil {
		return err
	}
	if q.request != nil { // another one for each size
		setNumber(q.request, i)
	}
	subject, bare := op.Subject(ckpt.DefaultPrefix), fmt.Sprintf("bare.%s.%d", op.Name, i)
	reply, err := r.ask(subject, q.bytes)
	if err != nil {
		return err
	}
	if err := r.respond(bare, reply); err != nil {
		return err
	}
	for _, inFlight := range b.inFlight {
		f, err := compare(b, inFlight, r.requests(bare, build), r.requests(subject, build))
		if err != nil {
			return err
		}
		t.add(f, 0.95, inFlight, size(n))
	}
	return nil
}
