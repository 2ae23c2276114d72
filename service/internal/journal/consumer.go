package journal

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
)

// placements is how often a consumer is made until it is where it should be: of three
// servers chance misses one ten times in a row in 1.7 % of all cases.
const placements = 10

// consume opens a consumer on the server of the stream's leader: that is sent a record
// as soon as the stream has it, and others one hop later. The cluster places consumers
// by chance; so one that is elsewhere is given up for another, as long as that is quick.
func (j *JetStream) consume(ctx context.Context, stream *nats.StreamInfo) (*consumer, error) {
	quick := time.Now()
	if end, bounded := ctx.Deadline(); bounded {
		quick = quick.Add(time.Until(end) / 4)
	}
	best := leader(stream.Cluster)
	for n := 1; ; n++ {
		c := &consumer{j: j, heard: make(chan time.Time, 1), over: make(chan error, 1), target: stream.State.LastSeq}
		info, err := c.open(ctx)
		if err != nil {
			return nil, err
		}
		if best == "" || best == leader(info.Cluster) || n == placements || time.Now().After(quick) {
			return c, nil
		}
		c.close()
	}
}

// leader returns the name of the leading server; empty where there is no cluster, or
// no leader now.
func leader(c *nats.ClusterInfo) string {
	if c == nil {
		return ""
	}
	return c.Leader
}

// consumer is one consumer of the stream. Its messages are applied where they
// are received, one after the other.
type consumer struct {
	j      *JetStream
	name   string
	sub    *nats.Subscription
	heard  chan time.Time
	over   chan error
	target uint64 // what the stream held when the consumer was made
	once   sync.Once
	ready  atomic.Bool // that is applied
	next   uint64      // the consumer's next sequence
	failed bool
}

func (c *consumer) open(ctx context.Context) (*nats.ConsumerInfo, error) {
	j := c.j
	c.next, c.name = 1, "ckpt_"+nuid.Next()
	inbox := j.nc.NewInbox()
	var err error
	if c.sub, err = j.nc.Subscribe(inbox, c.receive); err != nil {
		return nil, err
	}
	_ = c.sub.SetPendingLimits(-1, -1) // flow control bounds what is on its way
	info, err := j.js.AddConsumer(j.stream, &nats.ConsumerConfig{
		Name:              c.name,
		DeliverSubject:    inbox,
		DeliverPolicy:     nats.DeliverByStartSequencePolicy,
		OptStartSeq:       j.applied.Load() + 1,
		AckPolicy:         nats.AckNonePolicy,
		MaxDeliver:        1,
		FlowControl:       true,
		Heartbeat:         j.opts.Heartbeat,
		InactiveThreshold: 10 * j.opts.Heartbeat,
		MemoryStorage:     true,
		Replicas:          1,
	}, nats.Context(ctx))
	if err != nil {
		_ = c.sub.Unsubscribe()
		return nil, err
	}
	return info, nil
}

// close gives the consumer up, and returns when nothing of it is being applied.
func (c *consumer) close() {
	closed := make(chan struct{})
	c.sub.SetClosedHandler(func(string) { close(closed) })
	if c.sub.Unsubscribe() == nil {
		<-closed
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.j.opts.Heartbeat)
	defer cancel()
	_ = c.j.js.DeleteConsumer(c.j.stream, c.name, nats.Context(ctx)) // the server does it by itself, later
}

// receive takes one message of the consumer.
func (c *consumer) receive(m *nats.Msg) {
	if c.failed {
		return
	}
	select {
	case c.heard <- time.Now():
	default:
	}
	if len(m.Data) == 0 && m.Header.Get("Status") == "100" {
		c.control(m)
		return
	}
	if err := c.take(m); err != nil {
		c.failed = true
		c.over <- err
	}
}

// control answers flow control, and sees in a heartbeat whether anything is missing.
func (c *consumer) control(m *nats.Msg) {
	if m.Reply != "" {
		_ = m.Respond(nil)
		return
	}
	if stalled := m.Header.Get("Nats-Consumer-Stalled"); stalled != "" {
		_ = c.j.nc.Publish(stalled, nil)
	}
	if last := m.Header.Get("Nats-Last-Consumer"); last != "" && last != fmt.Sprint(c.next-1) {
		c.failed = true
		c.over <- fmt.Errorf("the consumer has sent %s messages, and %d came", last, c.next-1)
	}
}

// take applies one message of the stream.
func (c *consumer) take(m *nats.Msg) error {
	j := c.j
	meta, err := m.Metadata()
	if err != nil {
		return fmt.Errorf("a message without metadata: %w", err)
	}
	if meta.Sequence.Consumer != c.next {
		return fmt.Errorf("the consumer's message %d came in place of %d", meta.Sequence.Consumer, c.next)
	}
	c.next++
	sequence := meta.Sequence.Stream
	switch applied := j.applied.Load(); {
	case sequence <= applied:
		return nil
	case sequence != applied+1:
		return fmt.Errorf("%w: record %d came behind %d", errStale, sequence, applied)
	}
	if err := j.take(j.assembly, sequence, m.Data); err != nil {
		return fmt.Errorf("record %d: %w", sequence, err)
	}
	j.applied.Store(sequence)
	j.raiseKnown(sequence + meta.NumPending)
	j.grow(len(m.Data))
	j.wake()
	c.caughtUp()
	return nil
}

// caughtUp lets the replica serve when it has applied what the stream held when
// it began to follow. The first records may come while the consumer is still
// being made.
func (c *consumer) caughtUp() {
	if c.j.applied.Load() < c.target {
		return
	}
	c.once.Do(func() {
		c.ready.Store(true)
		c.j.log.Debug("the journal is followed", "stream", c.j.stream, "position", c.j.applied.Load())
		c.j.serve(true, "")
	})
}
