package ckpt_test

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every line of trouble that the service logs is explained, and no other.
func TestOperationsLogLines(t *testing.T) {
	t.Parallel()
	type line struct{ text, level string }
	explained := make(map[line]bool)
	for _, row := range tableOf(t, page(t, "docs/operations.md"), "line") {
		explained[line{code(row[0])[0], row[1]}] = true
	}
	logged := make(map[line]bool)
	call := regexp.MustCompile(`log\.(Warn|Error)\("([^"]+)"`)
	err := filepath.WalkDir("service", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		for _, m := range call.FindAllStringSubmatch(page(t, path), -1) {
			logged[line{m[2], strings.ToLower(m[1])}] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for l := range logged {
		if !explained[l] {
			t.Errorf("docs/operations.md does not explain %q, which is logged as %s", l.text, l.level)
		}
	}
	for l := range explained {
		if !logged[l] {
			t.Errorf("docs/operations.md explains %q, which is not logged as %s", l.text, l.level)
		}
	}
}
