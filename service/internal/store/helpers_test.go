package store

import "github.com/ckptbus/ckpt"

// planned is the plan of a request, without its reply.
func planned[Q, A any](plan func(*View, *Q, *A, *Entry) error, q *Q) Plan {
	return func(v *View, e *Entry) error {
		e.Answer = append(e.Answer, 0x80) // which every reply has more of
		return plan(v, q, new(A), e)
	}
}

// queried returns what a query answers.
func queried[Q, A any](query func(*Q, *A, int64) error, q *Q, now int64) (a A, err error) {
	err = query(q, &a, now)
	return a, err
}

func newWrite(kind string, ref ckpt.WriteRef, plan Plan) *Write {
	return &Write{Entry: Entry{Kind: kind, WriteRef: ref}, Plan: plan}
}
