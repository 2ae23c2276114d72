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

// planner plans a request: it fills in the reply and the entry of its effect.
type planner[Q, A any] func(v *store.View, q *Q, a *A, e *store.Entry) error

// write registers an operation that changes one thread as plan says.
func write[Q, A any, P writeTo[Q]](s *Service, op ckpt.Op[Q, A], plan planner[Q, A]) {
	handle(s, op, plan, func(r *call[Q, A]) {
		r.commitKnowing(*P(&r.q).Write())
	})
}

// commitKnowing commits when the service knows of the position that the request
// names.
func (r *request) commitKnowing(ref ckpt.WriteRef) {
	if r.knows(ref.After, false) {
		r.commit(ref)
		return
	}
	r.knowing(ref.After, false, func() { r.commit(ref) })
}

// commit is the one place where changes are committed. The digest of what was
// asked tells a retry from another request with the same ID.
func (r *request) commit(ref ckpt.WriteRef) {
	var err error
	if r.write.Kind, r.write.WriteRef = r.op.Name, ref; ref.RequestID != "" {
		if r.write.Digest, err = r.asked.Digest(); err != nil {
			r.fail(err)
			return
		}
	}
	r.hold()
	r.journal.Commit(&r.write, r.at, r)
}

// Done answers a write with what became of it.
func (r *request) Done(a store.Result, err error) {
	defer r.release()
	if err != nil {
		r.fail(err)
		return
	}
	r.send(func(b []byte) ([]byte, error) {
		return ckpt.AppendReply(b, a.Answer, a.Revision, r.known(a.Revision), r.journal.StoreID()), nil
	})
}
