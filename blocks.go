package ckpt

import "github.com/ckptbus/ckpt/internal/wire"

// TextBlock is text for the reader.
type TextBlock struct {
	Text        string // required
	Annotations []AnnotationRef

	unknown wire.Raw
}

func (t *TextBlock) fields(f *wire.Fields) {
	blockFields(f, t, &t.unknown)
	f.Required("text", &t.Text)
	f.Optional("annotations", listOf(&t.Annotations))
}

// DataBlock is data of any MIME type, inline or by reference.
type DataBlock struct {
	MIMEType   string // required
	DataBase64 string // small payloads only
	Media      *MediaRef

	unknown wire.Raw
}

func (d *DataBlock) fields(f *wire.Fields) {
	blockFields(f, d, &d.unknown)
	f.Required("mime_type", &d.MIMEType)
	f.Optional("data_base64", &d.DataBase64)
	f.Optional("media", pointerTo(&d.Media))
}

// ToolCallBlock is the model's wish to have a tool called.
type ToolCallBlock struct {
	ID       string // required; the result names it
	Name     string // required; of the tool
	Args     map[string]any
	ToolType string // such as web_search or file_search; empty if the provider has no such kinds

	unknown wire.Raw
}

func (t *ToolCallBlock) fields(f *wire.Fields) {
	blockFields(f, t, &t.unknown)
	f.Required("id", &t.ID)
	f.Required("name", &t.Name)
	f.Optional("args", &t.Args)
	f.Optional("tool_type", &t.ToolType)
}

// RemoteToolCallBlock is a tool call that runs elsewhere than in the agent's
// process, in the browser of its user for instance.
type RemoteToolCallBlock struct {
	ID       string // required; the result names it
	Name     string // required; of the tool
	Args     map[string]any
	ToolType string // empty means remote

	unknown wire.Raw
}

func (t *RemoteToolCallBlock) fields(f *wire.Fields) {
	blockFields(f, t, &t.unknown)
	f.Required("id", &t.ID)
	f.Required("name", &t.Name)
	f.Optional("args", &t.Args)
	f.Optional("tool_type", &t.ToolType)
}

// ToolResultBlock is what a tool call came to.
type ToolResultBlock struct {
	CallID string // required; the ID of the call
	// Output is a string, a map, a list or anything else that msgpack can
	// encode, a *[MediaRef], or a []Block. It is read as [Raw.Any] tells.
	Output  any
	IsError bool
	Status  string // completed, failed, or empty

	unknown wire.Raw
}

func (t *ToolResultBlock) fields(f *wire.Fields) {
	blockFields(f, t, &t.unknown)
	f.Required("call_id", &t.CallID)
	f.Optional("output", output{&t.Output})
	f.Optional("is_error", &t.IsError)
	f.Optional("status", &t.Status)
}

// output is a value of any type, in which blocks and references of this
// package travel as they do elsewhere.
type output struct{ of *any }

func (o output) EmptyWire() bool { return *o.of == nil }

func (o output) AppendWire(b []byte) ([]byte, error) {
	switch v := (*o.of).(type) {
	case Record:
		return Append(b, v)
	case []Block:
		return (*content)(&v).AppendWire(b)
	default:
		return wire.AppendAny(b, v)
	}
}

func (o output) DecodeWire(raw wire.Raw) error {
	*o.of = raw.Any()
	return nil
}

// text returns the output if it is a string, else its JSON.
func (t *ToolResultBlock) text() string {
	if s, ok := t.Output.(string); ok || t.Output == nil {
		return s
	}
	b, err := output{&t.Output}.AppendWire(nil)
	if err != nil {
		return ""
	}
	text, _ := Raw(b).MarshalJSON() // empty where the output is no sound value
	return string(text)
}

// ReasoningBlock is what the model tells of its reasoning.
type ReasoningBlock struct {
	Summary string // required
	Details []string

	unknown wire.Raw
}

func (r *ReasoningBlock) fields(f *wire.Fields) {
	blockFields(f, r, &r.unknown)
	f.Required("summary", &r.Summary)
	f.Optional("details", &r.Details)
}

// AnnotationBlock is a citation of, or a note to, the message's text.
type AnnotationBlock struct {
	Kind  string // citation, which empty means too, or note
	Refs  []AnnotationRef
	Spans [][2]int // of the text, each its start and end as the writer counts

	unknown wire.Raw
}

func (a *AnnotationBlock) fields(f *wire.Fields) {
	blockFields(f, a, &a.unknown)
	f.Optional("kind", &a.Kind)
	f.Optional("refs", listOf(&a.Refs))
	f.Optional("spans", &a.Spans)
}

// AnnotationRef is the source of an annotation.
type AnnotationRef struct {
	URL    string
	FileID string // the provider's
	Page   *int   // nil if not known
	Index  *int   // within the source; nil if not known
	Title  string

	unknown wire.Raw
}

func (a *AnnotationRef) fields(f *wire.Fields) {
	f.Keep(&a.unknown)
	f.Optional("url", &a.URL)
	f.Optional("file_id", &a.FileID)
	f.Optional("page", &a.Page)
	f.Optional("index", &a.Index)
	f.Optional("title", &a.Title)
}

// ErrorBlock is a failure that is part of the conversation.
type ErrorBlock struct {
	Message string // required
	Code    string
	Data    map[string]any

	unknown wire.Raw
}

func (e *ErrorBlock) fields(f *wire.Fields) {
	blockFields(f, e, &e.unknown)
	f.Required("message", &e.Message)
	f.Optional("code", &e.Code)
	f.Optional("data", &e.Data)
}
