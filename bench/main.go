// Bench compares the service and the client with bare NATS: in one process, on
// one embedded server, in turns, so that whatever the machine does besides
// happens to both. It prints throughput and its ratio.
//
//	go run ./bench           a quarter of an hour
//	go run ./bench -quick    some seconds, less steady
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"runtime/pprof"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// bounds says how much a run does.
type bounds struct {
	rounds   int           // pairs of turns for each figure
	turn     time.Duration // of one side in one round
	sizes    []int         // bytes of a payload
	inFlight []int         // requests under way at once
	threads  []int         // messages of the threads that are listed
	searched int           // messages of the thread that is searched
	stored   int           // messages of the journal that is read
	large    int           // bytes of a state that travels in parts
}

var (
	full = bounds{
		rounds:   7,
		turn:     250 * time.Millisecond,
		sizes:    []int{256, 4 << 10, 64 << 10},
		inFlight: []int{1, 16, 128},
		threads:  []int{100, 10_000, 1_000_000},
		searched: 100_000,
		stored:   1_000_000,
		large:    16 << 20,
	}
	quick = bounds{
		rounds:   3,
		turn:     30 * time.Millisecond,
		sizes:    full.sizes,
		inFlight: full.inFlight,
		threads:  []int{100, 10_000, 100_000},
		searched: 100_000,
		stored:   100_000,
		large:    full.large,
	}
)

func main() {
	var (
		short   = flag.Bool("quick", false, "run for some seconds; the figures are less steady")
		rounds  = flag.Int("rounds", 0, "pairs of turns for each figure (default 7, or 3)")
		turn    = flag.Duration("turn", 0, "time of one turn (default 250ms, or 30ms)")
		only    = flag.String("run", "", "run only the parts whose name matches this expression: put, get, list, client, search, journal, reads, follow, commit, start, large, floor")
		payload = flag.Int("size", 0, "bytes of a payload (default 256, 4096 and 65536)")
		flight  = flag.Int("in-flight", 0, "requests under way at once (default 1, 16 and 128)")
		profile = flag.String("cpuprofile", "", "write a CPU profile of the whole run to this file")
	)
	flag.Parse()
	b := full
	if *short {
		b = quick
	}
	if *rounds > 0 {
		b.rounds = *rounds
	}
	if *turn > 0 {
		b.turn = *turn
	}
	if *payload > 0 {
		b.sizes = []int{*payload}
	}
	if *flight > 0 {
		b.inFlight = []int{*flight}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := profiled(*profile, func() error { return run(ctx, os.Stdout, b, *only) }); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// parts are what is measured, in the order of the report.
var parts = []struct {
	name string
	run  func(ctx context.Context, b bounds, t *table) error
}{
	{"put", local(puts)},
	{"get", local(gets)},
	{"list", local(lists)},
	{"client", local(clients)},
	{"search", local(searches)},
	{"journal", journals},
	{"reads", reads},
	{"follow", follows},
	{"commit", commits},
	{"start", starts},
	{"large", larges},
	{"floor", floors},
}

// local is a part that is measured on a server and a service in memory of its
// own.
func local(part func(r *rig, b bounds, t *table) error) func(context.Context, bounds, *table) error {
	return func(ctx context.Context, b bounds, t *table) error {
		r, err := newRig(ctx)
		if err != nil {
			return err
		}
		defer r.close()
		return part(r, b, t)
	}
}

// run measures the parts whose name matches only.
func run(ctx context.Context, out io.Writer, b bounds, only string) error {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "ckpt %s, nats-server %s, nats.go %s, %s, GOMAXPROCS %d\n",
		ckpt.Version, server.VERSION, nats.Version, runtime.Version(), runtime.GOMAXPROCS(0))
	fmt.Fprintf(out, "medians of %d rounds of two turns of %v; rates are requests a second\n", b.rounds, b.turn)
	for _, p := range parts {
		if !wanted.MatchString(p.name) {
			continue
		}
		if err := p.run(ctx, b, &table{out: out}); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

func profiled(file string, f func() error) error {
	if file == "" {
		return f()
	}
	w, err := os.Create(file)
	if err != nil {
		return err
	}
	defer w.Close()
	if err := pprof.StartCPUProfile(w); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return f()
}
