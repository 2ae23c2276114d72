package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/service"
	"github.com/nats-io/nats.go"
)

// connectToStore starts a store for an example and connects to it. A program
// has a NATS server and a store elsewhere, and begins with nats.Connect.
func connectToStore() (nc *nats.Conn, stop func()) {
	server, err := bus.Start(bus.Options{})
	if err != nil {
		log.Fatal(err)
	}
	nc, err = nats.Connect(server.URL())
	if err != nil {
		log.Fatal(err)
	}
	store, err := service.Start(nc, quiet)
	if err != nil {
		log.Fatal(err)
	}
	return nc, func() {
		_ = store.Stop(context.Background())
		nc.Close()
		server.Stop()
	}
}

// An agent's state is any Go type.
type agentState struct {
	Node string   `msgpack:"node"`
	Step int      `msgpack:"step"`
	Plan []string `msgpack:"plan,omitempty"`
}

func Example() {
	nc, stop := connectToStore()
	defer stop()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := client.New[agentState](nc)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	_, err = c.GetState(ctx, "thread-1")
	fmt.Println("stored before:", !errors.Is(err, ckpt.ErrNotFound))

	state := agentState{Node: "search", Step: 3, Plan: []string{"look up the flight"}}
	if _, err := c.PutState(ctx, "thread-1", state, client.User("u1")); err != nil {
		log.Fatal(err)
	}
	stored, err := c.GetState(ctx, "thread-1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%+v\n", stored.Value)

	_, err = c.GetState(ctx, "thread-1", client.User("somebody else"))
	fmt.Println("for others:", errors.Is(err, ckpt.ErrPermissionDenied))
	// Output:
	// stored before: false
	// {Node:search Step:3 Plan:[look up the flight]}
	// for others: true
}

func ExampleClient_PutMessages() {
	nc, stop := connectToStore()
	defer stop()
	ctx := context.Background()
	c, err := client.New[agentState](nc)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	_, err = c.PutMessages(ctx, "thread-1", []ckpt.Message{
		ckpt.TextMessage(ckpt.RoleUser, "Is there a flight to Lisbon tomorrow?"),
		ckpt.TextMessage(ckpt.RoleAssistant, "Two: at 9:10 and at 17:40."),
	}, client.Metadata{"channel": "web"})
	if err != nil {
		log.Fatal(err)
	}

	all, err := c.ListMessages(ctx, "thread-1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(all.Total, "messages from the", all.Metadata["channel"])

	for m, err := range c.Messages(ctx, "thread-1", client.Search("lisbon")) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s\n", m.Role, m.Text())
	}
	// Output:
	// 2 messages from the web
	// user: Is there a flight to Lisbon tomorrow?
}

// One goroutine keeps many requests in flight.
func ExampleClient_PutStateAsync() {
	nc, stop := connectToStore()
	defer stop()
	ctx := context.Background()
	c, err := client.New[agentState](nc)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	var futures []*client.Future[ckpt.StatePutReply]
	for i := range 100 {
		futures = append(futures, c.PutStateAsync(ctx, fmt.Sprintf("thread-%d", i), agentState{Step: i}))
	}
	for _, f := range futures {
		if _, err := f.Wait(ctx); err != nil {
			log.Fatal(err)
		}
	}

	threads, err := c.ListThreads(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(threads.Total, "threads")
	// Output:
	// 100 threads
}

// Workers share threads out: each works on those whose lease it holds.
func ExampleClient_HoldLease() {
	nc, stop := connectToStore()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := client.New[agentState](nc)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	lease, err := c.HoldLease(ctx, "thread-1", "worker-1", time.Minute)
	if err != nil {
		log.Fatal(err) // a Conflict where another worker holds it
	}
	// Its context ends when the lease is lost, and a write that comes too late is
	// refused by its token.
	_, err = c.PutState(lease.Context(), "thread-1", agentState{Step: 1}, client.WithLease(lease.Token()))
	fmt.Println("worker-1 writes:", err)
	_, err = c.HoldLease(ctx, "thread-1", "worker-2", time.Minute)
	fmt.Println("worker-2 must wait:", errors.Is(err, ckpt.ErrConflict))

	if err := lease.Release(ctx); err != nil {
		log.Fatal(err)
	}
	next, err := c.HoldLease(ctx, "thread-1", "worker-2", time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	defer next.Release(ctx)
	_, err = c.PutState(ctx, "thread-1", agentState{Step: 1}, client.WithLease(lease.Token()))
	fmt.Println("worker-1 is too late:", errors.Is(err, ckpt.ErrConflict))
	// Output:
	// worker-1 writes: <nil>
	// worker-2 must wait: true
	// worker-1 is too late: true
}

func ExampleClient_Watch() {
	nc, stop := connectToStore()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := client.New[agentState](nc)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	events := c.Watch(ctx) // sees all that is written from here on
	if _, err := c.PutState(ctx, "thread-1", agentState{Step: 1}); err != nil {
		log.Fatal(err)
	}
	if _, err := c.CleanThread(ctx, "thread-1"); err != nil {
		log.Fatal(err)
	}
	for e, err := range events {
		if err != nil {
			log.Fatal(err)
		}
		if e.Kind == ckpt.KindGap {
			continue // read anew what was missed
		}
		fmt.Println(e.ThreadID, e.Kind)
		if e.Kind == ckpt.ThreadsClean.Name {
			break
		}
	}
	// Output:
	// thread-1 state.put
	// thread-1 threads.clean
}

// A worker ends its step with one request. Where another worker has changed the
// thread since, nothing is written.
func ExampleClient_Commit() {
	nc, stop := connectToStore()
	defer stop()
	c, err := client.New[agentState](nc)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	ctx := context.Background()
	seen, err := c.PutState(ctx, "airline-17", agentState{Node: "search", Step: 1})
	if err != nil {
		log.Fatal(err)
	}
	step := client.Commit[agentState]{
		State:    &agentState{Node: "book", Step: 2},
		Messages: []ckpt.Message{ckpt.TextMessage(ckpt.RoleAssistant, "I found two flights.")},
		Thread:   &ckpt.ThreadInfo{ThreadName: "A flight to JFK"},
	}
	done, err := c.Commit(ctx, "airline-17", step, client.ExpectedRevision(seen.Revision))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("messages put:", len(done.MessageIDs))
	_, err = c.Commit(ctx, "airline-17", step, client.ExpectedRevision(seen.Revision))
	var conflict *ckpt.Error
	fmt.Println(errors.Is(err, ckpt.ErrConflict), errors.As(err, &conflict) && conflict.Revision == done.Revision)
	// Output:
	// messages put: 1
	// true true
}
