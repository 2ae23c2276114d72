package main

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

// threads is how many threads the states are spread over.
const threads = 1024

// agentState returns a state of n bytes: a map of strings of up to 200 bytes,
// as the state of an agent mostly is.
func agentState(n int) ckpt.Raw {
	const value = 200
	pairs := max(1, n/(value+12))
	b := wire.AppendMapHeader(nil, pairs)
	for i := range pairs {
		b = wire.AppendStr(b, fmt.Sprintf("step_%04d", i))
		// What is left, shared by the pairs that are left, without the length bytes.
		b = wire.AppendStr(b, strings.Repeat("agent ", 100)[:max(0, (n-len(b))/(pairs-i)-2-headBytes(pairs-i))])
	}
	return b
}

// headBytes is what the key of a pair takes, where others follow.
func headBytes(left int) int {
	if left > 1 {
		return 10
	}
	return 0
}

// statePut returns a request to put a state, n bytes in all.
func statePut(n int) (numbered, error) {
	q := ckpt.StatePutRequest{
		WriteRef: ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: threadID(0)}, RequestID: requestID(0)},
		State:    ckpt.Raw{0xc0},
	}
	b, err := ckpt.Append(nil, &q)
	if err != nil {
		return numbered{}, err
	}
	q.State = agentState(n - len(b))
	return number(&q)
}

// number encodes a request on thread 0, with the request ID 0 if it has one,
// and finds the numbers in it.
func number(q ckpt.Record) (numbered, error) {
	b, err := ckpt.Append(nil, q)
	if err != nil {
		return numbered{}, err
	}
	r := numbered{bytes: b}
	i := bytes.Index(b, []byte(threadID(0))) + len("t-")
	r.thread = b[i : i+threadDigits]
	if i = bytes.Index(b, []byte(requestID(0))); i >= 0 {
		i += len("r-")
		r.request = b[i : i+requestDigits]
	}
	return r, nil
}

// requests is the load of bare nc.Request callers: requests like that which
// make returns, on one thread after the other, each with an ID of its own.
func (r *rig) requests(subject string, make func() (numbered, error)) load {
	var issued atomic.Int64 // callers so far: no two of a run share an ID
	return callers(func(i int) func() error {
		q, err := make()
		n, id := i*threads/7, int(issued.Add(1))*callerFactor
		return func() error {
			if err != nil {
				return err
			}
			n, id = n+1, id+1
			setNumber(q.thread, n%threads)
			setNumber(q.request, id)
			_, err := r.ask(subject, q.bytes)
			return err
		}
	})
}

// puts compares state.put with a responder that takes the same bytes and
// answers as many.
func puts(r *rig, b bounds, t *table) error {
	t.begin("Put a state, against a responder that acknowledges", "request")
	subject := ckpt.StatePut.Subject(ckpt.DefaultPrefix)
	for i, n := range b.sizes {
		make := func() (numbered, error) { return statePut(n) }
		q, err := make()
		if err != nil {
			return err
		}
		ack, err := r.ask(subject, q.bytes)
		if err != nil {
			return err
		}
		bare := fmt.Sprintf("bare.state.put%d", i)
		if err := r.respond(bare, ack); err != nil {
			return err
		}
		for _, inFlight := range b.inFlight {
			f, err := compare(b, inFlight, r.requests(bare, make), r.requests(subject, make))
			if err != nil {
				return err
			}
			t.add(f, 0.95, inFlight, size(len(q.bytes)))
		}
	}
	return nil
}

// gets compares state.get with a responder that answers the same bytes.
func gets(r *rig, b bounds, t *table) error {
	t.begin("Get a state, against a responder that answers the same bytes", "state")
	get := func() (numbered, error) {
		return number(&ckpt.StateGetRequest{ThreadRef: ckpt.ThreadRef{ThreadID: threadID(0)}})
	}
	for i, n := range b.sizes {
		q, err := statePut(n)
		if err != nil {
			return err
		}
		for thread := range threads {
			setNumber(q.thread, thread)
			setNumber(q.request, i+1)
			if _, err := r.ask(ckpt.StatePut.Subject(ckpt.DefaultPrefix), q.bytes); err != nil {
				return err
			}
		}
		subject := ckpt.StateGet.Subject(ckpt.DefaultPrefix)
		if q, err = get(); err != nil {
			return err
		}
		reply, err := r.ask(subject, q.bytes)
		if err != nil {
			return err
		}
		bare := fmt.Sprintf("bare.state.get%d", i)
		if err := r.respond(bare, reply); err != nil {
			return err
		}
		for _, inFlight := range b.inFlight {
			f, err := compare(b, inFlight, r.requests(bare, get), r.requests(subject, get))
			if err != nil {
				return err
			}
			t.add(f, 0.95, inFlight, size(n))
		}
	}
	return nil
}
