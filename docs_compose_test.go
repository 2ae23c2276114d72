package ckpt_test

import (
	"encoding/json"
	"flag"
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// composeCommands returns the commands of docker-compose.yml: three of the NATS
// server, which are flags alone, and three of this program.
func composeCommands(t *testing.T) (list [][]string) {
	t.Helper()
	for _, line := range regexp.MustCompile(`(?m)^    command: (.*)$`).FindAllStringSubmatch(page(t, "docker-compose.yml"), -1) {
		var args []string
		if err := json.Unmarshal([]byte(line[1]), &args); err != nil || len(args) == 0 {
			t.Fatalf("docker-compose.yml: %s: %v", line[1], err)
		}
		list = append(list, args)
	}
	if len(list) != 6 {
		t.Errorf("docker-compose.yml has %d commands, want 6", len(list))
	}
	return list
}

// The NATS servers of docker-compose.yml are one cluster with JetStream.
func TestComposeCluster(t *testing.T) {
	t.Parallel()
	names := make(map[string]bool)
	for _, args := range composeCommands(t) {
		if !strings.HasPrefix(args[0], "-") {
			continue
		}
		o, err := server.ConfigureOptions(flag.NewFlagSet("nats-server", flag.ContinueOnError), args, func() {}, func() {}, func() {})
		if err != nil {
			t.Fatalf("docker-compose.yml: %q: %v", args, err)
		}
		names[o.ServerName] = true
		if !o.JetStream || o.StoreDir == "" || o.Cluster.Name == "" || o.Cluster.Port == 0 || len(o.Routes) != 3 {
			t.Errorf("docker-compose.yml: %q is no server of a cluster with JetStream", args)
		}
	}
	if len(names) != 3 {
		t.Errorf("docker-compose.yml has the NATS servers %v, want three", names)
	}
}
