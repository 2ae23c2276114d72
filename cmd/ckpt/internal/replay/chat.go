package replay

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

// parseMessage converts one message of OpenAI's chat format. The whole of it
// is kept in the message's Raw, so that nothing is lost of what has no place
// in a [ckpt.Message].
func parseMessage(raw json.RawMessage) (ckpt.Message, error) {
	v, err := decodeAny(raw)
	if err != nil {
		return ckpt.Message{}, err
	}
	chat, ok := v.(map[string]any)
	if !ok {
		return ckpt.Message{}, fmt.Errorf("is %s, want an object", kind(v))
	}
	role, _ := chat["role"].(string)
	if role == "" {
		return ckpt.Message{}, errors.New("has no role")
	}
	m := ckpt.Message{Role: ckpt.Role(role), Raw: chat}
	m.Reasoning, _ = chat["reasoning_content"].(string) // what some providers add
	if m.Role == ckpt.RoleTool {
		id, _ := chat["tool_call_id"].(string)
		if id == "" {
			return m, errors.New("has the role tool and no tool_call_id")
		}
		m.Content = []ckpt.Block{&ckpt.ToolResultBlock{CallID: id, Output: chat["content"]}}
		return m, nil
	}
	if m.Content, err = contentBlocks(chat["content"]); err != nil {
		return m, err
	}
	if m.ToolsCalls, err = toolCalls(chat["tool_calls"]); err != nil {
		return m, err
	}
	for _, call := range m.ToolsCalls {
		m.Content = append(m.Content, callBlock(call))
	}
	return m, nil
}

// contentBlocks converts the content of a message, of which there is none
// where it is null.
func contentBlocks(content any) ([]ckpt.Block, error) {
	switch content := content.(type) {
	case nil:
		return nil, nil
	case string:
		return []ckpt.Block{&ckpt.TextBlock{Text: content}}, nil
	case []any:
		blocks := make([]ckpt.Block, len(content))
		for i, part := range content {
			var err error
			if blocks[i], err = partBlock(part); err != nil {
				return nil, fmt.Errorf("content part %d: %w", i+1, err)
			}
		}
		return blocks, nil
	}
	return nil, fmt.Errorf("content is %s, want a string, null or an array of parts", kind(content))
}

// partBlock converts one part of a content. One of a type that has no block of
// its own is kept as it is.
func partBlock(v any) (ckpt.Block, error) {
	part, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("is %s, want an object", kind(v))
	}
	text, isText := part["text"].(string)
	image, _ := part["image_url"].(map[string]any)
	url, isImage := image["url"].(string)
	switch {
	case part["type"] == "text" && isText:
		return &ckpt.TextBlock{Text: text}, nil
	case part["type"] == "image_url" && isImage:
		return &ckpt.ImageBlock{Media: ckpt.MediaRef{URL: url}}, nil
	}
	b, err := wire.AppendAny(nil, part)
	return &ckpt.UnknownBlock{Raw: b}, err
}

// toolCalls returns the calls as the provider wrote them, of which there are
// none where v is null.
func toolCalls(v any) ([]map[string]any, error) {
	list, ok := v.([]any)
	if !ok && v != nil {
		return nil, fmt.Errorf("tool_calls is %s, want an array", kind(v))
	}
	var calls []map[string]any
	for i, v := range list {
		call, ok := v.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("tool call %d is %s, want an object", i+1, kind(v))
		}
		calls = append(calls, call)
	}
	return calls, nil
}

// callBlock converts a tool call. Arguments that are no JSON object, which
// models do write at times, stay in the provider's form alone.
func callBlock(call map[string]any) *ckpt.ToolCallBlock {
	function, _ := call["function"].(map[string]any)
	arguments, _ := function["arguments"].(string)
	block := &ckpt.ToolCallBlock{}
	block.ID, _ = call["id"].(string)
	block.Name, _ = function["name"].(string)
	if v, err := decodeAny([]byte(arguments)); err == nil {
		block.Args, _ = v.(map[string]any)
	}
	return block
}
