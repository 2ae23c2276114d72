package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/cmd/ckpt/internal/replay"
	"github.com/google/uuid"
)

// demoLoad plays conversations over and over, into new threads each time.
type demoLoad struct {
	client  *client.Client[ckpt.Raw]
	list    []replay.Conversation
	workers int
	steps   chan int      // messages that were played, for whoever waits for some
	runs    []*replay.Run // what was played; a worker of the first dies
}

// demoLease is how long the demo waits for a worker that has died: longer than it
// takes to restart a replica.
const demoLease = 3 * time.Second

// playDuring plays until do has returned.
func (l *demoLoad) playDuring(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan error, 1)
	go func() { done <- do(ctx) }()
	for {
		select {
		case err := <-done:
			return err
		default:
		}
		if err := l.playOnce(ctx); err != nil {
			cancel(err)
			<-done
			return err
		}
	}
}

func (l *demoLoad) playOnce(ctx context.Context) error {
	dies := 0
	if len(l.runs) == 0 {
		dies = 1
	}
	run, err := replay.Start(ctx, l.client, l.list, replay.Options{
		Workers: l.workers,
		Lease:   demoLease,
		Dies:    dies,
		Threads: "demo-" + uuid.NewString()[:8],
		Progress: func(n int) {
			select {
			case l.steps <- n:
			default: // nobody waits
			}
		},
	})
	if err != nil {
		return err
	}
	l.runs = append(l.runs, run)
	return run.Play(ctx)
}

// progress waits until some more messages have been played.
func (l *demoLoad) progress(ctx context.Context, messages int) error {
	for messages > 0 {
		select {
		case n := <-l.steps:
			messages -= n
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// verify reads back all that was played, says what is not as it was sent, and
// returns how many runs that is so for.
func (l *demoLoad) verify(ctx context.Context, w io.Writer) (failed int, err error) {
	for _, run := range l.runs {
		if err := run.Verify(ctx); err != nil {
			return failed, err
		}
		report := run.Report()
		if report.OK() {
			continue
		}
		failed++
		for _, failure := range report.Failures {
			fmt.Fprintln(w, "  "+failure)
		}
	}
	return failed, nil
}

// takenOver returns how many conversations were taken over from workers that died.
func (l *demoLoad) takenOver() (n int) {
	for _, run := range l.runs {
		report := run.Report()
		n += report.TakenOver
	}
	return n
}

// messages returns how many messages were played.
func (l *demoLoad) messages() int {
	n := 0
	for i := range l.list {
		n += len(l.list[i].Messages)
	}
	return n * len(l.runs)
}

// builtIn returns some conversations for whoever has no file of any.
func builtIn() []replay.Conversation {
	cities := []string{"Lisbon", "Oslo", "Quito", "Seoul", "Tunis", "Turin", "Vienna", "Zagreb"}
	list := make([]replay.Conversation, len(cities))
	for i, city := range cities {
		messages := []ckpt.Message{
			ckpt.TextMessage(ckpt.RoleSystem, "You book journeys."),
		}
		for day := range 10 {
			messages = append(messages,
				ckpt.TextMessage(ckpt.RoleUser, fmt.Sprintf("Is there a flight to %s on day %d?", city, day+1)),
				ckpt.TextMessage(ckpt.RoleAssistant, fmt.Sprintf("Yes, at %d:10; shall I book it?", day+9)))
		}
		for n := range messages {
			messages[n].MessageID = ckpt.IntID(int64(n + 1))
		}
		list[i] = replay.Conversation{Source: "built in", Number: i + 1, UserID: "user-" + city, Messages: messages}
	}
	return list
}
