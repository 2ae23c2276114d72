package ckpt_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/service"
)

const protocolPage = "docs/protocol.md"

// kinds tells for the words of the page's type columns which msgpack values
// they mean in replies and events.
var kinds = map[string][]string{
	"ID": {"string"}, "message ID": {"string", "integer"}, "string": {"string"}, "boolean": {"bool"},
	"integer": {"integer"}, "binary": {"binary"}, "time": {"integer"}, "map": {"map"}, "array": {"array"}, "any": {"map"}, "number": {"float"},
}

// sameFields compares a table of fields with those that the record declares,
// their types with the example's.
func sameFields(t *testing.T, where string, rows table, example ckpt.Record, required string) {
	t.Helper()
	fields := ckpt.FieldsOf(example)
	if len(rows) != len(fields) {
		t.Errorf("%s: %d fields, want %d", where, len(rows), len(fields))
		return
	}
	b := ckpt.Raw(encode(t, example))
	for i, field := range fields {
		want := ""
		if field.Required {
			want = required
		}
		row := rows[i]
		if row[0] != "`"+field.Name+"`" || row[2] != want {
			t.Errorf("%s: row %q, want field %s, %q", where, row, field.Name, want)
		}
		if kind := b.Get(field.Name).Kind().String(); !slices.Contains(kinds[row[1]], kind) {
			t.Errorf("%s: %s is %s, and the page says %q", where, field.Name, kind, row[1])
		}
	}
}

func TestProtocolOperations(t *testing.T) {
	t.Parallel()
	operations := section(t, page(t, protocolPage), "## Operations")
	var headings []string
	for line := range strings.Lines(operations) {
		if name, ok := strings.CutPrefix(line, "### "); ok {
			headings = append(headings, strings.TrimSpace(name))
		}
	}
	var names []string
	for i, op := range ckpt.Operations() {
		names = append(names, op.Name)
		text := section(t, operations, "### "+op.Name)
		example := exchanges(t)[i]
		if len(ckpt.FieldsOf(example.request)) > 0 { // else there is no table
			sameFields(t, op.Name+" request", tableOf(t, text, "request"), example.request, "required")
		}
		sameFields(t, op.Name+" reply", tableOf(t, text, "reply"), example.reply, "always")
	}
	if !slices.Equal(headings, names) {
		t.Errorf("operations %q, want %q", headings, names)
	}
}

func TestProtocolRecords(t *testing.T) {
	t.Parallel()
	text := page(t, protocolPage)
	at := time.UnixMilli(1758400000123)
	limits := ckpt.LimitsFor(1 << 20)
	sameFields(t, "limits", tableOf(t, text, "limits"), &limits, "always")
	sameFields(t, "version", tableOf(t, text, "version"), &ckpt.StateVersion{UpdatedAt: at, Cleared: true, State: ckpt.Raw{0x80}}, "always")
	for _, example := range exchanges(t) {
		if q, ok := example.request.(*ckpt.ThreadsTransactRequest); ok {
			sameFields(t, "commit", tableOf(t, text, "commit"), &q.Commits[0], "required")
		}
		switch a := example.reply.(type) {
		case *ckpt.StatsReply:
			sameFields(t, "thread size", tableOf(t, text, "thread size"), &a.Largest[0], "always")
			sameFields(t, "user size", tableOf(t, text, "user size"), &a.Users[0], "always")
			sameFields(t, "operation figures", tableOf(t, text, "operation figures"), &a.Operations[0], "always")
		case *ckpt.ThreadsTransactReply:
			sameFields(t, "committed", tableOf(t, text, "committed"), &a.Commits[0], "always")
		case *ckpt.StateManyReply:
			sameFields(t, "thread state", tableOf(t, text, "thread state"), &a.States[0], "always")
		}
	}
	sameFields(t, "removed", tableOf(t, text, "removed"), &ckpt.Removed{}, "always")
	sameFields(t, "error", tableOf(t, text, "error"), &ckpt.Error{Size: 10, Limit: 8, Known: ckpt.Position{StoreID: "s", Revision: 1}, Lease: 35, Parts: &ckpt.Parts{}}, "always")
	sameFields(t, "parts", tableOf(t, text, "parts"), &ckpt.Parts{ID: "d"}, "required")
	sameFields(t, "announcement", tableOf(t, text, "announcement"), &ckpt.UploadRequest{}, "required")
	sameFields(t, "announced", tableOf(t, text, "announced"), &ckpt.UploadReply{Reply: ckpt.Reply{Known: 1}, ID: "u"}, "always")
	change := exampleChange()
	change.State, change.Cache = ckpt.Raw{0x80}, ckpt.Raw{0x80}
	sameFields(t, "change", tableOf(t, text, "change"), &change, "always")
	sameFields(t, "event", tableOf(t, text, "event"), &ckpt.Event{ThreadID: "t", Kind: "expired", At: at, UserID: "u",
		RequestID: "r", MessageIDs: []ckpt.MessageID{ckpt.IntID(2)}, Trimmed: 1, Size: 10}, "always")
	sameFields(t, "thread", tableOf(t, text, "thread"), &ckpt.ThreadInfo{ThreadID: "t", ThreadName: "n", UserID: "u", RunID: "r",
		Metadata: map[string]any{"k": 1}, CreatedAt: at, UpdatedAt: at, Bare: true,
		ExpiresAt: at, TTL: time.Hour, Sliding: true, Pinned: true, KeepMessages: 1, Origin: &ckpt.Origin{}, Messages: 1, Bytes: 1}, "required")
	sameFields(t, "origin", tableOf(t, text, "origin"), &ckpt.Origin{ThreadID: "t"}, "always")
}

