package client

import (
	"errors"
	"fmt"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nats.go"
)

// The headers by which a NATS server answers for a subject that nobody serves.
const (
	statusHeader = "Status"
	noResponders = "503"
)

// failure returns the error that a reply is, nil where it is a success.
func failure(m *nats.Msg) *ckpt.Error {
	if len(m.Header) == 0 {
		return nil
	}
	if code := m.Header.Get(ckpt.HeaderErrorCode); code != "" {
		return ckpt.ParseError(code, m.Header.Get(ckpt.HeaderError), m.Data)
	}
	if len(m.Data) == 0 && m.Header.Get(statusHeader) == noResponders {
		return &ckpt.Error{Code: ckpt.Unavailable, Message: "nobody serves the subject", Err: nats.ErrNoResponders}
	}
	return nil
}

// label says in e which request failed.
func (p *pending) label(e *ckpt.Error) *ckpt.Error {
	e.Subject, e.ThreadID = p.subject, p.thread
	return e
}

// unanswered returns the error of a request that ends, for the cause, before
// it has its answer. Where every attempt was refused it is the last refusal;
// otherwise nobody knows what became of the request.
func (p *pending) unanswered(cause error) *ckpt.Error {
	if p.pausing && !p.lost {
		e := *p.refusal
		e.Message = fmt.Sprintf("%s (attempt %d; then %v)", e.Message, p.attempts, cause)
		e.Err = errors.Join(cause, e.Err)
		return &e
	}
	e := ckpt.Errorf(ckpt.Unknown, "no answer in %d attempts: %v", p.attempts, cause)
	if p.writes {
		e.Message += "; the write may have been applied"
	}
	e.Err = cause
	return e
}

// reason returns what is behind the refusal e, without its code: whoever reads
// that code must be able to rely on it.
func reason(e *ckpt.Error) error {
	if e.Err != nil {
		return e.Err
	}
	return fmt.Errorf("%s: %s", e.Code, e.Message)
}

// notSent is the error of a request that did not leave this process.
func notSent(cause error) *ckpt.Error {
	return &ckpt.Error{Code: ckpt.Unavailable, Message: "not sent: " + cause.Error(), Err: cause}
}

// closedError is the error of what the client cannot begin or go on with,
// because it or its connection has ended.
func closedError(cause error) *ckpt.Error {
	return &ckpt.Error{Code: ckpt.Unavailable, Message: cause.Error(), Err: cause}
}
