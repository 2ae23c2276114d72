package ckpt_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
)

// The pages are part of the program: these tests hold them against the code.
// Those of docs/protocol.md are in docs_protocol_test.go.

// page returns a file of the checkout.
func page(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "\r\n", "\n")
}

// section returns what stands under a heading such as "## Events", up to the
// next heading that is as high.
func section(t *testing.T, text, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut("\n"+text, "\n"+heading+"\n")
	if !found {
		t.Fatalf("there is no heading %q", heading)
	}
	level, _, _ := strings.Cut(heading, " ")
	for n := len(level); n > 0; n-- {
		rest, _, _ = strings.Cut(rest, "\n"+strings.Repeat("#", n)+" ")
	}
	return rest
}

// table is one table of a page: the cells of its rows, without those of dashes.
type table [][]string

// tables returns the tables of a text in order.
func tables(text string) (list []table) {
	var rows table
	for line := range strings.Lines(text + "\n\n") {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			if rows != nil {
				list, rows = append(list, rows), nil
			}
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if strings.Trim(cells[0], "-") != "" || cells[0] == "" {
			rows = append(rows, cells)
		}
	}
	return list
}

// tableOf returns the table whose first cell is the name.
func tableOf(t *testing.T, text, name string) table {
	t.Helper()
	for _, rows := range tables(text) {
		if rows[0][0] == name {
			return rows[1:]
		}
	}
	t.Fatalf("there is no table of %q", name)
	return nil
}

// fence is one fenced block of a page.
type fence struct{ info, body string }

func fences(text string) (list []fence) {
	for _, m := range regexp.MustCompile("(?ms)^```([^\n]*)\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		list = append(list, fence{m[1], m[2]})
	}
	return list
}

// code returns what a cell has in backticks.
func code(cell string) (list []string) {
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
		list = append(list, m[1])
	}
	return list
}

func TestReadmeOperations(t *testing.T) {
	t.Parallel()
	rows := tableOf(t, page(t, "README.md"), "operation")
	protocol := tableOf(t, page(t, "docs/protocol.md"), "operation")
	operations := ckpt.Operations()
	if len(rows) != len(operations) || len(protocol) != len(operations) {
		t.Fatalf("%d and %d rows, want %d", len(rows), len(protocol), len(operations))
	}
	of := reflect.TypeFor[*client.Client[ckpt.Raw]]()
	for i, op := range operations {
		if name := code(rows[i][0]); !slices.Equal(name, []string{op.Name}) {
			t.Errorf("README.md: row %d is %q, want %q", i, name, op.Name)
		}
		writes := map[bool]string{true: "yes", false: "no"}[op.Writes]
		if got := protocol[i]; got[0] != "`"+op.Name+"`" || got[1] != writes {
			t.Errorf("docs/protocol.md: row %d is %q, want %s, %s", i, got, op.Name, writes)
		}
		for _, method := range code(rows[i][1]) {
			for _, name := range []string{method, method + "Async"} {
				if _, ok := of.MethodByName(name); !ok {
					t.Errorf("README.md: %s: the client has no method %s", op.Name, name)
				}
			}
		}
	}
}

func TestReadmeExample(t *testing.T) {
	t.Parallel()
	source := page(t, "example_test.go")
	for _, block := range fences(page(t, "README.md")) {
		if block.info == "go" {
			if !strings.Contains(source, "\n"+block.body) {
				t.Errorf("README.md has an example that is not in example_test.go:\n%s", block.body)
			}
			return
		}
	}
	t.Error("README.md has no example")
}

// The commands of README.md, of docker-compose.yml and of the program's own
// hints are understood, and the first is run.
func TestCommands(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "ckpt")
	command(t, "go", "build", "-o", program, "./cmd/ckpt")
	const run, test = "go run ./cmd/ckpt replay testdata/conversations/support.json", "go test ./..."
	var seen []string
	for _, block := range fences(page(t, "README.md")) {
		if block.info != "sh" {
			continue
		}
		line := strings.TrimSpace(block.body)
		seen = append(seen, line)
		if args, ours := strings.CutPrefix(line, "go run ./cmd/ckpt "); ours {
			command(t, program, append(strings.Fields(args), "--help")...)
		} else if line != test {
			t.Errorf("README.md: nobody has tried %q", line)
		}
	}
	if len(seen) < 2 || seen[0] != run || seen[1] != test {
		t.Errorf("README.md begins with the commands %q, want %q and %q", seen, run, test)
	}
	if out := command(t, "sh", "-c", run); !strings.Contains(out, "\nOK: ") {
		t.Errorf("%s printed\n%s", run, out)
	}

	for _, args := range composeCommands(t) {
		if strings.HasPrefix(args[0], "-") {
			continue
		}
		command(t, program, append(args, "--help")...)
		for _, arg := range args {
			if file, ok := strings.CutPrefix(arg, "/conversations/"); ok {
				page(t, filepath.Join("testdata", "conversations", file))
			}
		}
	}
}

// command runs a program in the checkout and returns what it printed.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "NATS_") { // the pages assume that it is not set
			cmd.Env = append(cmd.Env, v)
		}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// What the pages link to, and the files and tests that they name, exist. Code
// in them is not looked at.
func TestLinks(t *testing.T) {
	t.Parallel()
	tests := testNames(t)
	for _, path := range pages(t) {
		text := page(t, path)
		for _, block := range fences(text) {
			text = strings.Replace(text, block.body, "", 1)
		}
		for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file, anchor, _ := strings.Cut(m[1], "#")
			target := filepath.Join(filepath.Dir(path), filepath.FromSlash(file))
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", path, m[1], err)
			} else if anchor != "" && !strings.Contains(strings.ToLower(page(t, target)), "# "+strings.ReplaceAll(anchor, "-", " ")+"\n") {
				t.Errorf("%s links to %s, which has no such heading", path, m[1])
			}
		}
		for _, name := range code(text) {
			switch {
			case regexp.MustCompile(`^([Tt]est|Fuzz|Example)[A-Z]\w+$`).MatchString(name):
				if !tests[name] {
					t.Errorf("%s names the test %s, which does not exist", path, name)
				}
			case regexp.MustCompile(`^[\w/-]+\.go$`).MatchString(name):
				if !exists(name) && !exists(filepath.Join("service/internal/store", name)) {
					t.Errorf("%s names the file %s, which does not exist", path, name)
				}
			}
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// pages returns the paths of all pages.
func pages(t *testing.T) (list []string) {
	t.Helper()
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %d pages, %v", pattern, len(paths), err)
		}
		list = append(list, paths...)
	}
	return list
}

// testNames returns the names of all tests, examples and fuzz targets.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "_test.go") {
			for _, m := range regexp.MustCompile(`(?m)^func ((?:[Tt]est|Fuzz|Example)\w*)\(`).FindAllStringSubmatch(page(t, path), -1) {
				names[m[1]] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// The reading order of doc.go names files that exist, and all of the root's.
func TestReadingOrder(t *testing.T) {
	t.Parallel()
	text := page(t, "doc.go")
	named := regexp.MustCompile(`[\w/]+\.go\b`).FindAllString(text, -1)
	for _, path := range named {
		if !exists(path) {
			t.Errorf("doc.go names %s, which does not exist", path)
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if path != "doc.go" && !strings.HasSuffix(path, "_test.go") && !slices.Contains(named, path) {
			t.Errorf("doc.go does not name %s", path)
		}
	}
}
