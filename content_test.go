package ckpt_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

// everyBlock returns a block of each type with all fields set, and its JSON.
func everyBlock() []struct {
	block ckpt.Block
	json  string
} {
	media := ckpt.MediaRef{Kind: "file_id", URL: "https://example.org/a", FileID: "file-1", DataBase64: "AA==",
		MIMEType: "image/png", SizeBytes: 5 << 30, SHA256: "e3b0", Filename: "a.png", Width: 640, Height: 480,
		DurationMS: 1500, Page: new(0)}
	const mediaJSON = `{"kind":"file_id","url":"https://example.org/a","file_id":"file-1","data_base64":"AA==",` +
		`"mime_type":"image/png","size_bytes":5368709120,"sha256":"e3b0","filename":"a.png","width":640,"height":480,` +
		`"duration_ms":1500,"page":0}`
	ref := ckpt.AnnotationRef{URL: "https://example.org", FileID: "file-2", Page: new(3), Index: new(0), Title: "A page"}
	const refJSON = `{"url":"https://example.org","file_id":"file-2","page":3,"index":0,"title":"A page"}`
	small, smallJSON := ckpt.MediaRef{URL: "u"}, `{"url":"u"}`
	return []struct {
		block ckpt.Block
		json  string
	}{
		{&ckpt.TextBlock{Text: "Hello", Annotations: []ckpt.AnnotationRef{ref, {}}},
			`{"type":"text","text":"Hello","annotations":[` + refJSON + `,{}]}`},
		{&ckpt.ImageBlock{Media: media, AltText: "a cat", BBox: []float64{0, 0.5, 1, 2}},
			`{"type":"image","media":` + mediaJSON + `,"alt_text":"a cat","bbox":[0,0.5,1,2]}`},
		{&ckpt.AudioBlock{Media: small, Transcript: "hm", SampleRate: 44100, Channels: 2},
			`{"type":"audio","media":` + smallJSON + `,"transcript":"hm","sample_rate":44100,"channels":2}`},
		{&ckpt.VideoBlock{Media: small, Thumbnail: &media},
			`{"type":"video","media":` + smallJSON + `,"thumbnail":` + mediaJSON + `}`},
		{&ckpt.DocumentBlock{Media: small, Pages: []int{0, 2}, Excerpt: "Terms"},
			`{"type":"document","media":` + smallJSON + `,"pages":[0,2],"excerpt":"Terms"}`},
		{&ckpt.DataBlock{MIMEType: "text/csv", DataBase64: "YSxi", Media: &small},
			`{"type":"data","mime_type":"text/csv","data_base64":"YSxi","media":` + smallJSON + `}`},
		{&ckpt.ToolCallBlock{ID: "call-1", Name: "search", Args: map[string]any{"q": "x", "n": int64(3)}, ToolType: "web_search"},
			`{"type":"tool_call","id":"call-1","name":"search","args":{"n":3,"q":"x"},"tool_type":"web_search"}`},
		{&ckpt.RemoteToolCallBlock{ID: "call-2", Name: "locate", Args: map[string]any{"deep": []any{map[string]any{}}}, ToolType: "remote"},
			`{"type":"remote_tool_call","id":"call-2","name":"locate","args":{"deep":[{}]},"tool_type":"remote"}`},
		{&ckpt.ToolResultBlock{CallID: "call-1", Output: map[string]any{"ok": true}, IsError: true, Status: "failed"},
			`{"type":"tool_result","call_id":"call-1","output":{"ok":true},"is_error":true,"status":"failed"}`},
		{&ckpt.ReasoningBlock{Summary: "thought", Details: []string{"one", ""}},
			`{"type":"reasoning","summary":"thought","details":["one",""]}`},
		{&ckpt.AnnotationBlock{Kind: "note", Refs: []ckpt.AnnotationRef{ref}, Spans: [][2]int{{0, 5}, {7, 9}}},
			`{"type":"annotation","kind":"note","refs":[` + refJSON + `],"spans":[[0,5],[7,9]]}`},
		{&ckpt.ErrorBlock{Message: "no route", Code: "E1", Data: map[string]any{"retry": false}},
			`{"type":"error","message":"no route","code":"E1","data":{"retry":false}}`},
	}
}

