package replay

import (
	"slices"

	"github.com/ckptbus/ckpt"
)

// steps yields the messages up to each turn of the assistant, it included, and
// what follows the last one.
func steps(messages []ckpt.Message) func(yield func([]ckpt.Message) bool) {
	return func(yield func([]ckpt.Message) bool) {
		for len(messages) > 0 {
			n := 1 + slices.IndexFunc(messages, func(m ckpt.Message) bool { return m.Role == ckpt.RoleAssistant })
			if n == 0 {
				n = len(messages)
			}
			if !yield(messages[:n:n]) {
				return
			}
			messages = messages[n:]
		}
	}
}

// nodeAfter names the node of an agent's graph that runs after a step: the
// tools where the model called some.
func nodeAfter(step []ckpt.Message) string {
	if len(step[len(step)-1].ToolsCalls) > 0 {
		return "tools"
	}
	return "agent"
}

// maxName is how many characters of the user's first words name a thread.
const maxName = 60

// name names the thread by the user's first words.
func (c *Conversation) name() string {
	for i := range c.Messages {
		if c.Messages[i].Role == ckpt.RoleUser {
			text := []rune(c.Messages[i].Text())
			return string(text[:min(len(text), maxName)])
		}
	}
	return ""
}
