package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/service"
	"github.com/nats-io/nats.go"
	"github.com/spf13/pflag"
)

// journalFlags say what outlives the process: nothing, what is in files of an
// embedded server, or what is in a stream of a NATS that runs already.
type journalFlags struct {
	journal  string
	data     string
	sync     string
	interval time.Duration // what sync says; 0: always
	replicas int           // 0: as the stream is, or one
	storage  string
	maxStore int64
}

// The journals.
const (
	local     = "local"
	jetStream = "jetstream"
)

func (j *journalFlags) addJournalFlags(f *pflag.FlagSet) {
	f.StringVar(&j.journal, "journal", local, "where changes go: local, which is memory alone, or jetstream, a stream of the NATS (default with --data)")
	f.StringVar(&j.data, "data", "", "keep the store in this `FOLDER`, with an embedded server; one process at a time may use it")
	f.StringVar(&j.sync, "sync", "always", "with --data, when files are synced to disk: always, before each write is answered, or each `INTERVAL`")
	f.IntVar(&j.replicas, "replicas", 0, "how many NATS servers keep the stream: 1, 3 or 5 (default as it is where it is there, else 1; with --cluster 3)")
	f.StringVar(&j.storage, "storage", "file", "how the servers of --nats keep the stream: file or memory")
	f.Int64Var(&j.maxStore, "max-store", 0, "`BYTES` that the stream may hold where this command makes it, 0 for no limit; what is over is refused")
}

// replicated reports whether the changes go to a stream.
func (j *journalFlags) replicated() bool { return j.journal == jetStream }

// check completes the flags and refuses those that contradict each other.
// elsewhere tells that a NATS that runs already was named.
func (j *journalFlags) check(f *pflag.FlagSet, elsewhere bool) error {
	if j.data != "" && !f.Changed("journal") {
		j.journal = jetStream
	}
	switch {
	case f.Changed("data") && j.data == "":
		return usagef("--data is empty: name a folder, or leave it away to serve from memory")
	case j.data != "" && elsewhere:
		return usagef("--data is for an embedded server and does not go with --nats or --context: give one; "+
			"the stream of --journal %s is kept by the servers there", jetStream)
	case j.journal != local && j.journal != jetStream:
		return usagef("--journal %s: want %s or %s", j.journal, local, jetStream)
	case j.data != "" && !j.replicated():
		return usagef("--journal %s keeps nothing in --data: leave one of them away", local)
	case j.replicated() && j.data == "" && !elsewhere:
		return usagef("--journal %s needs a place: give --data FOLDER, or --nats URL of a NATS with JetStream", jetStream)
	case f.Changed("sync") && j.data == "":
		return usagef("--sync is for the files of --data: give that too; a NATS that runs already syncs as its own configuration says")
	case f.Changed("storage") && j.data != "":
		return usagef("--storage is for a NATS that runs already: --data is files in any case")
	case j.storage != "file" && j.storage != "memory":
		return usagef("--storage %s: want file or memory", j.storage)
	case f.Changed("replicas") && !slices.Contains([]int{1, 3, 5}, j.replicas):
		return usagef("--replicas %d: want 1, 3 or 5; how many of these commands serve is told nobody, just start them", j.replicas)
	case j.replicas > 1 && j.data != "" && !f.Changed("cluster"):
		return usagef("--replicas %d: one server keeps one; give --cluster, or --nats URL of a cluster", j.replicas)
	case j.maxStore < 0:
		return usagef("--max-store %d: want a number of bytes, or 0 for no limit", j.maxStore)
	}
	for _, name := range []string{"replicas", "storage", "max-store"} {
		if f.Changed(name) && !j.replicated() {
			return usagef("--%s is of a stream: give --journal %s too", name, jetStream)
		}
	}
	return j.parseSync()
}

func (j *journalFlags) parseSync() error {
	if j.sync == "always" {
		return nil
	}
	d, err := time.ParseDuration(j.sync)
	if err != nil || d <= 0 {
		return usagef("--sync %s: want always, or an interval such as 1s", j.sync)
	}
	j.interval = d
	return nil
}

// syncAlways reports whether each write is on disk before it is answered. Of a
// NATS elsewhere that is not known.
func (j *journalFlags) syncAlways() bool { return j.data != "" && j.interval == 0 }

// stream returns the stream as the service takes it.
func (j *journalFlags) stream() service.Stream {
	return service.Stream{
		Replicas:   j.replicas,
		Memory:     j.storage == "memory",
		MaxBytes:   j.maxStore,
		SyncAlways: j.syncAlways(),
	}
}

// durability says in one line what the store survives.
func (j *journalFlags) durability() string {
	switch {
	case !j.replicated():
		return "Serving from memory: what is stored ends with the process."
	case j.syncAlways():
		return fmt.Sprintf("Serving from files in %s: each write is on disk before it is answered.", j.data)
	case j.data != "":
		return fmt.Sprintf("Serving from files in %s, synced to disk each %v.", j.data, j.interval)
	case j.storage == "memory":
		return "Serving as one replica, from a stream in the NATS servers' memory."
	}
	return "Serving as one replica, from a stream in the NATS servers' files."
}

// position says which journal it is and how far the store has come.
func (j *journalFlags) position(nc *nats.Conn, prefix string) string {
	if !j.replicated() {
		return j.journal
	}
	ctx, cancel := context.WithTimeout(context.Background(), handshakeTimeout)
	defer cancel()
	c, err := client.New[ckpt.Raw](nc, client.WithPrefix(prefix))
	if err != nil {
		return j.journal
	}
	defer c.Close()
	store, err := c.Setup(ctx)
	if err != nil { // it serves nevertheless
		return j.journal
	}
	return fmt.Sprintf("%s, at position %d", store.Journal, store.Revision)
}
