package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/synadia-io/orbit.go/natscontext"
)

// connection is the part of the flags that every command shares: which NATS,
// as whom, and under which subjects the store lies there.
type connection struct {
	url, context    string
	creds, nkey     string
	user, password  string
	tlsCert, tlsKey string
	tlsCA           string
	inbox           string
	reconnects      int
	prefix          string
	level           slog.Level
}

// addFlags declares the flags on cmd and checks them before it runs.
func (c *connection) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.url, "nats", "", "`URL` of a NATS that runs already (NATS_URL)")
	f.StringVar(&c.context, "context", "", "connect as this context of the nats CLI says, a `NAME` or an absolute file")
	f.StringVar(&c.creds, "creds", "", "credentials `FILE`")
	f.StringVar(&c.nkey, "nkey", "", "`FILE` with an NKEY seed")
	f.StringVar(&c.user, "user", "", "user `NAME` (NATS_USER)")
	f.StringVar(&c.password, "password", "", "password, better given as NATS_PASSWORD than on a command line")
	f.StringVar(&c.tlsCert, "tlscert", "", "TLS client certificate `FILE`")
	f.StringVar(&c.tlsKey, "tlskey", "", "TLS client key `FILE`")
	f.StringVar(&c.tlsCA, "tlsca", "", "`FILE` with the certificates of the authorities to trust")
	f.StringVar(&c.inbox, "inbox-prefix", "", "what the subjects of replies to this program begin with, where its NATS user may not listen on all of _INBOX.>")
	f.IntVar(&c.reconnects, "reconnects", nats.DefaultMaxReconnect,
		"how often to try to reach a lost NATS again, two seconds apart, before giving up; -1 for ever")
	f.StringVar(&c.prefix, "prefix", ckpt.DefaultPrefix, "subject prefix of the store")
	f.TextVar(&c.level, "log-level", slog.LevelWarn, "what to log to standard error: debug, info, warn or error")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error { return c.complete(cmd.Flags()) }
}

// credentials are the flags that mean nothing to an embedded server.
var credentials = []string{"creds", "nkey", "user", "password", "tlscert", "tlskey", "tlsca"}

// complete takes from the environment what the flags leave open and refuses
// flags that contradict each other.
func (c *connection) complete(f *pflag.FlagSet) error {
	switch {
	case c.url != "" && c.context != "":
		return usagef("--nats and --context both say where to connect: give one")
	case c.creds != "" && c.nkey != "":
		return usagef("--creds and --nkey both say who connects: give one")
	case (c.creds != "" || c.nkey != "") && (f.Changed("user") || f.Changed("password")):
		return usagef("--user and --password do not go with --creds or --nkey: give one")
	case (c.tlsCert == "") != (c.tlsKey == ""):
		return usagef("--tlscert and --tlskey belong together")
	}
	if err := ckpt.CheckPrefix(c.prefix); err != nil {
		return usagef("--prefix %q: want tokens of letters, digits, - and _, joined by dots", c.prefix)
	}
	if c.url == "" && c.context == "" && !f.Changed("listen") && !f.Changed("data") {
		c.url = os.Getenv("NATS_URL")
	}
	if c.context == "" && c.creds == "" && c.nkey == "" {
		if !f.Changed("user") {
			c.user = os.Getenv("NATS_USER")
		}
		if !f.Changed("password") {
			c.password = os.Getenv("NATS_PASSWORD")
		}
	}
	return nil
}

// chosen reports whether a NATS was named.
func (c *connection) chosen() bool { return c.url != "" || c.context != "" }

// embedded reports whether no NATS was named, so that a command which can
// start one should; flags that only a NATS elsewhere can heed are refused then.
func (c *connection) embedded(f *pflag.FlagSet) (bool, error) {
	if c.chosen() {
		return false, nil
	}
	for _, name := range credentials {
		if f.Changed(name) {
			return false, usagef("--%s needs --nats or --context: an embedded server has no authentication", name)
		}
	}
	return true, nil
}

// connect connects to the NATS that the flags name, or to the default address
// where they name none.
func (c *connection) connect(log *slog.Logger, opts ...nats.Option) (*nats.Conn, error) {
	mine, err := c.options(log)
	if err != nil {
		return nil, err
	}
	opts = append(mine, opts...)
	if c.context != "" {
		nc, _, err := natscontext.Connect(c.context, opts...)
		if err != nil {
			return nil, fmt.Errorf("connect as context %q: %w", c.context, err)
		}
		return nc, nil
	}
	url := c.url
	if url == "" {
		url = nats.DefaultURL
	}
	nc, err := nats.Connect(url, opts...)
	switch {
	case err == nil:
		return nc, nil
	case errors.Is(err, nats.ErrNoServers) && !c.chosen():
		return nil, fmt.Errorf("connect to %s: %w; start one there with ckpt serve, or name another with --nats or --context", url, err)
	}
	return nil, fmt.Errorf("connect to %s: %w", redact(url), err)
}

// options returns the connection options that the flags ask for.
func (c *connection) options(log *slog.Logger) ([]nats.Option, error) {
	opts := []nats.Option{
		nats.Name("ckpt " + ckpt.Version),
		nats.MaxReconnects(c.reconnects),
		nats.DisconnectErrHandler(func(nc *nats.Conn, err error) {
			if err != nil { // nil where this side closed
				log.Warn("NATS connection lost, reconnecting", "error", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.Warn("NATS connection restored", "url", nc.ConnectedUrlRedacted())
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			attrs := []any{"error", err}
			if sub != nil {
				attrs = append(attrs, "subject", sub.Subject)
			}
			log.Error("NATS", attrs...)
		}),
	}
	if c.creds != "" {
		opts = append(opts, nats.UserCredentials(c.creds))
	}
	if c.nkey != "" {
		o, err := nats.NkeyOptionFromSeed(c.nkey)
		if err != nil {
			return nil, fmt.Errorf("--nkey %s: %w", c.nkey, err)
		}
		opts = append(opts, o)
	}
	if c.user != "" {
		opts = append(opts, nats.UserInfo(c.user, c.password))
	}
	if c.tlsCert != "" {
		opts = append(opts, nats.ClientCert(c.tlsCert, c.tlsKey))
	}
	if c.inbox != "" {
		opts = append(opts, nats.CustomInboxPrefix(c.inbox))
	}
	if c.tlsCA != "" {
		opts = append(opts, nats.RootCAs(c.tlsCA))
	}
	return opts, nil
}
