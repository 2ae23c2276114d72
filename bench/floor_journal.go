package main

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
)

// floor compares a responder that writes what it is sent to a stream with an echo.
func (m mode) floor(r *rig, b bounds, t *table) error {
	w := &recorder{nc: r.bare, underWay: make(map[uint64][]*nats.Msg), most: 4}
	if m.sync {
		w.most = 1
	}
	if err := w.start(m.servers); err != nil {
		return err
	}
	if err := r.answer("floor.put", w.take); err != nil {
		return err
	}
	n := b.sizes[0]
	build := func() (numbered, error) { return statePut(n) }
	echo, put := r.same("echo", make([]byte, n)), r.requests("floor.put", build)
	for _, inFlight := range b.inFlight {
		f, err := compare(b, inFlight, echo, put)
		if err != nil {
			return err
		}
		t.add(f, m.targets[inFlight], inFlight, size(n), "put: share records, "+m.name)
	}
	return nil
}

// recorder answers a request, and tells of it, when a record with it has come back from
// the stream. Requests that come in together share a record.
type recorder struct {
	nc   *nats.Conn
	most int // records under way at once

	mu       sync.Mutex
	waiting  []*nats.Msg
	last     uint64
	underWay map[uint64][]*nats.Msg
	record   []byte
}

// start makes the recorder's stream and follows it.
func (w *recorder) start(servers int) error {
	js, err := w.nc.JetStream()
	if err != nil {
		return err
	}
	const stream = "FLOOR"
	if _, err := js.AddStream(&nats.StreamConfig{Name: stream, Subjects: []string{"floor.log"}, Replicas: servers}); err != nil {
		return err
	}
	inbox := w.nc.NewInbox()
	sub, err := w.nc.Subscribe(inbox, w.back)
	if err != nil {
		return err
	}
	_ = sub.SetPendingLimits(-1, -1)
	_, err = js.AddConsumer(stream, &nats.ConsumerConfig{
		Name:           "floor",
		DeliverSubject: inbox,
		AckPolicy:      nats.AckNonePolicy,
		FlowControl:    true,
		Heartbeat:      patience,
		MemoryStorage:  true,
		Replicas:       1,
	})
	if err != nil {
		return fmt.Errorf("the consumer of the floor: %w", err)
	}
	return nil
}

// take takes a request, and sends what waits when no more have come in.
func (w *recorder) take(m *nats.Msg) {
	w.mu.Lock()
	w.waiting = append(w.waiting, m)
	w.mu.Unlock()
	if more, _, _ := m.Sub.Pending(); more <= 1 {
		w.flush()
	}
}

// flush sends a record of all that waits, if it may.
func (w *recorder) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) == 0 || len(w.underWay) == w.most {
		return
	}
	w.last++
	w.record = binary.BigEndian.AppendUint64(w.record[:0], w.last)
	for _, m := range w.waiting {
		w.record = append(w.record, m.Data...)
	}
	w.underWay[w.last] = w.waiting
	w.waiting = nil
	_ = w.nc.Publish("floor.log", w.record)
}

// back takes a message of the stream.
func (w *recorder) back(m *nats.Msg) {
	if len(m.Data) == 0 { // flow control, or a heartbeat
		if m.Reply != "" {
			_ = m.Respond(nil)
		}
		return
	}
	number := binary.BigEndian.Uint64(m.Data)
	w.mu.Lock()
	requests := w.underWay[number]
	delete(w.underWay, number)
	w.mu.Unlock()
	for _, q := range requests {
		_ = w.nc.Publish("floor.event."+threadOf(q.Data), acknowledgement)
		_ = q.Respond(acknowledgement)
	}
	w.flush()
}
