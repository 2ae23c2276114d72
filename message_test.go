package ckpt_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/ckptbus/ckpt"
)

// fullMessage has every field set.
func fullMessage() ckpt.Message {
	m := ckpt.Message{
		MessageID:  ckpt.IntID(7),
		Role:       ckpt.RoleAssistant,
		Delta:      true,
		ToolsCalls: []map[string]any{{"id": "call-1", "type": "function"}},
		Reasoning:  "because",
		Timestamp:  1758400000.25,
		Metadata:   map[string]any{"lang": "en", "score": 0.5, "tags": []any{"a", int64(1), nil}},
		Usages: &ckpt.TokenUsages{CompletionTokens: 1, PromptTokens: 2, TotalTokens: 3, ReasoningTokens: 4,
			CacheCreationInputTokens: 5, CacheReadInputTokens: 6, ImageTokens: 7, AudioTokens: 8},
		Raw: map[string]any{"model": "m"},
	}
	for _, test := range everyBlock() {
		m.Content = append(m.Content, test.block)
	}
	return m
}

func TestMessageRoundTrip(t *testing.T) {
	t.Parallel()
	in := fullMessage()
	b := encode(t, &in)
	for _, field := range ckpt.FieldsOf(&in) {
		if ckpt.Raw(b).Get(field.Name) == nil {
			t.Errorf("field %s is not set: the test is not complete", field.Name)
		}
	}
	if !bytes.HasPrefix(b[1:], []byte("\xaamessage_id\x07")) {
		t.Errorf("the message ID is not the first field: %x", b[:20])
	}
	var out ckpt.Message
	if err := ckpt.Decode(b, &out); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(in, out) {
		t.Errorf("got  %+v\nwant %+v", out, in)
	}
	if again := encode(t, &out); !bytes.Equal(b, again) {
		t.Errorf("got  %x\nwant %x", again, b)
	}
}

func TestUnknownFieldsOfMessages(t *testing.T) {
	t.Parallel()
	in := ckpt.TextMessage("critic", "Hello") // a role of nobody's but the writer's
	in.MessageID = ckpt.StringID("m-1")
	in.Usages = &ckpt.TokenUsages{TotalTokens: 3}
	usages := encode(t, in.Usages)
	b := withLater(bytes.Replace(encode(t, &in), usages, withLater(usages), 1))
	var out ckpt.Message
	if err := ckpt.Decode(b, &out); err != nil {
		t.Fatal(err)
	}
	if again := encode(t, &out); !bytes.Equal(again, b) {
		t.Errorf("got  %x\nwant %x", again, b)
	}
	if out.Role != "critic" || out.MessageID != in.MessageID || out.Usages.TotalTokens != 3 || out.Text() != "Hello" {
		t.Errorf("got %+v", out)
	}
}

// A message in the OpenAI chat format is readable, and what is not of this
// model comes back.
func TestForeignMessage(t *testing.T) {
	t.Parallel()
	call := map[string]any{"id": "c1", "type": "function", "function": map[string]any{"name": "f", "arguments": "{}"}}
	b, err := msgpack.Marshal(map[string]any{"role": "assistant", "content": nil, "tool_calls": []any{call}, "usages": map[string]any{}})
	if err != nil {
		t.Fatal(err)
	}
	var m ckpt.Message
	if err := ckpt.Decode(b, &m); err != nil {
		t.Fatal(err)
	}
	got := ckpt.Raw(encode(t, &m)).Get("tool_calls").Any()
	if want := []any{call}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestMessageRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ payload, reason string }{
		{"\xc0", "want map"},
		{"\x90", "want map"},
		{"\x81\xaamessage_id\xa0", `field "message_id"`},
		{"\x81\xa4role\x07", `field "role"`},
		{"\x81\xa8metadata\x81\x07\x07", `field "metadata"`},
		{"\x81\xa6usages\x81\xactotal_tokens\xa1x", `field "usages": field "total_tokens"`},
		{"\x81\xabtools_calls\x91\xa1x", `field "tools_calls": element 0`},
		{"\x81\xa7content\xdd\xff\xff\xff\xff", `field "content"`},
		{"\x81\xa7content" + strings.Repeat("\x91", 1000) + "\x90", "nest deeper"},
	} {
		err := ckpt.Decode([]byte(test.payload), new(ckpt.Message))
		if !errors.Is(err, ckpt.ErrInvalidArgument) || !strings.Contains(err.Error(), test.reason) {
			t.Errorf("%.40q: got %v", test.payload, err)
		}
	}
}

