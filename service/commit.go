package service

import (
	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/store"
)

// writeTo is a pointer to a request that changes one thread.
type writeTo[Q any] interface {
	*Q
	Write() *ckpt.WriteRef
}

// write registers an operation that changes one thread as plan says.
func write[Q, A any, P writeTo[Q]](s *Service, op ckpt.Op[Q, A], plan func(v *store.View, q *Q) (store.Entry, error)) {
	handle(s, op, func(r *request, q *Q) {
		r.commit(*P(q).Write(), func(v *store.View) (store.Entry, error) { return plan(v, q) })
	})
}

// commit is the one place where changes are committed.
func (r *request) commit(ref ckpt.WriteRef, plan store.Plan) {
	r.write = store.Write{Kind: r.op.Name, WriteRef: ref, Plan: plan}
	r.journal.Commit(&r.write, r.millis(), func(a store.Answer, err error) {
		if err != nil {
			r.fail(err)
			return
		}
		r.reply(a)
	})
}
