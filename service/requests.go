package service

import (
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/journal"
	"github.com/ckptbus/ckpt/service/internal/store"
)

// request is one request under way.
type request struct {
	*Service
	op      ckpt.OpInfo
	asked   ckpt.Codec    // of what was asked
	told    ckpt.Codec    // of the reply
	stamp   *ckpt.Reply   // what every reply carries, in the reply
	view    *journal.View // that it is answered from; nil where it came not to the group
	subject string        // that it was sent to
	inbox   string        // the subject of its answer
	grouped bool          // it came to the queue group, and not to each replica
	write   store.Write
	came    time.Time    // when it was taken
	at      int64        // the same by the service's clock, in milliseconds since 1970
	measure *measure     // of its operation
	holders atomic.Int32 // who still needs it
	recycle func()       // makes its memory another request's
	done    func()       // as in [arrival]
}

// call is a request with its values: one piece of memory, which is used for one
// request after the other.
type call[Q, A any] struct {
	request
	q Q
	a A
}

// arrival is a request as it came.
type arrival struct {
	subject, inbox string
	payload        []byte
	grouped        bool   // to the queue group, and not to each replica
	done           func() // is called when nothing needs the payload but what is stored of it; nil: no one asks
}

// receiver takes a request.
type receiver func(arrival)

// receive returns the one place where requests of an operation come in. h is
// called with the checked and decoded request and answers it by reply or fail;
// plan is that of an operation that writes, nil for others.
func receive[Q, A any](s *Service, op ckpt.Op[Q, A], plan planner[Q, A], h func(r *call[Q, A])) receiver {
	var calls sync.Pool
	calls.New = func() any {
		r := &call[Q, A]{request: request{Service: s, op: op.OpInfo, measure: s.measures[op.Name]}}
		a := op.Reply(&r.a)
		r.asked, r.told, r.stamp = ckpt.NewCodec(op.Request(&r.q)), ckpt.NewCodec(a), a.(replier).Stamp()
		r.recycle = func() {
			r.reset()
			calls.Put(r)
		}
		r.write.Plan = func(v *store.View, e *store.Entry) error {
			err := plan(v, &r.q, &r.a, e)
			if err == nil {
				e.Answer, err = r.told.Append(e.Answer)
			}
			return err
		}
		return r
	}
	return func(m arrival) {
		r := calls.Get().(*call[Q, A])
		s.underWay.Add(1)
		r.hold()
		defer r.release()
		r.came = time.Now()
		if r.at = r.came.UnixMilli(); s.fake {
			r.at = s.millis()
		}
		r.subject, r.inbox, r.grouped, r.done = m.subject, m.inbox, m.grouped, m.done
		if r.grouped {
			r.view = s.journal.View()
		}
		if !r.fromInbox() {
			return
		}
		defer r.recover()
		if r.outdated() {
			r.fail(errOutdated)
			return
		}
		if err := r.asked.Decode(m.payload); err != nil {
			r.fail(err)
			return
		}
		h(r)
	}
}

// hold keeps the request until release, and a stop waiting for it.
func (r *request) hold() { r.holders.Add(1) }

// release lets go of the request. It must not be used afterwards.
func (r *request) release() {
	if r.holders.Add(-1) > 0 {
		return
	}
	s, done := r.Service, r.done
	r.recycle()
	if done != nil {
		done()
	}
	s.underWay.Done()
}

// reset lets go of all that belongs to one request.
func (r *call[Q, A]) reset() {
	r.view, r.subject, r.inbox, r.grouped, r.done = nil, "", "", false, nil
	r.q, r.a = *new(Q), *new(A)
	r.write.Reset()
}

// fromInbox reports whether the request's reply subject is one that a caller
// may choose.
func (r *request) fromInbox() bool {
	for _, prefix := range r.inboxes {
		if strings.HasPrefix(r.inbox, prefix) {
			return true
		}
	}
	r.log.Warn("dropped a request whose reply subject is no inbox", "subject", r.subject, "reply", r.inbox)
	return false
}

// maxSlow is how many slow requests run at once; more are told to come again.
// Each may hold a reply of the bus's payload limit, usually 1 MiB.
const maxSlow = 128

// slowly runs the rest of a request beside the endpoint's handler, so that
// other requests are not held up.
func (r *request) slowly(rest func()) {
	select {
	case r.slow <- struct{}{}:
	default:
		r.fail(ckpt.Errorf(ckpt.Overloaded, "%d slow requests are under way: try again later", maxSlow))
		return
	}
	r.hold()
	go func() {
		defer r.release()
		defer func() { <-r.slow }()
		defer r.recover()
		rest()
	}()
}

// knowing answers the request when the service knows of the position that it
// names, and where it is to be linearizable, of every write before it.
func (r *request) knowing(after ckpt.Position, linearizable bool, answer func()) {
	if r.knows(after, linearizable) {
		answer()
		return
	}
	then := func(err error) {
		defer r.release()
		defer r.recover()
		if err != nil {
			r.fail(err)
			return
		}
		answer()
	}
	r.hold()
	if linearizable {
		r.journal.Barrier(then)
		return
	}
	r.journal.Await(after.Revision, then)
}

// knows reports whether there is nothing to wait for.
func (r *request) knows(after ckpt.Position, linearizable bool) bool {
	return !linearizable && (r.journal.Knows(after.Revision) || after.StoreID != r.view.StoreID)
}

// outdated reports whether the replica does not follow its journal, or has built
// its store anew since the request came: what was read then may be neither that
// of the one store nor that of the other.
func (r *request) outdated() bool {
	return r.grouped && (r.view == nil || r.view != r.journal.View())
}

var errOutdated = ckpt.Errorf(ckpt.Unavailable, "this replica has stopped to follow the journal: try again")

// recover turns a panic of a handler into an error of its request.
func (r *request) recover() {
	if p := recover(); p != nil {
		r.log.Error("panic", "subject", r.subject, "panic", p, "stack", string(debug.Stack()))
		r.fail(ckpt.Errorf(ckpt.Internal, "the service failed and has logged why"))
	}
}