func TestMessageText(t *testing.T) {
	t.Parallel()
	m := ckpt.Message{Content: []ckpt.Block{
		&ckpt.TextBlock{Text: "Hello"}, &ckpt.ImageBlock{}, &ckpt.TextBlock{Text: ", world"}, &ckpt.ReasoningBlock{Summary: "hm"},
	}}
	if got := m.Text(); got != "Hello, world" {
		t.Errorf("got %q", got)
	}
	if got := (&ckpt.Message{}).Text(); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestMessageConstructors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		message ckpt.Message
		json    string
	}{
		{ckpt.TextMessage(ckpt.RoleUser, "Hi"), `{"role":"user","content":[{"type":"text","text":"Hi"}]}`},
		{ckpt.ToolResult("c1", 7), `{"role":"tool","content":[{"type":"tool_result","call_id":"c1","output":7}]}`},
		{ckpt.ToolCalls(&ckpt.ToolCallBlock{ID: "c1", Name: "f"}, &ckpt.ToolCallBlock{ID: "c2", Name: "g"}),
			`{"role":"assistant","content":[{"type":"tool_call","id":"c1","name":"f"},{"type":"tool_call","id":"c2","name":"g"}]}`},
		{ckpt.Message{}, `{"role":"","content":[]}`},
	} {
		if b, err := json.Marshal(test.message); err != nil || string(b) != test.json {
			t.Errorf("got  %s, %v\nwant %s", b, err, test.json)
		}
	}
}

// A message inside a user's own types, wherever the library meets one.
func TestMessageInTheLibrary(t *testing.T) {
	t.Parallel()
	type state struct {
		Before  int
		Message ckpt.Message
		Pointer *ckpt.Message
		None    *ckpt.Message
		List    []ckpt.Message
		Map     map[string]ckpt.Message
		After   int
	}
	m := fullMessage()
	in := state{1, m, &m, nil, []ckpt.Message{m, ckpt.TextMessage(ckpt.RoleUser, "x")}, map[string]ckpt.Message{"k": m}, 2}
	b, err := msgpack.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := ckpt.Check(b); err != nil {
		t.Fatal(err)
	}
	out := state{Message: ckpt.Message{Reasoning: "of before"}, List: []ckpt.Message{{Reasoning: "of before"}, {Delta: true}}}
	if err := msgpack.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(in, out) {
		t.Errorf("got  %+v\nwant %+v", out, in)
	}
	for _, hostile := range []string{"\xa1x", "\x81\xa4role\x07", "\x81\xa7content\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff"} {
		if err := msgpack.Unmarshal([]byte(hostile), new(ckpt.Message)); err == nil {
			t.Errorf("%x passed", hostile)
		}
	}
}

func FuzzMessage(f *testing.F) {
	full := fullMessage()
	f.Add(encode(f, &full))
	for _, test := range everyBlock() {
		m := ckpt.Message{Content: []ckpt.Block{test.block}}
		f.Add(withLater(encode(f, &m)))
	}
	f.Add([]byte("\x82\xa4role\xa4user\xa7content\xa5Hello"))
	f.Add([]byte("\x81\xa7content\x92\x81\xa4type\xa8hologram\xa1x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var first, second ckpt.Message
		if ckpt.Decode(b, &first) != nil {
			return
		}
		again := encode(t, &first)
		if err := ckpt.Decode(again, &second); err != nil {
			t.Fatalf("%x became %x: %v", b, again, err)
		}
		if third := encode(t, &second); !bytes.Equal(again, third) {
			t.Fatalf("%x became %x, then %x", b, again, third)
		}
		if first.Text() != second.Text() || len(first.Content) != len(second.Content) {
			t.Fatalf("%x: the content changed", b)
		}
		if text, err := json.Marshal(first); err != nil || !json.Valid(text) {
			t.Fatalf("%x: JSON %s, %v", b, text, err)
		}
	})
}

func ExampleTextMessage() {
	m := ckpt.TextMessage(ckpt.RoleUser, "Cancel my flight.")
	m.MessageID = ckpt.StringID("m-1")
	text, err := json.Marshal(m)
	fmt.Println(string(text), err)
	fmt.Println(m.Text())
	// Output:
	// {"message_id":"m-1","role":"user","content":[{"type":"text","text":"Cancel my flight."}]} <nil>
	// Cancel my flight.
}

func ExampleToolResult() {
	call := ckpt.ToolCalls(&ckpt.ToolCallBlock{ID: "call-1", Name: "refund", Args: map[string]any{"booking": "EHGLP3"}})
	result := ckpt.ToolResult("call-1", map[string]any{"refunded": 250})
	fmt.Println(call.Role, call.Content[0].BlockType())
	fmt.Println(result.Role, result.Text())
	// Output:
	// assistant tool_call
	// tool {"refunded":250}
}
