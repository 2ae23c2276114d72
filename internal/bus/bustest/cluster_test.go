package bustest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A stream outlives the stop of its leader, and of all servers.
func TestCluster(t *testing.T) {
	t.Parallel()
	c := StartCluster(t, 3)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()

	nc, err := nats.Connect(c.URLs(), nats.MaxReconnects(-1), nats.ReconnectWait(poll))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}, Replicas: 3}); err != nil {
		t.Fatal(err)
	}
	publish(ctx, t, js, 1)

	leader, err := c.WaitStreamLeader(ctx, "S")
	if err != nil {
		t.Fatal(err)
	}
	c.StopServer(leader)
	next, err := c.WaitStreamLeader(ctx, "S")
	if err != nil {
		t.Fatal(err)
	}
	if next == leader {
		t.Errorf("server %d leads and is stopped", leader)
	}
	publish(ctx, t, js, 2)

	c.RestartServer(leader)
	if err := c.WaitStreamCurrent(ctx, "S"); err != nil {
		t.Fatal(err)
	}
	publish(ctx, t, js, 3)

	c.StopAll()
	if i := c.StreamLeader("S"); i >= 0 {
		t.Errorf("server %d leads and is stopped", i)
	}
	c.StartAll()
	if err := c.WaitStreamCurrent(ctx, "S"); err != nil {
		t.Fatal(err)
	}
	publish(ctx, t, js, 4)
	for seq := uint64(1); seq <= 4; seq++ {
		msg := get(ctx, t, js, seq)
		if want := fmt.Sprint(seq); string(msg.Data) != want {
			t.Errorf("message %d is %q, want %q", seq, msg.Data, want)
		}
	}
}

// publish publishes seq to the stream S, which must give it that sequence. Right
// after an election a request may find nobody to answer it, so it is repeated
// with an ID by which the server knows it again.
func publish(ctx context.Context, t *testing.T, js jetstream.JetStream, seq uint64) {
	t.Helper()
	id := fmt.Sprint(seq)
	var err error
	for ctx.Err() == nil {
		var ack *jetstream.PubAck
		try, cancel := context.WithTimeout(ctx, time.Second)
		ack, err = js.Publish(try, "s", []byte(id), jetstream.WithMsgID(id), jetstream.WithRetryWait(poll))
		cancel()
		if err == nil {
			if ack.Sequence != seq {
				t.Errorf("message %d has the sequence %d", seq, ack.Sequence)
			}
			return
		}
	}
	t.Fatal(err)
}

func get(ctx context.Context, t *testing.T, js jetstream.JetStream, seq uint64) *jetstream.RawStreamMsg {
	t.Helper()
	s, err := js.Stream(ctx, "S")
	if err != nil {
		t.Fatal(err)
	}
	msg, err := s.GetMsg(ctx, seq)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}
