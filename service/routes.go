package service

import (
	"errors"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/store"
)

// routes says how each operation of the table is carried out.
func (s *Service) routes() {
	handle(s, ckpt.Setup, setup)
	handle(s, ckpt.Release, release)

	write(s, ckpt.StatePut, store.PlanStatePut)
	read(s, ckpt.StateGet, s.store.StateGet)
	write(s, ckpt.StateClear, store.PlanStateClear)

	write(s, ckpt.CachePut, store.PlanCachePut)
	read(s, ckpt.CacheGet, s.store.CacheGet)
	write(s, ckpt.CacheClear, store.PlanCacheClear)

	write(s, ckpt.MessagesPut, store.PlanMessagesPut)
	read(s, ckpt.MessagesGet, s.store.MessagesGet)
	handle(s, ckpt.MessagesList, listMessages)
	write(s, ckpt.MessagesDelete, store.PlanMessagesDelete)

	handle(s, ckpt.ThreadsPut, putThread)
	read(s, ckpt.ThreadsGet, s.store.ThreadsGet)
	handle(s, ckpt.ThreadsList, listThreads)
	write(s, ckpt.ThreadsClean, store.PlanThreadsClean)
}

// read registers an operation that a query of the store answers at once.
func read[Q, A any](s *Service, op ckpt.Op[Q, A], get func(q *Q, now int64) (A, error)) {
	handle(s, op, func(r *request, q *Q) { answer(r, op, q, get) })
}

func answer[Q, A any](r *request, op ckpt.Op[Q, A], q *Q, get func(q *Q, now int64) (A, error)) {
	a, err := get(q, r.millis())
	if err != nil {
		r.fail(err)
		return
	}
	r.reply(op.Reply(&a))
}

// listMessages answers a messages.list; only a search takes long.
func listMessages(r *request, q *ckpt.MessagesListRequest) {
	if q.Search == "" {
		answer(r, ckpt.MessagesList, q, r.store.MessagesList)
		return
	}
	r.slowly(func() { answer(r, ckpt.MessagesList, q, r.store.MessagesList) })
}

// listThreads answers a threads.list, which looks at every thread.
func listThreads(r *request, q *ckpt.ThreadsListRequest) {
	r.slowly(func() { answer(r, ckpt.ThreadsList, q, r.store.ThreadsList) })
}

// putThread carries out a threads.put, whose record names the thread. The
// record's size is checked first, since it is the one thing that is decoded.
func putThread(r *request, q *ckpt.ThreadsPutRequest) {
	if limit := r.store.Limits().Metadata; len(q.Record) > limit {
		r.fail(ckpt.TooLargef(len(q.Record), limit, "the thread's record is over its limit"))
		return
	}
	var info ckpt.ThreadInfo
	if err := ckpt.Decode(q.Record, &info); err != nil {
		r.fail(ckpt.Errorf(ckpt.InvalidArgument, "field \"thread\": %v", errors.Unwrap(err)))
		return
	}
	ref := ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: info.ThreadID, UserID: info.UserID}, RequestID: q.RequestID}
	r.commit(ref, func(v *store.View) (store.Entry, error) { return store.PlanThreadsPut(v, q) })
}
