package ckpt_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A promise is worth what its test is: each test that a page names is there.
func TestNamedTests(t *testing.T) {
	t.Parallel()
	there := make(map[string]bool)
	declared := regexp.MustCompile(`(?m)^func (\w+)\(`)
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(b, -1) {
			there[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((?:Test|test|Fuzz|Benchmark)[A-Z]\\w*)`")
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	adrs, err := filepath.Glob("docs/adr/*.md")
	if err != nil {
		t.Fatal(err)
	}
	names := 0
	for _, path := range append(pages, adrs...) {
		for _, m := range named.FindAllStringSubmatch(page(t, path), -1) {
			if names++; !there[m[1]] {
				t.Errorf("%s names %s, and there is no such test", path, m[1])
			}
		}
	}
	if names < 50 {
		t.Errorf("the pages name %d tests", names)
	}
}
