package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ckptbus/ckpt"
)

const (
	head    = `{"ckpt_export":1,"version":"0.1.0","store_id":"s","prefix":"ckpt","exported_at":"2026-01-01T00:00:00Z","threads":1}` + "\n"
	begin   = `{"kind":"thread","thread":"t","value":"gal0aHJlYWRfaWShdA=="}` + "\n"
	state   = `{"kind":"state","thread":"t","value":"wA=="}` + "\n"
	cache   = `{"kind":"cache","thread":"t","expires_at":1,"value":"wA=="}` + "\n"
	hello   = `{"kind":"message","thread":"t","value":"gaptZXNzYWdlX2lkBw=="}` + "\n"
	details = `{"kind":"metadata","thread":"t","value":"gA=="}` + "\n"
)

// closed returns the lines with the footer that counts so many threads,
// states, caches, messages, metadata and bytes.
func closed(lines string, c Counts) string {
	sum := sha256.Sum256([]byte(lines))
	return lines + fmt.Sprintf(`{"kind":"end","threads":%d,"states":%d,"caches":%d,"messages":%d,"metadata":%d,"bytes":%d,"sha256":"%s"}`+"\n",
		c.Threads, c.States, c.Caches, c.Messages, c.Metadata, c.Bytes, hex.EncodeToString(sum[:]))
}

var limits = ckpt.LimitsFor(1 << 20)

func TestCheck(t *testing.T) {
	t.Parallel()
	want := Counts{1, 1, 1, 2, 1, 42}
	f, err := Check(t.Context(), "in", strings.NewReader(closed(head+begin+state+cache+hello+hello+details, want)), limits)
	if err != nil || f.Counts != want || f.Header.StoreID != "s" {
		t.Fatalf("%+v, %v", f, err)
	}
}

// Every way in which a file is not whole is told, with its line.
func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	good := closed(head+begin+state+hello, Counts{1, 1, 0, 1, 0, 27})
	if _, err := Check(t.Context(), "in", strings.NewReader(good), limits); err != nil {
		t.Fatal(err)
	}
	one := func(line string) string { return head + begin + line + "\n" }
	for name, test := range map[string]struct{ in, want string }{
		"empty":            {"", "in: line 1: the file is empty"},
		"no export":        {`{"traj":[]}` + "\n", "in: line 1: not an export of ckpt"},
		"no JSON":          {"PK\x03\x04\n", "in: line 1: not an export of ckpt"},
		"later format":     {strings.Replace(good, `export":1`, `export":2`, 1), "in: line 1: an export of format 2, this program reads 1"},
		"header":           {strings.Replace(good, `prefix`, `praefix`, 1), `in: line 1: json: unknown field "praefix"`},
		"header alone":     {head, "in: line 1: the file ends without its footer"},
		"cut off":          {good[:len(head)+len(begin)+len(state)], "in: line 3: the file ends without its footer"},
		"cut in a line":    {good[:len(head)+len(begin)+9], "in: line 3: the file ends without its footer"},
		"cut in the end":   {good[:len(good)-1], "in: line 5: the file ends without its footer"},
		"altered value":    {strings.Replace(good, `"wA=="`, `"ww=="`, 1), "in: line 5: the checksum of the lines is "},
		"altered counts":   {strings.Replace(good, `"messages":1`, `"messages":2`, 1), "in: line 5: the file holds "},
		"line is missing":  {strings.Replace(good, state, "", 1), "in: line 4: the checksum of the lines is "},
		"other line ends":  {strings.ReplaceAll(good, "\n", "\r\n"), "in: line 5: the checksum of the lines is "},
		"two files":        {good + good, "in: line 6: lines follow behind the footer"},
		"UTF-8":            {one(strings.TrimSuffix(strings.Replace(state, `"t"`, "\"\xff\"", 1), "\n")), "in: line 3: not valid UTF-8"},
		"empty line":       {one(""), "in: line 3: EOF"},
		"two values":       {one("{} {}"), "in: line 3: more than one JSON value"},
		"unknown field":    {one(`{"kind":"state","thread":"t","value":"wA==","if":1}`), `in: line 3: json: unknown field "if"`},
		"unknown kind":     {one(`{"kind":"vow","thread":"t","value":"wA=="}`), `in: line 3: is of the kind "vow"`},
		"thread ID":        {one(`{"kind":"state","thread":"","value":"wA=="}`), "in: line 3: the thread ID is empty"},
		"no value":         {one(`{"kind":"state","thread":"t"}`), "in: line 3: the value of the state: "},
		"base64":           {one(`{"kind":"state","thread":"t","value":"w"}`), "in: line 3: illegal base64"},
		"msgpack":          {one(`{"kind":"state","thread":"t","value":"wMA="}`), "in: line 3: the value of the state: "},
		"message":          {one(`{"kind":"message","thread":"t","value":"wA=="}`), "in: line 3: the value of the message is nil, want map"},
		"no message ID":    {one(`{"kind":"message","thread":"t","value":"gA=="}`), "in: line 3: the message_id is missing"},
		"state expires":    {one(`{"kind":"state","thread":"t","expires_at":7,"value":"wA=="}`), "in: line 3: a state with expires_at 7"},
		"before thread":    {head + state, `in: line 2: a state of the thread "t", which did not begin before it`},
		"other thread":     {head + begin + strings.Replace(state, `"t"`, `"u"`, 1), `in: line 3: a state of the thread "u", which`},
		"other record":     {head + strings.Replace(begin, `"t"`, `"u"`, 1), `in: line 2: the record is of the thread "t", not of "u"`},
		"two states":       {head + begin + state + state, "in: line 4: a state behind a state"},
		"order":            {head + begin + hello + state, "in: line 4: a state behind a message"},
		"thread twice":     {head + begin + begin, `in: line 3: the thread "t" is there twice`},
		"footer too large": {closed(head, Counts{}) + "x", "in: line 3: lines follow behind the footer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Check(t.Context(), "in", strings.NewReader(test.in), limits)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// What the store would refuse is refused while nothing is written.
func TestCheckLimits(t *testing.T) {
	t.Parallel()
	good := closed(head+begin+state+hello, Counts{1, 1, 0, 1, 0, 27})
	small := limits
	small.Value = 12
	if _, err := Check(t.Context(), "in", strings.NewReader(good), small); !errors.Is(err, ckpt.ErrTooLarge) || !strings.Contains(err.Error(), "line 4: ") {
		t.Errorf("%v", err)
	}
}

func TestCheckEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Check(ctx, "in", strings.NewReader(head), limits); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// No bytes make the parser panic, and a line that it takes is one that it
// would write.
func FuzzParseLine(f *testing.F) {
	for _, line := range []string{head, begin, state, cache, hello, details, `{"kind":"end"}`, "{", ""} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		_, _ = parseHeader(line)
		l, err := parseLine(line)
		if err != nil {
			return
		}
		c := checker{file: &File{}, lines: &lines{}, limits: limits, seen: map[string]bool{}}
		_ = c.line(line, 0)
		again, err := parseLine(marshal(t, l))
		if err != nil || string(marshal(t, again)) != string(marshal(t, l)) {
			t.Errorf("%q became %+v, %v", line, again, err)
		}
	})
}

func marshal(t *testing.T, l Line) []byte {
	t.Helper()
	b, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
