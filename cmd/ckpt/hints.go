package main

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nats.go"
)

// sampleFile lies in the project's own checkout.
const sampleFile = "testdata/conversations/support.json"

// sample returns a file that replay can play here, or a word for one.
func sample() string {
	if _, err := os.Stat(sampleFile); err != nil {
		return "FILE"
	}
	return sampleFile
}

// self returns what people type to run this program: what they typed now, or
// go run, whose binary is gone by the time they try.
func self() string {
	if exe, err := os.Executable(); err == nil && strings.Contains(filepath.ToSlash(exe), "/go-build") {
		return "go run ./cmd/ckpt"
	}
	return os.Args[0]
}

// args returns the flags by which another command reaches the same store. A
// password is left to the environment.
func (c *connection) args(nc *nats.Conn) string {
	args := []string{"--nats", redact(nc.ConnectedUrl())}
	if c.context != "" {
		args = []string{"--context", c.context}
	}
	for _, flag := range []struct{ name, value string }{
		{"creds", c.creds}, {"nkey", c.nkey}, {"user", c.user},
		{"tlscert", c.tlsCert}, {"tlskey", c.tlsKey}, {"tlsca", c.tlsCA},
		{"inbox-prefix", c.inbox},
	} {
		if flag.value != "" {
			args = append(args, "--"+flag.name, flag.value)
		}
	}
	if c.prefix != ckpt.DefaultPrefix {
		args = append(args, "--prefix", c.prefix)
	}
	return strings.Join(args, " ")
}

// redact returns URLs, joined by commas, without their passwords.
func redact(urls string) string {
	list := strings.Split(urls, ",")
	for i := range list {
		if u, err := url.Parse(strings.TrimSpace(list[i])); err == nil {
			list[i] = u.Redacted()
		}
	}
	return strings.Join(list, ",")
}
