package bus

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// startData starts a server and connects to it.
func startData(t *testing.T, o Options) (*Server, jetstream.JetStream) {
	t.Helper()
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	nc, err := nats.Connect(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return s, js
}

func TestJetStreamRestart(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	o := Options{Data: filepath.Join(t.TempDir(), "new"), SyncAlways: true, SyncInterval: time.Minute, MaxMemory: 1 << 20, MaxStore: 8 << 20}
	s, js := startData(t, o)
	if err := s.WaitJetStream(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(ctx, "s", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	s.Stop() // does no harm
	if err := s.WaitJetStream(ctx); !errors.Is(err, ErrStopped) {
		t.Errorf("got %v, want that the server is stopped", err)
	}

	_, js = startData(t, o)
	stream, err := js.Stream(ctx, "S")
	if err != nil {
		t.Fatal(err)
	}
	msg, err := stream.GetMsg(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	if string(msg.Data) != "kept" {
		t.Errorf("the message is %q", msg.Data)
	}
}

func TestJetStreamOptions(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"all limits": {SyncAlways: true, SyncInterval: time.Minute, MaxMemory: 1 << 20, MaxStore: 8 << 20},
		"no limits":  {SyncAlways: true, SyncInterval: time.Minute}, // the server takes another way here
	} {
		o.Data = t.TempDir()
		s, _ := startData(t, o)
		got := s.ns.JetStreamConfig()
		if !got.SyncAlways || got.SyncInterval != o.SyncInterval {
			t.Errorf("%s: syncs always %v, each %v", name, got.SyncAlways, got.SyncInterval)
		}
		if o.MaxStore > 0 && (got.MaxMemory != o.MaxMemory || got.MaxStore != o.MaxStore) {
			t.Errorf("%s: holds %d and %d bytes", name, got.MaxMemory, got.MaxStore)
		}
		if got.MaxMemory <= 0 || got.MaxStore <= 0 {
			t.Errorf("%s: holds %d and %d bytes", name, got.MaxMemory, got.MaxStore)
		}
	}
	s, _ := startData(t, Options{Data: t.TempDir()})
	if got := s.ns.JetStreamConfig(); got.SyncAlways || got.SyncInterval != 2*time.Minute {
		t.Errorf("syncs always %v, each %v by default", got.SyncAlways, got.SyncInterval)
	}
}

func TestNoJetStream(t *testing.T) {
	t.Parallel()
	s, _ := startData(t, Options{})
	if err := s.WaitJetStream(t.Context()); err == nil || !strings.Contains(err.Error(), "data folder") {
		t.Errorf("got %v, want that there is no data folder", err)
	}
}

func TestDataFolderOfAnother(t *testing.T) {
	t.Parallel()
	o := Options{Data: t.TempDir()}
	first, _ := startData(t, o)
	if s, err := Start(o); err == nil {
		s.Stop()
		t.Fatal("two servers have one data folder")
	} else if !strings.Contains(err.Error(), "another server") || !strings.Contains(err.Error(), o.Data) {
		t.Errorf("got %v, want that another server uses %s", err, o.Data)
	}
	first.Stop()
	startData(t, o)
}

// What the server tells only to its log is the error of the start, and ends it
// at once. The folder is free again after.
func TestDataFolderUnusable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "jetstream")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, data := range []string{dir, file} {
		begin := time.Now()
		s, err := Start(Options{Data: data})
		if err == nil {
			s.Stop()
			t.Fatalf("%s: started", data)
		}
		if !strings.Contains(err.Error(), "director") {
			t.Errorf("%s: got %v, want that it is no directory", data, err)
		}
		if time.Since(begin) > startTimeout {
			t.Errorf("%s: ran into the timeout", data)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	startData(t, Options{Data: dir})
}

// A server whose cluster never gets a leader can be waited for and stopped.
func TestClusterWithoutLeader(t *testing.T) {
	t.Parallel()
	s, _ := startData(t, Options{Name: "a", Data: t.TempDir(), Cluster: &Cluster{Name: "c", Routes: []string{"nats-route://127.0.0.1:1"}}})
	if !strings.HasPrefix(s.ClusterURL(), "nats-route://127.0.0.1:") {
		t.Errorf("the cluster's URL is %q", s.ClusterURL())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*pollInterval)
	defer cancel()
	if err := s.WaitJetStream(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the error of the context", err)
	}
	stopped := make(chan error)
	go func() { stopped <- s.WaitJetStream(context.Background()) }()
	s.Stop()
	if err := <-stopped; !errors.Is(err, ErrStopped) {
		t.Errorf("got %v, want that the server is stopped", err)
	}
}

func TestBadCluster(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]Options{
		"no name: give all":      {Name: "a", Cluster: &Cluster{}},
		"no name: give each":     {Cluster: &Cluster{Name: "c"}},
		`listen address "4222"`:  {Name: "a", Cluster: &Cluster{Name: "c", Listen: "4222"}},
		`route "127.0.0.1:4222"`: {Name: "a", Cluster: &Cluster{Name: "c", Routes: []string{"127.0.0.1:4222"}}},
		`route "nats-route://a"`: {Name: "a", Cluster: &Cluster{Name: "c", Routes: []string{"nats-route://a"}}},
		"spaces":                 {Name: "a", Cluster: &Cluster{Name: "c d"}},
	} {
		if s, err := Start(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
			if err == nil {
				s.Stop()
			}
		}
	}
}
