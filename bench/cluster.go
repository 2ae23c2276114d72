package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/service"
)

// place moves the stream's leader to where the mode has it, and starts the services
// again: they read the stream where its leader was when they began to.
func (m mode) place(r *rig, stream service.Option) error {
	wanted := serverName(0)
	if m.far {
		wanted = serverName(1)
	}
	js, err := r.callers.JetStream()
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); ; {
		info, err := js.StreamInfo(journalStream)
		if err == nil && info.Cluster.Leader == wanted {
			break
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("the stream's leader does not move to %s", wanted), err)
		}
		// A leader that was elected just now may refuse: it is asked again.
		_, _ = r.callers.Request("$JS.API.STREAM.LEADER.STEPDOWN."+journalStream,
			fmt.Appendf(nil, `{"placement":{"preferred":%q}}`, wanted), time.Second)
	}
	for _, s := range r.services {
		if err := s.Stop(r.ctx); err != nil {
			return err
		}
	}
	n := len(r.services)
	r.services = nil
	for range n {
		if err := r.serve(stream); err != nil {
			return err
		}
	}
	return nil
}

// journalStream is the stream of a store with the default prefix.
const journalStream = "CKPT_" + ckpt.DefaultPrefix

// serverName returns the name of the i-th server of a cluster.
func serverName(i int) string { return fmt.Sprint("server-", i) }

// startCluster starts servers that form a cluster.
func startCluster(ctx context.Context, o bus.Options, n int) (servers []*bus.Server, err error) {
	defer func() {
		if err != nil {
			for _, s := range servers {
				s.Stop()
			}
		}
	}()
	folder := o.Data
	routes, err := freeRoutes(n)
	if err != nil {
		return nil, err
	}
	for i := range n {
		o.Name = serverName(i)
		o.Data = filepath.Join(folder, o.Name)
		o.Cluster = &bus.Cluster{Name: "bench", Listen: strings.TrimPrefix(routes[i], "nats-route://"), Routes: routes}
		s, err := bus.Start(o)
		if err != nil {
			return servers, err
		}
		servers = append(servers, s)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, s := range servers {
		if err := s.WaitJetStream(ctx); err != nil {
			return servers, err
		}
	}
	return servers, nil
}

// freeRoutes returns URLs of n free ports: the servers of a cluster have to know
// all of them when they start.
func freeRoutes(n int) (routes []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		routes = append(routes, "nats-route://"+l.Addr().String())
	}
	return routes, nil
}