// The figures of the limits are those of a bus of 1 MiB.
func TestProtocolLimits(t *testing.T) {
	t.Parallel()
	l := ckpt.LimitsFor(1 << 20)
	figures := map[string]int{
		"value":         l.Value,
		"page":          l.Payload - l.Page,
		"metadata":      l.Metadata,
		"batch":         l.Batch,
		"rows":          l.Rows,
		"threads":       l.Threads,
		"id":            l.ID,
		"depth":         l.Depth,
		"ttl_ms":        int(l.TTL),
		"filters":       l.Filters,
		"prune":         l.Prune,
		"lease_min_ms":  int(l.LeaseMin),
		"lease_max_ms":  int(l.LeaseMax),
		"top":           l.Top,
		"keep_messages": l.Keep,
		"history":       l.History,
	}
	for _, row := range tableOf(t, page(t, protocolPage), "limits") {
		name := code(row[0])[0]
		numbers := regexp.MustCompile(`\d[\d,]*\d`).FindAllString(row[3], -1)
		if figure, ok := figures[name]; ok && !slices.Contains(numbers, grouped(figure)) {
			t.Errorf("limit %s: the page says %q, want %s", name, row[3], grouped(figure))
		}
	}
}

// grouped returns n with commas, as the pages write it.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func TestProtocolMessage(t *testing.T) {
	t.Parallel()
	text := section(t, page(t, protocolPage), "## Message")
	of := map[string]ckpt.Record{
		"message": new(ckpt.Message), "usages": new(ckpt.TokenUsages), "media": new(ckpt.MediaRef),
		"annotation source": new(ckpt.AnnotationRef), "execution_meta": new(ckpt.ExecutionMeta),
	}
	rows := tableOf(t, text, "map")
	if len(rows) != len(of) {
		t.Errorf("%d maps, want %d", len(rows), len(of))
	}
	blocks := tableOf(t, text, "block")
	for _, test := range everyBlock() {
		of[test.block.BlockType()] = test.block
	}
	if len(rows)+len(blocks) != len(of) {
		t.Errorf("%d maps and blocks, want %d", len(rows)+len(blocks), len(of))
	}
	for _, row := range append(rows, blocks...) {
		record := of[row[0]]
		if record == nil {
			t.Errorf("nothing is called %s", row[0])
			continue
		}
		var want []string
		for _, field := range ckpt.FieldsOf(record) {
			if !field.Required {
				field.Name += "?"
			}
			want = append(want, field.Name)
		}
		if got := code(row[1]); !slices.Equal(got, want) {
			t.Errorf("%s: fields %q, want %q", row[0], got, want)
		}
	}
}

func TestProtocolCodes(t *testing.T) {
	t.Parallel()
	rows := tableOf(t, page(t, protocolPage), "code")
	if len(rows) != len(ckpt.Codes()) {
		t.Fatalf("%d codes, want %d", len(rows), len(ckpt.Codes()))
	}
	for i, code := range ckpt.Codes() {
		if rows[i][0] != strconv.Itoa(int(code)) || rows[i][1] != code.String() {
			t.Errorf("%q, want %d %s", rows[i], code, code)
		}
	}
}

func TestProtocolTokens(t *testing.T) {
	t.Parallel()
	for _, row := range tableOf(t, page(t, protocolPage), "thread ID") {
		if id, token := code(row[0])[0], code(row[1])[0]; ckpt.EncodeToken(id) != token {
			t.Errorf("%q is %q, and the page says %q", id, ckpt.EncodeToken(id), token)
		}
	}
}

