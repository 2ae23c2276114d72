package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nats.go"
)

// transport sends requests and gives each its reply. All replies arrive on one
// subscription of its own: where nc.Request takes the connection's lock three
// times a request and starts a timer, this takes a lock of its own twice, and
// one sweeper goroutine looks after all times.
type transport struct {
	table
	session    session
	nc         *nats.Conn
	prefix     string
	operations map[string]*operation // by name
	timeout    time.Duration
	retry      Retry
	compress   compression
	inbox      string // the subject of the replies up to the token, with its last dot
	replies    *nats.Subscription
	detours    sync.WaitGroup

	asleep  atomic.Bool   // the sweeper waits for wake
	wake    chan struct{} // there is something to sweep
	quit    chan struct{} // closed when the transport ends
	swept   chan struct{} // closed when the sweeper has ended
	drained chan struct{} // closed when the subscription has delivered its last reply
}

func newTransport(nc *nats.Conn, s *settings) (*transport, error) {
	t := &transport{
		nc:         nc,
		prefix:     s.prefix,
		operations: make(map[string]*operation),
		timeout:    s.timeout,
		retry:      s.retry,
		compress:   s.compress,
		inbox:      nc.NewInbox() + ".",
		wake:       make(chan struct{}, 1),
		quit:       make(chan struct{}),
		swept:      make(chan struct{}),
		drained:    make(chan struct{}),
	}
	t.session.store.Store(&seenStore{})
	for _, op := range ckpt.Operations() {
		t.operations[op.Name] = &operation{subject: op.Subject(t.prefix)}
	}
	var err error
	if t.replies, err = nc.Subscribe(t.inbox+"*", t.receive); err != nil {
		return nil, &ckpt.Error{Code: ckpt.Unavailable, Message: "subscribe to replies: " + err.Error(), Err: err}
	}
	// What waits to be received is bounded by the requests under way, and a
	// reply that the library dropped would be a request that timed out.
	_ = t.replies.SetPendingLimits(-1, -1)
	go t.sweeper()
	t.replies.SetClosedHandler(func(string) {
		t.fail(nats.ErrConnectionClosed)
		close(t.drained)
	})
	if !t.replies.IsValid() { // closed before there was a handler
		t.fail(nats.ErrConnectionClosed)
	}
	return t, nil
}

// close fails what is under way and ends the transport's goroutines.
func (t *transport) close(cause error) {
	t.fail(cause)
	if t.replies.Unsubscribe() == nil {
		<-t.drained
	}
	<-t.swept
	t.detours.Wait()
}

// fail ends all requests, those under way and those to come, with the cause.
func (t *transport) fail(cause error) {
	t.mu.Lock()
	if t.err != nil {
		t.mu.Unlock()
		return
	}
	t.err = cause
	var over []*pending
	for _, p := range t.slots {
		if p != nil {
			t.remove(p)
			over = append(over, p)
		}
	}
	t.mu.Unlock()
	close(t.quit)
	for _, p := range over {
		p.complete(nil, p.unanswered(cause))
	}
}

// start sends p for the first time. Whatever happens to it, p is completed at
// some time. Where the caller waits for the answer, and others are under way,
// the goroutines that are about to ask too run first, and one sends the
// requests of all: written at once, many small requests cost the system calls
// of one.
func (t *transport) start(p *pending) {
	if err := p.ctx.Err(); err != nil {
		p.complete(nil, notSent(err))
		return
	}
	p.attempts = 1
	duty, e := t.add(p)
	switch {
	case e != nil:
		p.complete(nil, e)
		return
	case duty == sendOne:
		t.send(p)
	case duty == sendQueue:
		runtime.Gosched()
		for p := t.takeQueue(); p != nil; {
			before := p.before // p may be over once it is sent
			t.send(p)
			p = before
		}
	}
	t.rouse()
}

// rouse wakes the sweeper where it sleeps.
func (t *transport) rouse() {
	if t.asleep.Load() {
		select {
		case t.wake <- struct{}{}:
		default: // somebody else woke it
		}
	}
}

// send makes one attempt.
func (t *transport) send(p *pending) {
	reply := make([]byte, 0, 64)
	reply = strconv.AppendUint(append(reply, t.inbox...), p.token, tokenBase)
	err := t.publish(p, string(reply))
	switch {
	case err == nil:
	case errors.Is(err, nats.ErrMaxPayload) && p.step == nil:
		t.detour(p.token, t.upload)
	case errors.Is(err, nats.ErrMaxPayload):
		t.settle(p.token, nil, ckpt.TooLargef(len(*p.payload), int(t.nc.MaxPayload()), "the request does not fit the bus"), false)
	default:
		again := !errors.Is(err, nats.ErrConnectionClosed) && !errors.Is(err, nats.ErrConnectionDraining)
		t.settle(p.token, nil, notSent(err), again)
	}
}

func (t *transport) publish(p *pending, reply string) error {
	if p.step != nil && p.step.header != nil {
		return t.nc.PublishMsg(&nats.Msg{Subject: p.subject, Reply: reply, Header: p.step.header, Data: *p.payload})
	}
	return t.nc.PublishRequest(p.subject, reply, *p.payload)
}

// receive takes one reply.
func (t *transport) receive(m *nats.Msg) {
	e := failure(m)
	if e != nil && e.Parts != nil {
		t.detour(parseToken(m.Subject[len(t.inbox):]), func(ctx context.Context, _ *pending) ([]byte, *ckpt.Error) {
			return t.download(ctx, e.Parts, e.Size)
		})
		return
	}
	again := e != nil && (e.Code == ckpt.Overloaded || e.Code == ckpt.Unavailable)
	t.settle(parseToken(m.Subject[len(t.inbox):]), m.Data, e, again)
}

// settle completes the request with the token, if it is still under way, with
// a reply or the error e; or, where e is a refusal that may be tried again,
// lets it pause.
func (t *transport) settle(token uint64, reply []byte, e *ckpt.Error, again bool) {
	t.mu.Lock()
	p := t.find(token)
	if p == nil { // a second answer, or one that nobody waits for now
		t.mu.Unlock()
		return
	}
	if again && !t.exhausted(p) {
		p.pausing, p.refusal, p.next = true, e, time.Now().Add(t.pause(p.attempts))
		t.mu.Unlock()
		return
	}
	if p.sent = reply != nil; p.lost && (again || !p.sent) {
		e = p.unanswered(reason(e)) // an earlier attempt may have been carried out
	}
	t.remove(p)
	t.mu.Unlock()
	p.complete(reply, e)
}

// pause returns how long to wait after the given number of attempts: half of
// it by chance, so that callers who were refused together do not come back
// together.
func (t *transport) pause(attempts int) time.Duration {
	d := min(t.retry.Pause<<min(attempts-1, maxDoublings), maxPause)
	return d/2 + rand.N(d/2+1)
}

// abandon ends p, unless it is over already, because its context has ended.
func (t *transport) abandon(p *pending, cause error) {
	t.mu.Lock()
	if t.find(p.token) != p {
		t.mu.Unlock()
		return
	}
	t.remove(p)
	t.mu.Unlock()
	p.complete(nil, p.unanswered(cause))
}

// buffers holds the bytes of requests.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// maxBuffer is the largest buffer that is kept, the payload limit of NATS
// unless it is set otherwise.
const maxBuffer = 1 << 20

func freeBuffer(b *[]byte) {
	if cap(*b) <= maxBuffer {
		*b = (*b)[:0]
		buffers.Put(b)
	}
}
