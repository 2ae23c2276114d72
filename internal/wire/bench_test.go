package wire

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// agentState returns a map such as an agent's state: a context of messages
// whose texts have 100 to 300 bytes, and some figures.
func agentState(size int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("the agent books flight reservation passenger baggage policy confirm payment gift card refund")
	var context []any
	for n := 0; n < size-500; {
		var text strings.Builder
		for limit := 100 + r.IntN(200); text.Len() < limit; {
			text.WriteString(words[r.IntN(len(words))] + " ")
		}
		context = append(context, map[string]any{
			"message_id": fmt.Sprintf("0198c2f0-7d2e-7b1a-9d57-%012d", len(context)),
			"role":       "assistant",
			"content":    []any{map[string]any{"type": "text", "text": text.String()}},
			"timestamp":  1758400000.25,
			"delta":      false,
		})
		n += text.Len() + 130
	}
	b, err := AppendAny(nil, map[string]any{
		"context":        context,
		"execution_meta": map[string]any{"current_node": "MAIN", "step": 12, "status": "running"},
	})
	if err != nil {
		panic(err)
	}
	return b
}

func BenchmarkCheck64KiB(b *testing.B) {
	payload := agentState(64 << 10)
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Check(payload); err != nil {
			b.Fatal(err)
		}
	}
}

// put is a request as the root package declares one.
type put struct {
	thread, user, request string
	state                 Raw
}

func (p *put) fields(f *Fields) {
	f.Required("thread_id", &p.thread)
	f.Optional("user_id", &p.user)
	f.Optional("request_id", &p.request)
	f.Required("state", &p.state)
}

func BenchmarkFields256B(b *testing.B) {
	state, err := AppendAny(nil, map[string]any{"step": 12, "status": "running", "text": strings.Repeat("x", 90)})
	if err != nil {
		b.Fatal(err)
	}
	in := put{"airline-17", "user-42", "0198c2f0-7d2e-7b1a-9d57-3f2d1c0b9a88", state}
	f := Declare()
	in.fields(f)
	payload, err := f.Append(nil)
	if err != nil {
		b.Fatal(err)
	}
	f.Free()
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		var out put
		f := Declare()
		out.fields(f)
		if err := f.Decode(payload); err != nil {
			b.Fatal(err)
		}
		f.Free()
	}
}
