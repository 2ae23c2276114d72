package ckpt_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/ckptbus/ckpt"
)

// tripState embeds the ready-made state, as its documentation shows.
type tripState struct {
	ckpt.AgentState
	Budget  int      `msgpack:"budget"`
	Visited []string `msgpack:"visited"`
}

// fullAgentState has every field set.
func fullAgentState() ckpt.AgentState {
	s := ckpt.NewAgentState()
	s.Context = []ckpt.Message{ckpt.TextMessage(ckpt.RoleUser, "Hi"), fullMessage()}
	s.ContextSummary = "a greeting"
	s.ExecutionMeta = ckpt.ExecutionMeta{
		CurrentNode: "TOOL", Step: 3, Status: ckpt.StatusInterruptedBefore,
		InterruptedNode: "TOOL", InterruptReason: "approval", InterruptData: map[string]any{"tool": "refund"},
		ThreadID: "airline-17", StopCurrentExecution: ckpt.StopRequested, InternalData: map[string]any{"n": int64(1)},
	}
	return s
}

func TestAgentStateRoundTrip(t *testing.T) {
	t.Parallel()
	in := fullAgentState()
	b, err := msgpack.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := ckpt.Check(b); err != nil {
		t.Fatal(err)
	}
	var out ckpt.AgentState
	if err := msgpack.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(in, out) {
		t.Errorf("got  %+v\nwant %+v", out, in)
	}
	for _, key := range []string{"context", "context_summary", "execution_meta"} {
		if ckpt.Raw(b).Get(key) == nil {
			t.Errorf("no key %s", key)
		}
	}
	meta := ckpt.Raw(b).Get("execution_meta")
	for _, field := range ckpt.FieldsOf(&in.ExecutionMeta) {
		if meta.Get(field.Name) == nil {
			t.Errorf("no key execution_meta.%s", field.Name)
		}
	}
}

// The embedded state's fields stand beside the user's own in one map.
func TestAgentStateEmbedded(t *testing.T) {
	t.Parallel()
	in := tripState{AgentState: fullAgentState(), Budget: 900, Visited: []string{"PRG"}}
	in.AdvanceStep()
	b, err := msgpack.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"context", "context_summary", "execution_meta", "budget", "visited"} {
		if ckpt.Raw(b).Get(key) == nil {
			t.Errorf("no key %s in %s", key, jsonOf(t, b))
		}
	}
	var out tripState
	if err := msgpack.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(in, out) {
		t.Errorf("got  %+v\nwant %+v", out, in)
	}
	// Whoever knows the common part alone reads that.
	var common ckpt.AgentState
	if err := msgpack.Unmarshal(b, &common); err != nil || !reflect.DeepEqual(common, in.AgentState) {
		t.Errorf("got  %+v, %v\nwant %+v", common, err, in.AgentState)
	}
}

func jsonOf(t *testing.T, b []byte) string {
	t.Helper()
	text, err := ckpt.Raw(b).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What the Python model writes for a new state, nil for each absent field.
func TestAgentStateOfPython(t *testing.T) {
	t.Parallel()
	b, err := msgpack.Marshal(map[string]any{
		"context":         []any{map[string]any{"message_id": uint64(1) << 63, "role": "user", "content": []any{}, "delta": false, "usages": nil}},
		"context_summary": nil,
		"execution_meta": map[string]any{
			"current_node": "__start__", "step": 0, "status": "running", "interrupted_node": nil, "interrupt_reason": nil,
			"interrupt_data": nil, "thread_id": nil, "stop_current_execution": "none", "internal_data": map[string]any{},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got ckpt.AgentState
	if err := msgpack.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	want := ckpt.NewAgentState()
	want.Context = []ckpt.Message{{MessageID: ckpt.UintID(1 << 63), Role: ckpt.RoleUser, Content: []ckpt.Block{}}}
	want.ExecutionMeta.InternalData = map[string]any{}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestExecutionMetaKeepsUnknownFields(t *testing.T) {
	t.Parallel()
	in := ckpt.ExecutionMeta{CurrentNode: "TOOL", Step: 3}
	b := withLater(encode(t, &in))
	out := ckpt.ExecutionMeta{InterruptReason: "of before, and must not stay"}
	if err := msgpack.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	if again, err := msgpack.Marshal(out); err != nil || !bytes.Equal(again, b) {
		t.Errorf("got  %x, %v\nwant %x", again, err, b)
	}
}

func TestAgentStateMethods(t *testing.T) {
	t.Parallel()
	s := ckpt.NewAgentState()
	expect := func(step string, running, interrupted, stop bool) {
		t.Helper()
		if s.IsRunning() != running || s.IsInterrupted() != interrupted || s.IsStopRequested() != stop {
			t.Errorf("%s: running %v, interrupted %v, stop requested %v", step, s.IsRunning(), s.IsInterrupted(), s.IsStopRequested())
		}
	}
	expect("new", true, false, false)
	if s.ExecutionMeta.CurrentNode != ckpt.StartNode || s.ExecutionMeta.Step != 0 {
		t.Errorf("new: %+v", s.ExecutionMeta)
	}
	s.SetCurrentNode("TOOL")
	s.AdvanceStep()
	if s.ExecutionMeta.CurrentNode != "TOOL" || s.ExecutionMeta.Step != 1 {
		t.Errorf("after a step: %+v", s.ExecutionMeta)
	}
	data := map[string]any{"tool": "refund"}
	s.SetInterrupt("TOOL", "approval", ckpt.StatusInterruptedBefore, data)
	expect("interrupted before", false, true, false)
	if m := s.ExecutionMeta; m.InterruptedNode != "TOOL" || m.InterruptReason != "approval" || !reflect.DeepEqual(m.InterruptData, data) {
		t.Errorf("interrupted: %+v", m)
	}
	s.SetInterrupt("TOOL", "review", ckpt.StatusInterruptedAfter, nil)
	expect("interrupted after", false, true, false)
	s.ClearInterrupt()
	expect("cleared", true, false, false)
	if m := s.ExecutionMeta; m.InterruptedNode != "" || m.InterruptReason != "" || m.InterruptData != nil {
		t.Errorf("cleared: %+v", m)
	}
	s.RequestStop()
	expect("stop requested", true, false, true)
	s.ExecutionMeta.StopCurrentExecution = ckpt.StopDone
	expect("stopped", true, false, false)
	s.Fail("no route")
	expect("failed", false, false, false)
	if m := s.ExecutionMeta; m.Status != ckpt.StatusError || m.InternalData["error"] != "no route" {
		t.Errorf("failed: %+v", m)
	}
	s.Complete()
	expect("completed", false, false, false)
	var zero ckpt.AgentState
	if !zero.IsRunning() || zero.IsInterrupted() || zero.IsStopRequested() {
		t.Error("the zero state does not simply run")
	}
}

func ExampleAgentState() {
	type MyState struct {
		ckpt.AgentState
		Budget int `msgpack:"budget" json:"budget"`
	}
	s := MyState{ckpt.NewAgentState(), 900}
	s.Context = append(s.Context, ckpt.TextMessage(ckpt.RoleUser, "Hi"))
	s.SetInterrupt("TOOL", "approval", ckpt.StatusInterruptedBefore, nil)
	fmt.Println(s.IsRunning(), s.Context[0].Text())
	text, err := json.Marshal(s.ExecutionMeta)
	fmt.Println(string(text), err)
	// Output:
	// false Hi
	// {"current_node":"__start__","step":0,"status":"interrupted_before","interrupted_node":"TOOL","interrupt_reason":"approval","stop_current_execution":"none"} <nil>
}