// encode returns r's bytes, which must pass the payload check.
func encode(t testing.TB, r ckpt.Record) []byte {
	t.Helper()
	b, err := ckpt.Append(nil, r)
	if err != nil {
		t.Fatal(err)
	}
	if err := ckpt.Check(b); err != nil {
		t.Fatal(err)
	}
	return b
}

// readBlock returns the only block of a message whose content is [raw], and
// checks that the message is written as it came.
func readBlock(t *testing.T, raw []byte) ckpt.Block {
	t.Helper()
	b := append([]byte("\x82\xa4role\xa4user\xa7content\x91"), raw...)
	var m ckpt.Message
	if err := ckpt.Decode(b, &m); err != nil {
		t.Fatal(err)
	}
	if again := encode(t, &m); !bytes.Equal(again, b) {
		t.Errorf("read  %x\nwrote %x", b, again)
	}
	if len(m.Content) != 1 {
		t.Fatalf("%d blocks", len(m.Content))
	}
	return m.Content[0]
}

func TestEveryBlock(t *testing.T) {
	t.Parallel()
	types := map[string]bool{}
	for _, test := range everyBlock() {
		name := test.block.BlockType()
		types[name] = true
		t.Run(name, func(t *testing.T) {
			b := encode(t, test.block)
			if text, err := ckpt.Raw(b).MarshalJSON(); err != nil || string(text) != test.json {
				t.Errorf("got  %s, %v\nwant %s", text, err, test.json)
			}
			if got := readBlock(t, b); !reflect.DeepEqual(got, test.block) {
				t.Errorf("got %+v\nwant %+v", got, test.block)
			}
			for _, field := range ckpt.FieldsOf(test.block) {
				if ckpt.Raw(b).Get(field.Name) == nil {
					t.Errorf("field %s is not set: the test is not complete", field.Name)
				}
			}
		})
	}
	if len(types) != 12 {
		t.Errorf("%d types of blocks, want 12", len(types))
	}
}

// later is a pair of a later version: a key and a value in a form that no
// encoder of this package writes.
const later = "\xda\x00\x05later\x82\xcd\x00\x01\xca\x3f\x80\x00\x00\xc4\x01k\xd4\x05\xff"

// withLater returns the map b with the pair of a later version behind it.
func withLater(b []byte) []byte { return with(b, []byte(later), nil) }

// with returns the map b with a pair behind it.
func with(b ckpt.Raw, key, value []byte) []byte {
	n := 1
	for range b.Pairs {
		n++
	}
	old := len(wire.AppendMapHeader(nil, n-1))
	return slices.Concat(wire.AppendMapHeader(nil, n), b[old:], key, value)
}

func TestUnknownFieldsOfBlocks(t *testing.T) {
	t.Parallel()
	for _, test := range everyBlock() {
		b := withLater(encode(t, test.block))
		if got := readBlock(t, b); reflect.TypeOf(got) != reflect.TypeOf(test.block) {
			t.Errorf("%s: read as %T", test.block.BlockType(), got)
		}
	}
	ref := append([]byte("\x81\xa3url\xa1u"), later...)
	ref[0]++
	for _, block := range []string{
		"\x82\xa4type\xa5image\xa5media" + string(ref),
		"\x83\xa4type\xa5video\xa5media" + string(ref) + "\xa9thumbnail" + string(ref),
		"\x83\xa4type\xa4text\xa4text\xa0\xabannotations\x92" + string(ref) + "\x80",
	} {
		if got := readBlock(t, []byte(block)); reflect.TypeOf(got) == reflect.TypeOf(&ckpt.UnknownBlock{}) {
			t.Errorf("%q is unknown", block)
		}
	}
}

