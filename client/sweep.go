package client

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
)

// sweepEvery is how often the sweeper looks at the requests under way, and so
// how exact the times of attempts, pauses and asynchronous requests are. A
// look at one request takes some nanoseconds.
const sweepEvery = 10 * time.Millisecond

// sweeper looks after the times of all requests until the transport ends. It
// sleeps while nothing is under way.
func (t *transport) sweeper() {
	defer close(t.swept)
	tick := time.NewTimer(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-t.quit:
			return
		}
		t.sweep(time.Now())
		// A request that is added before asleep is set is counted, and
		// one that is added later sees asleep.
		if t.asleep.Store(true); t.underWay() == 0 {
			select {
			case <-t.wake:
			case <-t.quit:
				return
			}
		}
		t.asleep.Store(false)
		tick.Reset(sweepEvery)
	}
}

// sweep ends the requests whose time is over and sends again those whose turn
// it is.
func (t *transport) sweep(now time.Time) {
	type ended struct {
		*pending
		cause error
	}
	var over []ended
	var again []*pending
	t.mu.Lock()
	for _, p := range t.slots {
		if p == nil {
			continue
		}
		if !p.seen {
			t.schedule(p, now)
		}
		cause := p.ctx.Err()
		switch {
		case cause != nil:
		case !p.deadline.IsZero() && !now.Before(p.deadline):
			cause = context.DeadlineExceeded
		case p.detour, now.Before(p.next):
			continue
		case t.exhausted(p):
			cause = nats.ErrTimeout
		default:
			p.lost = p.lost || !p.pausing
			p.pausing, p.resent = false, true
			p.next = now.Add(t.retry.Answer << min(p.attempts, maxDoublings))
			p.attempts++
			again = append(again, p)
			continue
		}
		t.remove(p)
		over = append(over, ended{p, cause})
	}
	t.mu.Unlock()
	for _, e := range over {
		e.complete(nil, e.unanswered(e.cause))
	}
	for _, p := range again {
		t.send(p)
	}
}

// schedule sets the times of a request that is seen for the first time, which
// spares each of those that are answered at once two looks at the clock.
func (t *transport) schedule(p *pending, now time.Time) {
	p.seen = true
	if p.next.IsZero() {
		p.next = now.Add(t.retry.Answer)
		if p.step != nil {
			p.next = p.next.Add(p.step.longer)
		}
	}
	if _, ok := p.ctx.Deadline(); !ok {
		p.deadline = now.Add(t.timeout)
	}
}

// exhausted reports whether p may not be sent again.
func (t *transport) exhausted(p *pending) bool {
	return p.step != nil || t.retry.Attempts > 0 && p.attempts >= t.retry.Attempts
}
