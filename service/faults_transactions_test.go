package service

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/wire"
)

// accounts are threads whose states are numbers, between which workers move amounts
// by transactions: nothing may be made or lost, whatever happens to the replicas.
type accounts struct {
	*group
	ids   []string
	moved atomic.Int64
	stop  context.CancelFunc
	wg    sync.WaitGroup
}

const startingBalance = 1000

func (g *group) accounts(n, workers int) *accounts {
	g.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	a := &accounts{group: g, stop: cancel}
	c := g.client()
	for i := range n {
		id := fmt.Sprint("account-", i)
		a.ids = append(a.ids, id)
		if _, err := c.PutState(ctx, id, wire.AppendInt(nil, startingBalance)); err != nil {
			g.Fatal(err)
		}
	}
	for range workers {
		c := g.client()
		a.wg.Go(func() {
			for ctx.Err() == nil {
				if err := a.move(ctx, c); err != nil && ctx.Err() == nil {
					g.Errorf("a transfer: %v", err)
					return
				}
			}
		})
	}
	g.Cleanup(func() { cancel(); a.wg.Wait() })
	return a
}

// move moves an amount from one account to another, with a third thread, which only
// must not be there, as a condition.
func (a *accounts) move(ctx context.Context, c *client.Client[ckpt.Raw]) error {
	i := rand.IntN(len(a.ids))
	from, to := a.ids[i], a.ids[(i+1+rand.IntN(len(a.ids)-1))%len(a.ids)]
	balances, err := c.GetStates(ctx, []string{from, to})
	if err != nil {
		return err
	}
	amount, none := rand.Int64N(10)+1, uint64(0)
	part := func(id string, change int64) client.ThreadCommit[ckpt.Raw] {
		n, _ := balances[id].Value.Int()
		revision := balances[id].Revision
		state := ckpt.Raw(wire.AppendInt(nil, n+change))
		return client.ThreadCommit[ckpt.Raw]{Thread: id, Expected: &revision, Commit: client.Commit[ckpt.Raw]{State: &state}}
	}
	parts := []client.ThreadCommit[ckpt.Raw]{part(from, -amount), part(to, amount), {Thread: "frozen", Expected: &none}}
	rand.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	if _, err = c.Transact(ctx, parts); err == nil {
		a.moved.Add(1)
	}
	if errors.Is(err, ckpt.ErrConflict) { // somebody else was faster
		return nil
	}
	return err
}

// progress waits until more transfers were made.
func (a *accounts) progress() {
	a.Helper()
	want := a.moved.Load() + 20
	a.eventually("transfers", func() bool { return a.moved.Load() >= want || a.Failed() })
}

// verify ends the transfers and checks that the balances add up, at every replica.
func (a *accounts) verify(replicas ...*replica) {
	a.Helper()
	a.stop()
	a.wg.Wait()
	a.same(replicas...)
	for i, r := range replicas {
		sum := int64(0)
		for _, id := range a.ids {
			var reply ckpt.StateGetReply
			if err := r.store.StateGet(&ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{ThreadID: id}}}, &reply, time.Now().UnixMilli()); err != nil {
				a.Fatal(err)
			}
			n, err := reply.State.Int()
			if err != nil {
				a.Fatal(err)
			}
			sum += n
		}
		if want := int64(len(a.ids) * startingBalance); sum != want {
			a.Errorf("replica %d: the accounts add up to %d, want %d", i, sum, want)
		}
	}
}

// Transactions are made whole or not at all while replicas are killed, stopped and
// started, and while the journal is compacted.
func TestTransactionsUnderRestarts(t *testing.T) {
	t.Parallel()
	g := newGroup(t, bus.Options{})
	replicas := g.startAll(3)
	a := g.accounts(8, 6)
	for i := range 4 {
		if a.progress(); i%2 == 0 {
			g.kill(replicas[0])
		} else {
			g.stop(replicas[0])
		}
		a.progress()
		replicas = append(replicas[1:], g.start())
	}
	a.progress()
	a.verify(replicas...)
}
