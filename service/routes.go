package service

import (
	"sync"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/store"
)

// routes says how each operation of the table is carried out, but for [info],
// which has no endpoint.
func (s *Service) routes() {
	handle(s, ckpt.Setup, nil, setup)
	handle(s, ckpt.Stats, nil, stats)
	handle(s, ckpt.Release, nil, release)

	write(s, ckpt.StatePut, store.PlanStatePut)
	read(s, ckpt.StateGet, s.store.StateGet)
	handle(s, ckpt.StateMany, nil, manyStates)
	write(s, ckpt.StateClear, store.PlanStateClear)
	read(s, ckpt.StateHistory, s.store.StateHistory)
	write(s, ckpt.StateRestore, store.PlanStateRestore)

	write(s, ckpt.CachePut, store.PlanCachePut)
	read(s, ckpt.CacheGet, s.store.CacheGet)
	write(s, ckpt.CacheClear, store.PlanCacheClear)

	write(s, ckpt.MessagesPut, store.PlanMessagesPut)
	read(s, ckpt.MessagesGet, s.store.MessagesGet)
	handle(s, ckpt.MessagesList, nil, listMessages)
	write(s, ckpt.MessagesDelete, store.PlanMessagesDelete)
	write(s, ckpt.MessagesReplace, store.PlanMessagesReplace)
	write(s, ckpt.MessagesTruncate, store.PlanMessagesTruncate)
	write(s, ckpt.MessagesPop, store.PlanMessagesPop)

	handle(s, ckpt.ThreadsPut, store.PlanThreadsPut, putThread)
	read(s, ckpt.ThreadsGet, s.store.ThreadsGet)
	handle(s, ckpt.ThreadsList, nil, listThreads)
	write(s, ckpt.ThreadsClean, store.PlanThreadsClean)
	handle(s, ckpt.ThreadsFork, store.PlanFork, forkThread)
	write(s, ckpt.ThreadsRetain, store.PlanThreadsRetain)
	handle(s, ckpt.ThreadsPrune, nil, pruneThreads)
	handle(s, ckpt.ThreadsCommit, store.PlanCommit, commitThread)
	handle(s, ckpt.ThreadsTransact, planTransact, transact)

	handle(s, ckpt.ChangesList, nil, listChanges)

	write(s, ckpt.LeasesAcquire, store.PlanLeasesAcquire)
	write(s, ckpt.LeasesRenew, store.PlanLeasesRenew)
	write(s, ckpt.LeasesRelease, store.PlanLeasesRelease)
	handle(s, ckpt.LeasesGet, store.PlanLeasesGet, getLease)

	handle(s, ckpt.WatchersPut, store.PlanWatchersPut, putWatcher)
	handle(s, ckpt.WatchersGet, nil, getWatcher)
	handle(s, ckpt.WatchersDelete, store.PlanWatchersDelete, deleteWatcher)

	handle(s, ckpt.PartsPut, nil, putPart)
	handle(s, ckpt.PartsEnd, nil, endParts)
	handle(s, ckpt.PartsGet, nil, getPart)
}

// query answers a request from the store.
type query[Q, A any] func(q *Q, a *A, now int64) error

// readFrom is a pointer to a request that reads one thread.
type readFrom[Q any] interface {
	*Q
	Read() *ckpt.ReadRef
}

// read registers an operation that a query of the store answers at once.
func read[Q, A any, P readFrom[Q]](s *Service, op ckpt.Op[Q, A], get query[Q, A]) {
	handle(s, op, nil, func(r *call[Q, A]) {
		ref := P(&r.q).Read()
		if r.knows(ref.After, ref.Linearizable) {
			answer(r, get)
			return
		}
		r.knowing(ref.After, ref.Linearizable, func() { answer(r, get) })
	})
}

func answer[Q, A any](r *call[Q, A], get query[Q, A]) {
	err := get(&r.q, &r.a, r.at)
	if r.outdated() {
		err = errOutdated
	}
	if err != nil {
		r.fail(err)
		return
	}
	r.reply()
}

// listMessages answers a messages.list; only where messages must be read does it
// take long.
func listMessages(r *call[ckpt.MessagesListRequest, ckpt.MessagesListReply]) {
	list := func() { answerPage(r) }
	if r.q.Reads() {
		list = func() { r.slowly(func() { answerPage(r) }) }
	}
	r.knowing(r.q.After, r.q.Linearizable, list)
}

// pages is memory for the rows of a page of messages, of those that are not long.
var pages = sync.Pool{New: func() any { return new([]ckpt.Raw) }}

// mostPage is how many rows a page may have whose memory is kept.
const mostPage = 1024

// answerPage answers a messages.list from memory that one page uses after the other.
func answerPage(r *call[ckpt.MessagesListRequest, ckpt.MessagesListReply]) {
	page := pages.Get().(*[]ckpt.Raw)
	r.a.Messages = *page
	answer(r, r.store.MessagesList)
	rows := r.a.Messages
	if cap(rows) > mostPage {
		rows = nil
	}
	clear(rows) // their bytes are the store's, which may be done with them
	*page, r.a.Messages = rows[:0], nil
	pages.Put(page)
}

// manyStates answers a state.many.
func manyStates(r *call[ckpt.StateManyRequest, ckpt.StateManyReply]) {
	r.knowing(r.q.After, r.q.Linearizable, func() { answer(r, r.store.StateMany) })
}

// listThreads answers a threads.list, which may look at every thread.
func listThreads(r *call[ckpt.ThreadsListRequest, ckpt.ThreadsListReply]) {
	list := func() { r.slowly(func() { answer(r, r.store.ThreadsList) }) }
	r.knowing(r.q.After, r.q.Linearizable, list)
}

// getLease answers a leases.get. It goes the way of a write that changes nothing,
// which knows of all that was answered before, by the time of the journal.
func getLease(r *call[ckpt.LeasesGetRequest, ckpt.LeaseReply]) {
	r.commit(ckpt.WriteRef{ThreadRef: r.q.ThreadRef})
}

// putThread carries out a threads.put, whose record names the thread.
func putThread(r *call[ckpt.ThreadsPutRequest, ckpt.ThreadsPutReply]) {
	info, err := r.readRecord(r.q.Record)
	if err != nil {
		r.fail(err)
		return
	}
	r.commit(ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: info.ThreadID, UserID: info.UserID}, Terms: r.q.Terms})
}