func TestUnknownBlocks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, raw, blockType string }{
		{"later type", "\xde\x00\x02\xa4type\xda\x00\x08hologram\xa1x\xcd\x00\x01", "hologram"},
		{"no type", "\x81\xa4text\xa1x", ""},
		{"type that is no string", "\x81\xa4type\x07", ""},
		{"type nil", "\x81\xa4type\xc0", ""},
		{"empty type", "\x81\xa4type\xa0", ""},
		{"string", "\xd9\x01x", ""},
		{"nil", "\xc0", ""},
		{"array", "\x91\x01", ""},
		{"empty map", "\x80", ""},
		{"known type without a required field", "\x81\xa4type\xa4text", "text"},
		{"known field of the wrong kind", "\x82\xa4type\xa4text\xa4text\x07", "text"},
		{"known inner field of the wrong kind", "\x82\xa4type\xa5image\xa5media\x81\xa3url\x07", "image"},
		{"span of three", "\x82\xa4type\xaaannotation\xa5spans\x91\x93\x01\x02\x03", "annotation"},
		{"field twice", "\x83\xa4type\xa4text\xa4text\xa1a\xa4text\xa1b", "text"},
		{"type twice", "\x83\xa4type\xa4text\xa4text\xa1a\xa4type\xa5image", "text"},
		{"key that is no string", "\x83\xa4type\xa4text\xa4text\xa1a\x07\x07", "text"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := readBlock(t, []byte(test.raw)).(*ckpt.UnknownBlock)
			if !ok {
				t.Fatal("it was understood")
			}
			if string(got.Raw) != test.raw || got.BlockType() != test.blockType {
				t.Errorf("got %x of type %q", []byte(got.Raw), got.BlockType())
			}
		})
	}
}

// The bytes of an unknown block are its own: a message outlives the payload.
func TestUnknownBlockOwnsItsBytes(t *testing.T) {
	t.Parallel()
	b := []byte("\x81\xa7content\x91\x81\xa1x\x01")
	var m ckpt.Message
	if err := ckpt.Decode(b, &m); err != nil {
		t.Fatal(err)
	}
	clear(b)
	if got := m.Content[0].(*ckpt.UnknownBlock).Raw; string(got) != "\x81\xa1x\x01" {
		t.Errorf("got %x", []byte(got))
	}
}

// Content that is no array of blocks, as foreign writers have it.
func TestForeignContent(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"\xa5Hello", "\xd9\x05Hello", "\x07", "\x81\xa4type\xa4text", "\xc4\x01\xff"} {
		b := []byte("\x82\xa4role\xa9assistant\xa7content" + raw)
		var m ckpt.Message
		if err := ckpt.Decode(b, &m); err != nil {
			t.Fatal(err)
		}
		if again := encode(t, &m); !bytes.Equal(again, b) {
			t.Errorf("read  %x\nwrote %x", b, again)
		}
		if text := m.Text(); strings.HasSuffix(raw, "Hello") != (text == "Hello") {
			t.Errorf("%q: the text is %q", raw, text)
		}
		// With a block beside it, it is one element of an array.
		m.Content = append(m.Content, &ckpt.TextBlock{Text: "!"})
		b = encode(t, &m)
		if want := "\x92" + raw + "\x82\xa4type\xa4text\xa4text\xa1!"; string(ckpt.Raw(b).Get("content")) != want {
			t.Errorf("got %q, want %q", ckpt.Raw(b).Get("content"), want)
		}
	}
	// No content, in whatever form, is an empty array.
	for _, b := range []string{"\x80", "\x81\xa7content\xc0", "\x81\xa7content\x90"} {
		var m ckpt.Message
		if err := ckpt.Decode([]byte(b), &m); err != nil || len(m.Content) != 0 {
			t.Errorf("%q: %v, %v", b, m.Content, err)
		}
		if got := string(ckpt.Raw(encode(t, &m)).Get("content")); got != "\x90" {
			t.Errorf("%q: wrote %q", b, got)
		}
	}
}

