package replay

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ckptbus/ckpt"
)

const samples = "../../../../testdata/conversations"

func readSample(t *testing.T, name string) []Conversation {
	t.Helper()
	f, err := os.Open(filepath.Join(samples, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	list, err := Read(name, f)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestReadSamples(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]int{
		"support.json": {18, 9, 5, 11, 6},
		"garden.jsonl": {9, 2, 4},
	} {
		var got []int
		for i, c := range readSample(t, name) {
			got = append(got, len(c.Messages))
			if c.Source != name || c.Number != i+1 {
				t.Errorf("conversation %d of %s calls itself %d of %s", i+1, name, c.Number, c.Source)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: conversations of %v messages, want %v", name, got, want)
		}
	}
}

const (
	hello = `{"role":"user","content":"hello"}`
	bye   = `{"role":"assistant","content":"bye"}`
)

func TestReadLayouts(t *testing.T) {
	t.Parallel()
	both := "[" + hello + ",\n" + bye + "]"
	for name, test := range map[string]struct {
		in   string
		want []int // messages of each conversation
	}{
		"array of traj":             {`[{"traj":` + both + `},{"traj":[` + hello + `]}]`, []int{2, 1}},
		"array of messages objects": {`[{"messages":` + both + `}]`, []int{2}},
		"one object":                {`{"messages":` + both + `}`, []int{2}},
		"JSONL":                     {`{"messages":` + both + "}\n" + `{"traj":[` + bye + "]}\n\n", []int{2, 1}},
		"JSONL of arrays":           {both + "\n" + both + "\n" + both, []int{2, 2, 2}},
		"array of arrays":           {"[" + both + "," + both + "]", []int{2, 2}},
		"array of chat messages":    {both, []int{2}},
		"JSONL of chat messages":    {hello + "\n" + bye + "\n" + hello, []int{3}},
		"byte order mark":           {"\ufeff" + both, []int{2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, err := Read(name, strings.NewReader(test.in))
			if err != nil {
				t.Fatal(err)
			}
			var got []int
			for _, c := range list {
				got = append(got, len(c.Messages))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("conversations of %v messages, want %v", got, test.want)
			}
		})
	}
}

func TestReadErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ in, want string }{
		"nothing":         {" \n", "in: no conversation in it"},
		"empty array":     {"[]", "in: no conversation in it"},
		"bad syntax":      {"[\n" + hello + ",\n{nope}]", "in: line 3: invalid character 'n'"},
		"cut off":         {"[\n" + hello + ",\n", "in: line 3: unexpected EOF"},
		"trailing":        {"[" + hello + "]\n]", "in: line 2: invalid character ']'"},
		"UTF-8":           {hello + "\n\"\xff\"", "in: line 2: not valid UTF-8"},
		"no object":       {"[\n{\"traj\":[" + hello + "]},\n7]", "in: conversation 2 (line 3): is 7, want an object or an array"},
		"no list":         {`{"other":1}`, "in: conversation 1 (line 1): has neither traj nor messages"},
		"two lists":       {`{"traj":[],"messages":[]}`, "in: conversation 1 (line 1): has both traj and messages"},
		"list of a type":  {`{"traj":"x"}`, `in: conversation 1 (line 1): traj is "x", want an array`},
		"no message":      {`{"traj":[]}`, "in: conversation 1 (line 1): has no messages"},
		"message":         {`{"traj":[` + hello + `,"x"]}`, `in: conversation 1 (line 1): message 2: is a string, want an object`},
		"role":            {`{"traj":[{"content":"x"}]}`, "message 1: has no role"},
		"tool call ID":    {`{"traj":[{"role":"tool","content":"x"}]}`, "message 1: has the role tool and no tool_call_id"},
		"content":         {`{"traj":[{"role":"user","content":7}]}`, "message 1: content is a number, want a string, null or an array"},
		"part":            {`{"traj":[{"role":"user","content":[7]}]}`, "message 1: content part 1: is a number, want an object"},
		"tool calls":      {`{"traj":[{"role":"user","tool_calls":7}]}`, "message 1: tool_calls is a number, want an array"},
		"tool call":       {`{"traj":[{"role":"user","tool_calls":[7]}]}`, "message 1: tool call 1 is a number, want an object"},
		"number":          {`{"traj":[{"role":"user","n":1e999}]}`, "message 1: the number 1e999 is out of range"},
		"user":            {`{"user_id":"a\u0007","traj":[` + hello + `]}`, "user_id has the control character"},
		"message in list": {"[[" + hello + "]," + hello + "]", "in: conversation 2 (line 1): has neither traj nor messages"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Read("in", strings.NewReader(test.in))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// The blocks of messages, one of each shape that the chat format has.
func TestParseMessage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		in   string
		want string // as JSON, without raw
	}{
		"text":         {hello, `{"role":"user","content":[{"type":"text","text":"hello"}]}`},
		"null":         {`{"role":"assistant","content":null}`, `{"role":"assistant","content":[]}`},
		"absent":       {`{"role":"developer"}`, `{"role":"developer","content":[]}`},
		"empty string": {`{"role":"user","content":""}`, `{"role":"user","content":[{"type":"text","text":""}]}`},
		"reasoning":    {`{"role":"assistant","reasoning_content":"so"}`, `{"role":"assistant","content":[],"reasoning":"so"}`},
		"tool": {`{"role":"tool","tool_call_id":"c","name":"f","content":"out"}`,
			`{"role":"tool","content":[{"type":"tool_result","call_id":"c","output":"out"}]}`},
		"call": {`{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"n\":18446744073709551615,\"x\":1.5}"}}]}`,
			`{"role":"assistant","content":[{"type":"tool_call","id":"c","name":"f","args":{"n":18446744073709551615,"x":1.5}}],` +
				`"tools_calls":[{"function":{"arguments":"{\"n\":18446744073709551615,\"x\":1.5}","name":"f"},"id":"c","type":"function"}]}`},
		"call with text": {`{"role":"assistant","content":"let me see","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{nope"}}]}`,
			`{"role":"assistant","content":[{"type":"text","text":"let me see"},{"type":"tool_call","id":"c","name":"f"}],` +
				`"tools_calls":[{"function":{"arguments":"{nope","name":"f"},"id":"c"}]}`},
		"parts": {`{"role":"user","content":[{"type":"text","text":"see"},{"type":"image_url","image_url":{"url":"https://example.com/a.png"}},{"type":"video","n":1}]}`,
			`{"role":"user","content":[{"type":"text","text":"see"},{"type":"image","media":{"url":"https://example.com/a.png"}},{"n":1,"type":"video"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := parseMessage([]byte(test.in))
			if err != nil {
				t.Fatal(err)
			}
			original, err := decodeAny([]byte(test.in))
			if err != nil {
				t.Fatal(err)
			}
			if !sameBytes(t, &m, &ckpt.Message{Raw: original.(map[string]any), Role: m.Role, Content: m.Content, ToolsCalls: m.ToolsCalls, Reasoning: m.Reasoning}) {
				t.Errorf("raw is %v, want %v", m.Raw, original)
			}
			m.Raw = nil
			got, err := m.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func sameBytes(t *testing.T, a, b ckpt.Record) bool {
	t.Helper()
	x, err := ckpt.Append(nil, a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := ckpt.Append(nil, b)
	if err != nil {
		t.Fatal(err)
	}
	return string(x) == string(y)
}

func TestSteps(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":         "",
		"a":        "a",
		"sua":      "sua",
		"suatauau": "sua ta ua u",
		"uu":       "uu",
		"aau":      "a a u",
	} {
		messages := make([]ckpt.Message, len(in))
		for i, c := range in {
			messages[i].Role = ckpt.Role(map[rune]ckpt.Role{'s': "system", 'u': "user", 'a': "assistant", 't': "tool"}[c])
		}
		var got []string
		for step := range steps(messages) {
			var s strings.Builder
			for _, m := range step {
				s.WriteByte(m.Role[0])
			}
			got = append(got, s.String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q in steps is %q, want %q", in, got, want)
		}
	}
}