// The exchange in hex is that of the golden files.
func TestProtocolExchange(t *testing.T) {
	t.Parallel()
	n := 0
	for _, block := range fences(page(t, protocolPage)) {
		form, name, ok := strings.Cut(block.info, " ")
		if !ok {
			continue
		}
		n++
		want := ""
		for line := range strings.Lines(page(t, filepath.Join("testdata", "golden", name+".hex"))) {
			comment, isComment := strings.CutPrefix(line, "# ")
			if form == "hex" && !isComment {
				want += line
			}
			if form == "json" && strings.HasPrefix(comment, "{") {
				want += comment
			}
		}
		if block.body != want {
			t.Errorf("%s of %s:\n%swant\n%s", form, name, block.body, want)
		}
	}
	if n != 6 {
		t.Errorf("%d blocks, want 6", n)
	}
}

// A service and a worker work under the permissions of the page, and what
// those are to prevent is refused. Not parallel: it sets the environment.
func TestProtocolPermissions(t *testing.T) {
	for user := range strings.FieldsSeq("service worker") {
		t.Setenv(strings.ToUpper(user)+"_PASSWORD", user+"-secret")
	}
	config := filepath.Join(t.TempDir(), "nats.conf")
	blocks := fences(section(t, page(t, protocolPage), "## Permissions"))
	if err := os.WriteFile(config, []byte(blocks[0].body), 0o600); err != nil {
		t.Fatal(err)
	}
	opts, err := server.ProcessConfigFile(config)
	if err != nil {
		t.Fatal(err)
	}
	opts.Port, opts.NoLog, opts.NoSigs = server.RANDOM_PORT, true, true
	ns, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	defer func() { ns.Shutdown(); ns.WaitForShutdown() }()
	if !ns.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	connect := func(user string) *nats.Conn {
		nc, err := nats.Connect(ns.ClientURL(), nats.UserInfo(user, user+"-secret"), nats.CustomInboxPrefix("_INBOX."+user),
			nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // which would print it
		if err != nil {
			t.Fatal(err)
		}
		return nc
	}
	serving, working := connect("service"), connect("worker")
	defer serving.Close()
	defer working.Close()
	svc, err := service.Start(serving, service.WithLogger(slog.New(slog.DiscardHandler)), service.AllowRelease())
	if err != nil {
		t.Fatal(err)
	}
	defer svc.Stop(context.WithoutCancel(t.Context()))
	c, err := client.New[string](working)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	useStore(ctx, t, c)
	for _, nc := range []*nats.Conn{serving, working} {
		if err := nc.LastError(); err != nil {
			t.Errorf("%s: %v", nc.Opts.User, err)
		}
	}
	for what, try := range map[string]func(nc *nats.Conn) error{
		"release the store": func(nc *nats.Conn) error { return nc.Publish("ckpt.release", nil) },
		"make up events":    func(nc *nats.Conn) error { return nc.Publish("ckpt.events.t", nil) },
		"answer requests":   func(nc *nats.Conn) error { _, err := nc.SubscribeSync("ckpt.state.put"); return err },
		"see other replies": func(nc *nats.Conn) error { _, err := nc.SubscribeSync("_INBOX.service.>"); return err },
	} {
		nc := connect("worker") // of its own, for an error of its own
		defer nc.Close()
		if err := errors.Join(try(nc), nc.Flush()); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if err := nc.LastError(); !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("a worker may %s: %v", what, err)
		}
	}
}

// useStore uses each family of operations and watches.
func useStore(ctx context.Context, t *testing.T, c *client.Client[string]) {
	t.Helper()
	events := c.Watch(ctx)
	_, err := c.Setup(ctx)
	_, err2 := c.PutState(ctx, "t", "state")
	_, err3 := c.GetStateCache(ctx, "t")
	_, err4 := c.PutMessages(ctx, "t", []ckpt.Message{ckpt.TextMessage(ckpt.RoleUser, "Hi")})
	_, err5 := c.ListThreads(ctx)
	_, err6 := c.Info(ctx)
	large := strings.Repeat("large ", 400_000)
	_, err7 := c.PutState(ctx, "large", large)
	got, err8 := c.GetState(ctx, "large")
	if err8 == nil && got.Value != large {
		t.Errorf("a state of %d bytes came back with %d", len(large), len(got.Value))
	}
	if err := errors.Join(err, err2, err4, err5, err6, err7, err8); err != nil || !errors.Is(err3, ckpt.ErrNotFound) {
		t.Fatal(err, err3)
	}
	for e, err := range events {
		if err != nil || e.Kind != ckpt.StatePut.Name {
			t.Errorf("watch: %+v, %v", e, err)
		}
		break
	}
}
