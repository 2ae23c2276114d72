package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestDemo(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"built in": {"--rounds", "1"},
		"files":    {"--rounds", "1", "--workers", "8", samples + "support.json", samples + "garden.jsonl"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := cli(t, "", append([]string{"demo"}, args...)...)
			if got.code != exitOK || got.stderr != "" || !strings.Contains(got.stdout, "\nOK: nothing was lost: ") ||
				strings.Count(got.stdout, "A worker died in the midst of a conversation") != 1 ||
				strings.Count(got.stdout, "was restarted") != 3 || strings.Count(got.stdout, ", alone, returns all") != 3 {
				t.Errorf("%+v", got)
			}
			if rows := regexp.MustCompile(`(?m)^ +[123] +\d+ +[1-9]\d* *$`).FindAllString(got.stdout, -1); len(rows) != 3 {
				t.Errorf("not every replica served: %s", got.stdout)
			}
		})
	}
}

func TestDemoData(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	if got := cli(t, "", "demo", "--rounds", "1", "--data", dir); got.code != exitOK {
		t.Fatalf("%+v", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "jetstream")); err != nil {
		t.Error(err)
	}
}

// A demo that is interrupted stops all that it started.
func TestDemoInterrupted(t *testing.T) {
	t.Parallel()
	s := start(t, "demo", "--rounds", "100000")
	s.stdout.line(t, "was restarted")
	if got := s.stop(); got.code != exitFailed || !strings.Contains(got.stderr, "interrupted") {
		t.Errorf("%+v", got)
	}
}
