package main

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ckptbus/ckpt"
)

// searches measures a search that finds nothing in a long thread, and how
// other requests fare meanwhile.
func searches(r *rig, b bounds, t *table) error {
	const thread = "searched"
	if err := r.fill(thread, b.searched); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "\nSearch %d messages of %d B for what none contains (target: under 60 ms for 100000)\n\n", b.searched, messageBytes)
	search := func() error {
		_, err := r.send(ckpt.MessagesList.OpInfo, &ckpt.MessagesListRequest{
			ReadRef: ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{ThreadID: thread}}, Page: ckpt.Page{Search: "needle"},
		})
		return err
	}
	get := func() error {
		_, err := r.send(ckpt.MessagesList.OpInfo, &ckpt.MessagesListRequest{
			ReadRef: ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{ThreadID: thread}}, Page: ckpt.Page{Offset: b.searched / 2, Limit: 1},
		})
		return err
	}
	state := agentState(256)
	put := func() error {
		_, err := r.send(ckpt.StatePut.OpInfo, &ckpt.StatePutRequest{
			WriteRef: ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: thread}}, State: state,
		})
		return err
	}
	took, err := times(search, b.turn*time.Duration(b.rounds))
	if err != nil {
		return err
	}
	t.row("request", "median", "p99", "slowest")
	t.row("--:", "--:", "--:", "--:")
	t.latencies("search", took)
	for _, other := range []struct {
		name string
		ask  func() error
	}{{"one of the thread's messages", get}, {"a put to the thread", put}} {
		if took, err = times(other.ask, b.turn*time.Duration(b.rounds)); err != nil {
			return err
		}
		t.latencies(other.name, took)
		if took, err = meanwhile(search, other.ask, b.turn*time.Duration(b.rounds)); err != nil {
			return err
		}
		t.latencies("the same while searches run", took)
	}
	return nil
}

// times asks again and again for a time and returns how long each took.
func times(ask func() error, during time.Duration) ([]time.Duration, error) {
	var took []time.Duration
	for start := time.Now(); time.Since(start) < during; {
		asked := time.Now()
		if err := ask(); err != nil {
			return nil, err
		}
		took = append(took, time.Since(asked))
	}
	return took, nil
}

// meanwhile is times while one search after the other runs.
func meanwhile(search, ask func() error, during time.Duration) ([]time.Duration, error) {
	var stop atomic.Bool
	searched := make(chan error, 1)
	go func() {
		var err error
		for err == nil && !stop.Load() {
			err = search()
		}
		searched <- err
	}()
	took, err := times(ask, during)
	stop.Store(true)
	if searchErr := <-searched; err == nil {
		err = searchErr
	}
	return took, err
}

func (t *table) latencies(name string, took []time.Duration) {
	ms := func(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond)) }
	t.row(fmt.Sprintf("%-28s", name), ms(median(took)), ms(quantile(took, 0.99)), ms(quantile(took, 1)))
}
