package main

import (
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	got := cli(t, "", "version")
	if got.code != exitOK || got.stdout != "ckpt 0.1.0, protocol 1\n" {
		t.Errorf("%+v", got)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"", "--help", "serve --help", "replay --help", "watch --help", "export --help", "import --help", "info --help", "prune --help", "stats --help", "demo --help", "version --help"} {
		got := cli(t, "", strings.Fields(args)...)
		if got.code != exitOK || !strings.Contains(got.stdout, "Usage:") || got.stderr != "" {
			t.Errorf("ckpt %s: %+v", args, got)
		}
		if command := strings.TrimSuffix(args, " --help"); strings.HasSuffix(args, " --help") && command != "version" &&
			(!strings.Contains(got.stdout, "Examples:") || !strings.Contains(got.stdout, "ckpt "+command)) {
			t.Errorf("ckpt %s shows no examples", args)
		}
	}
}

func TestBadCommandLines(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"swerve":                            `unknown command "swerve"`,
		"serve here":                        `serve takes no arguments, got "here"`,
		"version 2":                         `version takes no arguments, got "2"`,
		"serve --fast":                      "unknown flag: --fast",
		"serve --log-level loud":            `invalid argument "loud"`,
		"serve --prefix a..b":               `--prefix "a..b": want tokens`,
		"serve --nats nats://h --context c": "--nats and --context both say where to connect",
		"serve --nats nats://h --listen 127.0.0.1:0":                 "--listen is for an embedded server",
		"serve --data d --nats nats://h":                             "--data is for an embedded server",
		"serve --data ":                                              "--data is empty: name a folder",
		"serve --data d --journal local":                             "--journal local keeps nothing in --data",
		"serve --journal disk":                                       "--journal disk: want local or jetstream",
		"serve --journal jetstream":                                  "--journal jetstream needs a place: give --data FOLDER",
		"serve --sync 1s":                                            "--sync is for the files of --data",
		"serve --data d --sync often":                                "--sync often: want always, or an interval",
		"serve --data d --sync 0s":                                   "--sync 0s: want always, or an interval",
		"serve --data d --storage file":                              "--storage is for a NATS that runs already",
		"serve --data d --replicas 3":                                "--replicas 3: one server keeps one",
		"serve --data d --max-store -1":                              "--max-store -1: want a number of bytes",
		"serve --nats nats://h --replicas 3":                         "--replicas is of a stream: give --journal jetstream too",
		"serve --nats nats://h --journal jetstream --replicas 2":     "--replicas 2: want 1, 3 or 5",
		"serve --nats nats://h --journal jetstream --storage tape":   "--storage tape: want file or memory",
		"serve --nats nats://h --journal jetstream --sync always":    "--sync is for the files of --data",
		"serve --thread-ttl -1s":                                     "--thread-ttl -1s: want 0",
		"serve --thread-ttl 100000h":                                 "--thread-ttl 100000h0m0s: want 0",
		"serve --thread-ttl-fixed":                                   "--thread-ttl-fixed says how --thread-ttl counts",
		"serve --keep-messages -1":                                   "--keep-messages -1: want 0",
		"stats --top 101":                                            "--top 101: want 1 to 100",
		"prune":                                                      "every thread would go: give --older-than",
		"prune --older-than -1h":                                     "--older-than -1h0m0s: want more than 0",
		"prune --owner u --limit -1":                                 "--limit -1: want 0",
		"prune --before yesterday":                                   `--before "yesterday": want a time`,
		"prune --metadata team":                                      `--metadata "team": want KEY=VALUE`,
		"serve --name a":                                             "--name is of a cluster: give --cluster NAME too",
		"serve --cluster c":                                          "--cluster needs --data FOLDER",
		"serve --cluster ":                                           "--cluster is empty",
		"serve --data d --cluster c":                                 "--cluster needs --name too",
		"serve --data d --cluster c --name a --cluster-listen :6222": "--cluster needs --routes too",
		"serve --creds f":                                            "--creds needs --nats or --context",
		"replay --user ann -":                                        "--user needs --nats or --context",
		"watch --creds f --nkey g":                                   "--creds and --nkey both say who connects",
		"watch --creds f --user ann":                                 "--user and --password do not go with",
		"watch --tlscert f":                                          "--tlscert and --tlskey belong together",
		"watch a b":                                                  "watch takes one thread at the most, got 2",
		"demo --workers 0":                                           "--workers 0: want 1 or more",
		"demo --rounds 0":                                            "--rounds 0: want 1 or more",
		"replay --workers 0 -":                                       "--workers 0: want 1 or more",
		"replay --workers many -":                                    `invalid argument "many"`,
		"replay --thread-prefix a\tb -":                              "--thread-prefix has the control character",
		"info here":                                                  `info takes no arguments, got "here"`,
		"info --wait 0s":                                             "--wait 0s: want more than 0",
		"export a\tb":                                                `thread "a\tb" has the control character`,
		"export --output":                                            "flag needs an argument",
		"import --workers 0":                                         "--workers 0: want 1 or more",
		"import --replace --merge":                                   "--replace and --merge both say",
	} {
		got := cli(t, "", strings.Split(args, " ")...)
		if got.code != exitUsage || !strings.Contains(got.stderr, want) || !strings.Contains(got.stderr, "--help' for its flags") {
			t.Errorf("ckpt %s: code %d, said %q, want %d and %q", args, got.code, got.stderr, exitUsage, want)
		}
	}
}
