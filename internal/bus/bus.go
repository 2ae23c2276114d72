// Package bus runs a NATS server inside this process: the one that `ckpt
// serve` and `ckpt replay` start where no other is named, and the one that
// every test talks to. With a data folder it has JetStream, and with others
// like it it forms a cluster.
package bus

import (
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Options choose how the server listens and what it keeps. The zero value
// listens on a free port of the loopback interface, carries 1 MiB in one
// message and has no JetStream.
type Options struct {
	Listen     string // host:port; port 0 picks a free one; empty means 127.0.0.1:0
	MaxPayload int    // bytes that one message may have; 0 means 1 MiB, the default of NATS

	// Name is the server's. Empty makes one up, which a cluster does not allow:
	// there it must be unique, and stay the same as long as the data folder.
	Name string

	// Data is the folder of JetStream's files, made if it is missing, and of one
	// server at a time. Empty means no JetStream, and nothing below but Cluster.
	Data string

	// SyncAlways has each write of a stream synced to the disk before it is
	// acknowledged. In a replicated stream that is the write to the log of its
	// group; the stream's own files follow later and are restored from it.
	SyncAlways bool

	SyncInterval time.Duration // how often files are synced otherwise; 0 means 2 minutes, the default of NATS
	MaxMemory    int64         // bytes of all streams in memory; 0 means 75 % of the machine's memory
	MaxStore     int64         // bytes of all streams in files; 0 means 75 % of the free disk space

	Cluster *Cluster // nil means a server on its own
}

// Server is a running NATS server.
type Server struct {
	ns         *server.Server
	data       *lock // nil without JetStream
	url        string
	clusterURL string
}

// startTimeout bounds the start; it takes some milliseconds where nothing is
// wrong. The time that JetStream takes to read its files does not count.
const startTimeout = 10 * time.Second

// Start starts a server. It logs nothing and handles no signals. With a data
// folder, the streams in it are there when Start returns; in a cluster only
// [Server.WaitJetStream] tells when they can be used.
func Start(o Options) (*Server, error) {
	opts, err := o.server()
	if err != nil {
		return nil, err
	}
	s := &Server{}
	if o.Data != "" {
		if s.data, err = lockData(o.Data); err != nil {
			return nil, err
		}
	}
	if err := s.start(opts); err != nil {
		s.data.release()
		return nil, fmt.Errorf("embedded NATS server: %w", err)
	}
	return s, nil
}

// server returns the options as the server takes them.
func (o Options) server() (*server.Options, error) {
	host, port, err := parseListen(o.Listen)
	if err != nil {
		return nil, err
	}
	opts := &server.Options{
		Host:       host,
		Port:       port,
		ServerName: o.Name,
		MaxPayload: int32(o.MaxPayload),
		NoLog:      true,
		NoSigs:     true,

		JetStream:          o.Data != "",
		StoreDir:           o.Data,
		SyncAlways:         o.SyncAlways,
		SyncInterval:       o.SyncInterval,
		JetStreamMaxMemory: o.MaxMemory,
		JetStreamMaxStore:  o.MaxStore,
	}
	if o.Cluster != nil {
		if err := o.Cluster.join(opts); err != nil {
			return nil, err
		}
	}
	return opts, nil
}

func (s *Server) start(opts *server.Options) error {
	ns, err := server.NewServer(opts)
	if err != nil {
		return err
	}
	log := &fatalLog{}
	ns.SetLoggerV2(log, false, false, false)
	ns.Start()
	// After a fatal error the server is never ready: there is no use in waiting.
	if log.err() == nil && ns.ReadyForConnections(startTimeout) {
		s.ns, s.url = ns, localURL("nats", ns.Addr())
		if addr := ns.ClusterAddr(); addr != nil {
			s.clusterURL = localURL(routeScheme, addr)
		}
		return nil
	}
	ns.Shutdown()
	ns.WaitForShutdown()
	if err := log.err(); err != nil {
		return err
	}
	return fmt.Errorf("not ready on %s:%d within %v: is the address free?", opts.Host, opts.Port, startTimeout)
}

// URL returns the address that clients on this machine connect to.
func (s *Server) URL() string { return s.url }

// Stop shuts the server down, in whatever state it is, and waits until it is.
// A leader in a cluster hands over first.
func (s *Server) Stop() {
	s.ns.Shutdown()
	s.ns.WaitForShutdown()
	s.data.release()
}
