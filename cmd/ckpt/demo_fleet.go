package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"text/tabwriter"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/service"
	"github.com/nats-io/nats.go"
)

// fleet is the replicas of the demo.
type fleet struct {
	url      string
	client   *client.Client[ckpt.Raw]
	log      *slog.Logger
	replicas []replica
}

// replica is one of them, over all its starts.
type replica struct {
	nc       *nats.Conn
	service  *service.Service // nil: stopped
	id       string           // since its last start
	starts   int
	requests uint64 // that it answered in all but the start that runs
}

func (f *fleet) startAll(ctx context.Context) error {
	for i := range f.replicas {
		if f.replicas[i].service == nil {
			if err := f.start(ctx, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// stopAll stops what runs after an error.
func (f *fleet) stopAll() {
	for i := range f.replicas {
		_ = f.stop(context.Background(), i) // the store ends here
	}
}

// start starts a replica on a connection of its own and finds out its ID: the
// only one that no other has.
func (f *fleet) start(ctx context.Context, i int) error {
	r := &f.replicas[i]
	nc, err := nats.Connect(f.url)
	if err != nil {
		return err
	}
	svc, err := service.Start(nc, service.WithJetStream(service.Stream{Replicas: 1}), service.WithStartContext(ctx), service.WithLogger(f.log))
	if err != nil {
		nc.Close()
		return err
	}
	r.nc, r.service, r.id = nc, svc, ""
	r.starts++
	infos, err := f.infos(ctx)
	if err != nil {
		return err
	}
	for _, info := range infos {
		if f.withID(info.Replica) == nil {
			r.id = info.Replica
		}
	}
	return nil
}

// stop lets a replica answer what it has and stops it.
func (f *fleet) stop(ctx context.Context, i int) error {
	r := &f.replicas[i]
	if r.service == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err := r.service.Stop(ctx)
	r.nc.Close()
	r.service = nil
	return err
}

// quiet is enough for replicas in the same process.
const quiet = client.Quiet(50 * time.Millisecond)

func (f *fleet) infos(ctx context.Context) ([]ckpt.InfoReply, error) {
	return f.client.Info(ctx, quiet)
}

// withID returns the replica that runs with the ID, or nil.
func (f *fleet) withID(id string) *replica {
	for i := range f.replicas {
		if r := &f.replicas[i]; r.service != nil && r.id == id {
			return r
		}
	}
	return nil
}

// halt stops a replica, and counts what it answered until right before.
func (f *fleet) halt(ctx context.Context, i int) error {
	r := &f.replicas[i]
	if r.service == nil {
		return nil
	}
	infos, err := f.infos(ctx)
	if err != nil {
		return err
	}
	for _, info := range infos {
		if info.Replica == r.id {
			r.requests += info.Requests
		}
	}
	return f.stop(ctx, i)
}

// someMessages is how many messages are played between two steps of a restart.
const someMessages = 50

// roll restarts one replica after the other, with work in between.
func (f *fleet) roll(ctx context.Context, w io.Writer, rounds int, progress func(context.Context, int) error) error {
	for n := range rounds * len(f.replicas) {
		i := n % len(f.replicas)
		for _, step := range []func() error{
			func() error { return progress(ctx, someMessages) },
			func() error { return f.halt(ctx, i) },
			func() error { return progress(ctx, someMessages) },
			func() error { return f.start(ctx, i) },
		} {
			if err := step(); err != nil {
				return err
			}
		}
		fmt.Fprintf(w, "Replica %d was restarted; the others served meanwhile.\n", i+1)
	}
	return progress(ctx, someMessages)
}

// alone leaves only one replica running.
func (f *fleet) alone(ctx context.Context, i int) error {
	if f.replicas[i].service == nil {
		if err := f.start(ctx, i); err != nil {
			return err
		}
	}
	for other := range f.replicas {
		if other != i {
			if err := f.halt(ctx, other); err != nil {
				return err
			}
		}
	}
	return nil
}

// print tells how much each replica served; all must have been halted.
func (f *fleet) print(w io.Writer) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "replica\tstarts\trequests\t")
	for i := range f.replicas {
		fmt.Fprintf(tw, "%d\t%d\t%d\t\n", i+1, f.replicas[i].starts, f.replicas[i].requests)
	}
	_ = tw.Flush()
}
