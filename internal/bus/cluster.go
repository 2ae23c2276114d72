package bus

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/nats-io/nats-server/v2/server"
)

// Cluster tells a server with which others it forms a cluster.
type Cluster struct {
	Name   string // required, and the same in all servers of the cluster
	Listen string // host:port for the other servers; as Options.Listen otherwise

	// Routes are the addresses of the servers, nats-route://host:port, its own
	// allowed. Where no server has anything in its log yet, the first leader of
	// JetStream is elected when as many servers as are named here are there;
	// later, more than half of them will do. So name all of them.
	Routes []string
}

// join writes the cluster into the options of the server.
func (c *Cluster) join(opts *server.Options) error {
	if c.Name == "" {
		return errors.New("the cluster has no name: give all its servers the same")
	}
	if opts.ServerName == "" {
		return fmt.Errorf("a server of the cluster %q has no name: give each its own", c.Name)
	}
	host, port, err := parseListen(c.Listen)
	if err != nil {
		return fmt.Errorf("cluster %q: %w", c.Name, err)
	}
	opts.Cluster = server.ClusterOpts{Name: c.Name, Host: host, Port: port}
	for _, route := range c.Routes {
		u, err := url.Parse(route)
		if err != nil || u.Scheme != routeScheme || u.Hostname() == "" || u.Port() == "" {
			return fmt.Errorf("cluster %q: route %q is not %s://host:port", c.Name, route, routeScheme)
		}
		opts.Routes = append(opts.Routes, u)
	}
	return nil
}

const routeScheme = "nats-route"

// ClusterURL returns the address that other servers on this machine name as
// their route to this one; it is empty for a server on its own.
func (s *Server) ClusterURL() string { return s.clusterURL }
