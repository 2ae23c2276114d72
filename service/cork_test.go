package service

import (
	"fmt"
	"testing"
	"time"

	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/ckptbus/ckpt/service/internal/journal"
	"github.com/nats-io/nats.go"
)

// corks is a journal that notes when it is corked.
type corks struct {
	journal.Journal
	events chan string
}

func (c *corks) Cork()   { c.events <- "cork" }
func (c *corks) Uncork() { c.events <- "uncork" }

// TestCorked corks the journal from the first of the writes that have come in together
// to the last, for a bounded number, and not beyond the end of a subscription.
func TestCorked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		sent    int
		ends    int // how many are handled before the subscription ends; 0: all
		handled []int
	}{
		{"one", 1, 0, []int{1}},
		{"some", 10, 0, []int{10}},
		{"many", mostCorked + 6, 0, []int{mostCorked, 6}},
		{"cut off", 10, 3, []int{3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			nc := bustest.Connect(t, bustest.Start(t))
			j := &corks{events: make(chan string, 4*c.sent)}
			come, over := make(chan struct{}), make(chan struct{})
			handled := 0
			handler, end := corked(j, func(m *nats.Msg) {
				<-come
				j.events <- "write"
				if handled++; handled == c.ends {
					_ = m.Sub.Unsubscribe()
				}
			})
			m := &member{nc: nc}
			if err := m.subscribe("writes", "", handler, func() { end(); close(over) }); err != nil {
				t.Fatal(err)
			}
			for range c.sent {
				if err := nc.Publish("writes", nil); err != nil {
					t.Fatal(err)
				}
			}
			deadline := time.Now().Add(10 * time.Second)
			for waiting := 0; waiting < c.sent && time.Now().Before(deadline); {
				if err := nc.Flush(); err != nil { // a round trip
					t.Fatal(err)
				}
				waiting, _, _ = m.subs[0].Pending()
			}
			close(come)
			m.end()
			<-over
			close(j.events)
			var got, want []string
			for e := range j.events {
				got = append(got, e)
			}
			for _, n := range c.handled {
				want = append(want, "cork")
				for range n {
					want = append(want, "write")
				}
				want = append(want, "uncork")
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}
