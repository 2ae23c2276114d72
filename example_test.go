package ckpt_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"

	"github.com/nats-io/nats.go"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/service"
)

// What follows is the client example of README.md, word for word.

// Trip is an agent's state: any type that msgpack can encode.
type Trip struct {
	Step   int    `msgpack:"step"`
	Flight string `msgpack:"flight"`
}

func bookTrip(ctx context.Context, nc *nats.Conn) error {
	store, err := client.New[Trip](nc)
	if err != nil {
		return err
	}
	defer store.Close()

	trip, err := store.GetState(ctx, "thread-1")
	if err != nil && !errors.Is(err, ckpt.ErrNotFound) {
		return err
	}
	next := Trip{Step: trip.Value.Step + 1, Flight: "LH1172"}
	if _, err := store.PutState(ctx, "thread-1", next); err != nil {
		return err
	}
	if _, err := store.PutMessages(ctx, "thread-1", []ckpt.Message{
		ckpt.TextMessage(ckpt.RoleUser, "Is there a flight to Lisbon?"),
		ckpt.TextMessage(ckpt.RoleAssistant, "Yes, at 9:10."),
	}); err != nil {
		return err
	}
	for message, err := range store.Messages(ctx, "thread-1", client.Search("lisbon")) {
		if err != nil {
			return err
		}
		fmt.Println(message.Role, "said:", message.Text())
	}
	return nil
}

// A program has a NATS server and a store elsewhere, and begins with
// nats.Connect.
func Example() {
	server, err := bus.Start(bus.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Stop()
	serving, err := nats.Connect(server.URL())
	if err != nil {
		log.Fatal(err)
	}
	defer serving.Close()
	store, err := service.Start(serving, service.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		log.Fatal(err)
	}
	defer store.Stop(context.Background())

	nc, err := nats.Connect(server.URL())
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	if err := bookTrip(context.Background(), nc); err != nil {
		log.Fatal(err)
	}
	// Output:
	// user said: Is there a flight to Lisbon?
}
