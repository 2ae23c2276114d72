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
	for _, args := range []string{"", "--help", "serve --help", "replay --help", "watch --help", "export --help", "import --help", "info --help", "version --help"} {
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
		"serve --nats nats://h --listen 127.0.0.1:0": "--listen is for an embedded server",
		"serve --creds f":               "--creds needs --nats or --context",
		"replay --user ann -":           "--user needs --nats or --context",
		"watch --creds f --nkey g":      "--creds and --nkey both say who connects",
		"watch --creds f --user ann":    "--user and --password do not go with",
		"watch --tlscert f":             "--tlscert and --tlskey belong together",
		"info here":                     `info takes no arguments, got "here"`,
		"info --wait 0s":                "--wait 0s: want more than 0",
		"watch a b":                     "watch takes one thread at the most, got 2",
		"replay --workers 0 -":          "--workers 0: want 1 or more",
		"replay --workers many -":       `invalid argument "many"`,
		"export a\tb":                   `thread "a\tb" has the control character`,
		"export --output":               "flag needs an argument",
		"import --workers 0":            "--workers 0: want 1 or more",
		"import --replace --merge":      "--replace and --merge both say",
		"replay --thread-prefix a\tb -": "--thread-prefix has the control character",
	} {
		got := cli(t, "", strings.Split(args, " ")...)
		if got.code != exitUsage || !strings.Contains(got.stderr, want) || !strings.Contains(got.stderr, "--help' for its flags") {
			t.Errorf("ckpt %s: code %d, said %q, want %d and %q", args, got.code, got.stderr, exitUsage, want)
		}
	}
}