// A writer such as pydantic writes each absent field as nil.
func TestBlocksWithNilFields(t *testing.T) {
	t.Parallel()
	for _, test := range everyBlock() {
		values := map[string]any{}
		for _, field := range ckpt.FieldsOf(test.block) {
			values[field.Name] = nil
		}
		for key, raw := range ckpt.Raw(encode(t, test.block)).Pairs {
			if name, _ := key.Str(); isRequired(test.block, name) {
				values[name] = raw.Any()
			}
		}
		b, err := msgpack.Marshal(map[string]any{"role": "user", "content": []any{values}})
		if err != nil {
			t.Fatal(err)
		}
		var m ckpt.Message
		if err := ckpt.Decode(b, &m); err != nil {
			t.Fatal(err)
		}
		if reflect.TypeOf(m.Content[0]) != reflect.TypeOf(test.block) {
			t.Errorf("%s: read as %T", test.block.BlockType(), m.Content[0])
		}
	}
}

func isRequired(r ckpt.Record, name string) bool {
	for _, field := range ckpt.FieldsOf(r) {
		if field.Name == name {
			return field.Required
		}
	}
	return false
}

// What a tool result's output may be, and what it is read as.
func TestToolOutputs(t *testing.T) {
	t.Parallel()
	type custom struct {
		Price int `msgpack:"price"`
	}
	for _, test := range []struct {
		output any
		json   string
		text   string
	}{
		{nil, "", ""},
		{"sunny", `"sunny"`, "sunny"},
		{"", `""`, ""},
		{map[string]any{"t": 21.5}, `{"t":21.5}`, `{"t":21.5}`},
		{[]any{1, nil}, `[1,null]`, `[1,null]`},
		{custom{7}, `{"price":7}`, `{"price":7}`},
		{&ckpt.MediaRef{URL: "u", Page: new(1)}, `{"url":"u","page":1}`, `{"url":"u","page":1}`},
		{[]ckpt.Block{&ckpt.TextBlock{Text: "a"}}, `[{"type":"text","text":"a"}]`, `[{"type":"text","text":"a"}]`},
		{&ckpt.TextBlock{Text: "a"}, `{"type":"text","text":"a"}`, `{"type":"text","text":"a"}`},
	} {
		m := ckpt.ToolResult("call-1", test.output)
		raw, err := ckpt.Raw(encode(t, m.Content[0])).Get("output").MarshalJSON()
		if test.output == nil {
			raw = nil
		}
		if err != nil || string(raw) != test.json {
			t.Errorf("%#v: got %s, %v", test.output, raw, err)
		}
		if got := m.Text(); got != test.text {
			t.Errorf("%#v: the text is %s", test.output, got)
		}
		b := encode(t, &m)
		var back ckpt.Message
		if err := ckpt.Decode(b, &back); err != nil {
			t.Fatal(err)
		}
		want := ckpt.Raw(encode(t, m.Content[0])).Get("output").Any()
		if got := back.Content[0].(*ckpt.ToolResultBlock).Output; !reflect.DeepEqual(got, want) {
			t.Errorf("%#v: came back as %#v", test.output, got)
		}
	}
}

func TestBlocksThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, block := range []ckpt.Block{nil, &ckpt.ToolResultBlock{Output: func() {}}, &ckpt.ErrorBlock{Data: map[string]any{"c": make(chan int)}}} {
		m := ckpt.Message{Content: []ckpt.Block{block}}
		if _, err := ckpt.Append(nil, &m); err == nil || !strings.Contains(err.Error(), "block 0") {
			t.Errorf("%T: got %v", block, err)
		}
		if _, err := json.Marshal(m); err == nil {
			t.Errorf("%T became JSON", block)
		}
		_ = m.Text() // best effort: no panic
	}
}
