package ckpt_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/ckptbus/ckpt"

// The picture of docs/architecture.md is the code's: every package is in it,
// and imports nothing that it may not.
func TestArchitectureImports(t *testing.T) {
	t.Parallel()
	may := make(map[string][]string) // by package, what it may import
	for _, rows := range tables(page(t, "docs/architecture.md")) {
		if rows[0][1] != "may import of this module" {
			continue
		}
		for _, row := range rows[1:] {
			pkg := full(code(row[0])[0])
			may[pkg] = nil
			for _, name := range code(row[1]) {
				may[pkg] = append(may[pkg], full(name))
			}
			for _, name := range code(row[2]) {
				may[pkg] = append(may[pkg], name+"/...")
			}
		}
	}
	seen := make(map[string]bool)
	for line := range strings.Lines(command(t, "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")) {
		fields := strings.Fields(line)
		pkg := fields[0]
		seen[pkg] = true
		allowed, ok := may[pkg]
		if !ok {
			t.Errorf("docs/architecture.md: package %s has no row of imports", pkg)
			continue
		}
		for _, path := range fields[1:] {
			first, _, _ := strings.Cut(path, "/")
			if strings.Contains(first, ".") && !slices.ContainsFunc(allowed, func(a string) bool { return within(path, a) }) {
				t.Errorf("%s imports %s, which docs/architecture.md does not allow", pkg, path)
			}
		}
	}
	for pkg := range may {
		if !seen[pkg] {
			t.Errorf("docs/architecture.md: there is no package %s", pkg)
		}
	}
}

// full returns the import path of a package of this module.
func full(name string) string {
	if name == "." {
		return module
	}
	return module + "/" + name
}

// within reports whether the import path is a, or, where a ends in "/...", of
// that module.
func within(path, a string) bool {
	root, all := strings.CutSuffix(a, "/...")
	return path == root || all && strings.HasPrefix(path, root+"/")
}

// The rows that matter most are told by the test too, so that no edit of the
// page alone can undo them.
func TestContractKnowsNoService(t *testing.T) {
	t.Parallel()
	for pkg, never := range map[string][]string{
		".":                           {"/service", "/client", "nats-io"},
		"./client":                    {"/service", "nats-server"},
		"./service/...":               {"/client", "/internal/bus"},
		"./internal/wire":             {"nats-io", module + "/service", module + "/client"},
		"./cmd/ckpt/internal/...":     {"/service"},
		"./service/internal/store":    {"nats-io", "math/rand", "crypto/rand", "journal"},
		"./service/internal/messages": {"nats-io", "/store", "/journal"},
	} {
		deps := command(t, "go", "list", "-f", `{{join .Imports "\n"}}`, pkg)
		for path := range strings.Lines(deps) {
			for _, part := range never {
				if strings.Contains(path, part) {
					t.Errorf("%s imports %s", pkg, strings.TrimSpace(path))
				}
			}
		}
	}
}

func TestDependencies(t *testing.T) {
	t.Parallel()
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	direct := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(string(mod), -1) {
		direct[m[1]] = true
	}
	listed := make(map[string]bool)
	for _, row := range tableOf(t, page(t, "docs/dependencies.md"), "module") {
		name := code(row[0])[0]
		if listed[name] = true; !direct[name] {
			t.Errorf("docs/dependencies.md: %s is no direct dependency", name)
		}
		if row[2] == "" {
			t.Errorf("docs/dependencies.md: no reason for %s", name)
		}
	}
	for name := range direct {
		if !listed[name] {
			t.Errorf("docs/dependencies.md: %s is missing", name)
		}
	}
}
