package service

import (
	"github.com/ckptbus/ckpt/service/internal/journal"
	"github.com/nats-io/nats.go"
)

// mostCorked is how many writes of an endpoint go to the journal together: those of
// other endpoints wait for them, a tenth of a millisecond or so.
const mostCorked = 64

// corked has the writes that wait at an endpoint when one of them is handled go to the
// journal together, so that they share a record. end must be called when the handler
// is called no more.
func corked(j journal.Journal, handler nats.MsgHandler) (together nats.MsgHandler, end func()) {
	n := 0 // how many were handled since the journal was corked
	end = func() {
		if n > 0 {
			n = 0
			j.Uncork()
		}
	}
	return func(m *nats.Msg) {
		if n == 0 {
			j.Cork()
		}
		n++
		handler(m)
		waiting, _, err := m.Sub.Pending() // this one included
		if waiting <= 1 || err != nil || n == mostCorked {
			end()
		}
	}, end
}
