package client_test

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/nats-io/nats.go"
)

// BenchmarkClient compares the client with bare nc.Request callers of the same
// payload, in turns within one run. The responder is a bare subscription that
// acknowledges, so that the figure is the client's alone. The metric
// x/nc.Request is the median of the turns' ratios of throughput.
func BenchmarkClient(b *testing.B) {
	const turn = 4000 // requests of each side in one turn
	srv := bustest.Start(b)
	ack := encode(b, &ckpt.StatePutReply{Reply: ckpt.Reply{Revision: 7}, UpdatedAt: time.UnixMilli(1)})
	respond(b, bustest.Connect(b, srv), "ckpt.state.put", func(m *nats.Msg) { _ = m.Respond(ack) })
	bare := bustest.Connect(b, srv)
	c, err := client.New[ckpt.Raw](bustest.Connect(b, srv))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()

	for _, size := range []int{256, 4096} {
		state := ckpt.Raw(append([]byte{0xc5, byte(size >> 8), byte(size)}, bytes.Repeat([]byte{7}, size)...)) // a binary
		request := encode(b, &ckpt.StatePutRequest{
			WriteRef: ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: "t"}, RequestID: "0123456789012345678901"},
			State:    state,
		})
		for _, inFlight := range []int{1, 16, 128} {
			askBare := func() {
				spread(inFlight, turn, func() error {
					_, err := bare.Request("ckpt.state.put", request, time.Minute)
					return err
				})
			}
			for _, form := range []struct {
				name string
				ask  func()
			}{
				{"blocking", func() {
					spread(inFlight, turn, func() error {
						_, err := c.PutState(b.Context(), "t", state)
						return err
					})
				}},
				{"async", func() {
					futures := make([]*client.Future[ckpt.StatePutReply], inFlight)
					for i := range turn + inFlight {
						f := &futures[i%inFlight]
						if *f != nil {
							if _, err := (*f).Wait(b.Context()); err != nil {
								panic(err)
							}
						}
						if *f = nil; i < turn {
							*f = c.PutStateAsync(b.Context(), "t", state)
						}
					}
				}},
			} {
				b.Run(fmt.Sprintf("size=%d/inflight=%d/%s", size, inFlight, form.name), func(b *testing.B) {
					var ratios []float64
					var ours time.Duration
					for b.Loop() {
						t0 := time.Now()
						askBare()
						t1 := time.Now()
						form.ask()
						ours += time.Since(t1)
						ratios = append(ratios, float64(t1.Sub(t0))/float64(time.Since(t1)))
					}
					slices.Sort(ratios)
					b.ReportMetric(ratios[len(ratios)/2], "x/nc.Request")
					b.ReportMetric(float64(len(ratios)*turn)/ours.Seconds(), "requests/s")
					b.ReportMetric(0, "ns/op") // of both sides together: no figure of use
				})
			}
		}
	}
}

// spread makes n calls of do from so many goroutines.
func spread(goroutines, n int, do func() error) {
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range n / goroutines {
				if err := do(); err != nil {
					panic(err)
				}
			}
		})
	}
	wg.Wait()
}
