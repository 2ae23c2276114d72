package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

// threads is how many threads the states are spread over; a multiple of how many
// requests are in flight.
const threads = 1024

// numbered is an encoded request with numbers in it that are written over from
// one request to the next, so that a load costs no encoding.
type numbered struct {
	bytes   []byte
	thread  []byte // the digits of the thread's number, in bytes
	request []byte // the digits of the request's number, if it has an ID
}

// Digits of the numbers. A caller's number stands above those of its requests.
const (
	threadDigits  = 8
	requestDigits = 16
	callerFactor  = 1_000_000_000
)

func threadID(n int) string  { return fmt.Sprintf("t-%0*d", threadDigits, n) }
func requestID(n int) string { return fmt.Sprintf("r-%0*d", requestDigits, n) }

// ownThreads returns the numbers of the threads that the i-th of so many callers goes
// through, again and again. No other caller has them, as no two agents work on one
// conversation: where callers meet on a thread, each waits for the one before.
func ownThreads(i, of int) func() int {
	n := i
	return func() int {
		n += of
		return n % threads
	}
}

func setNumber(digits []byte, n int) {
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = byte('0' + n%10)
		n /= 10
	}
}

// number encodes a request on thread 0, whose request ID, if it has one, is 0,
// and finds the numbers in it.
func number(q ckpt.Record) (numbered, error) {
	b, err := ckpt.Append(nil, q)
	return numbered{b, digitsOf(b, threadID(0)), digitsOf(b, requestID(0))}, err
}

// digitsOf returns the part of b that is the digits of the ID; nil without it.
func digitsOf(b []byte, id string) []byte {
	if i := bytes.Index(b, []byte(id)); i >= 0 {
		return b[i+len("t-") : i+len(id)]
	}
	return nil
}

// statePut returns a request to put a state, n bytes in all.
func statePut(n int) (numbered, error) {
	q := ckpt.StatePutRequest{
		WriteRef: ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: threadID(0)}, Terms: ckpt.Terms{RequestID: requestID(0)}},
	}
	around, err := ckpt.Append(nil, &q) // with a state of one byte
	if err != nil {
		return numbered{}, err
	}
	q.State = agentState(n - len(around) + 1)
	return number(&q)
}

// agentState returns a state of n bytes, 120 or more: a map of strings of 100
// to 212 bytes, as most of an agent's state is.
func agentState(n int) ckpt.Raw {
	const most = 224 // bytes of a pair
	pairs := (n + most - 1) / most
	b := wire.AppendMapHeader(nil, pairs)
	text := strings.Repeat("the agent answers ", most)
	for i := range pairs {
		share := (n - len(b)) / (pairs - i)
		key := fmt.Sprintf("step_%04d", i)
		b = wire.AppendStr(wire.AppendStr(b, key), text[:share-len(key)-3]) // and 3 bytes of headers
	}
	return b
}

// requests is the load of nc.Request callers that send what build returns, to
// one of their threads after the other and each with a request ID of its own.
func (r *rig) requests(subject string, build func() (numbered, error)) load {
	return callers(func(i, of int) func() error {
		q, err := build()
		thread, id := ownThreads(i, of), int(r.issued.Add(1))*callerFactor
		return func() error {
			if err != nil {
				return err
			}
			id++
			setNumber(q.thread, thread())
			setNumber(q.request, id)
			_, err := r.ask(subject, q.bytes)
			return err
		}
	})
}

// same is the load of nc.Request callers that send one request again and again.
func (r *rig) same(subject string, request []byte) load {
	return callers(func(int, int) func() error {
		return func() error { _, err := r.ask(subject, request); return err }
	})
}
