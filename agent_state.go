package ckpt

// AgentState is a state for agents that have no other: the conversation that
// the model sees and where the run stands. Embed it to add fields of one's
// own:
//
//	type MyState struct {
//		ckpt.AgentState
//		Budget int `msgpack:"budget"`
//	}
//
// The msgpack library then writes the fields of both into one map. It is a
// plain struct for that reason: methods that encode it would be promoted to
// MyState and lose its Budget.
type AgentState struct {
	Context        []Message     `msgpack:"context,omitempty" json:"context,omitempty"`
	ContextSummary string        `msgpack:"context_summary,omitempty" json:"context_summary,omitempty"`
	ExecutionMeta  ExecutionMeta `msgpack:"execution_meta" json:"execution_meta"`
}

// NewAgentState returns the state of a run that is about to start, at
// [StartNode].
func NewAgentState() AgentState {
	return AgentState{ExecutionMeta: ExecutionMeta{
		CurrentNode:          StartNode,
		Status:               StatusRunning,
		StopCurrentExecution: StopNone,
	}}
}

// SetInterrupt is [ExecutionMeta.SetInterrupt] of the execution meta, and so
// are the methods that follow.
func (s *AgentState) SetInterrupt(node, reason string, status ExecutionStatus, data map[string]any) {
	s.ExecutionMeta.SetInterrupt(node, reason, status, data)
}

// ClearInterrupt lets the run go on.
func (s *AgentState) ClearInterrupt() { s.ExecutionMeta.ClearInterrupt() }

// IsInterrupted reports whether the run waits at a node.
func (s *AgentState) IsInterrupted() bool { return s.ExecutionMeta.IsInterrupted() }

// IsRunning reports whether the run goes on.
func (s *AgentState) IsRunning() bool { return s.ExecutionMeta.IsRunning() }

// AdvanceStep counts a step.
func (s *AgentState) AdvanceStep() { s.ExecutionMeta.AdvanceStep() }

// SetCurrentNode notes the node that runs.
func (s *AgentState) SetCurrentNode(node string) { s.ExecutionMeta.SetCurrentNode(node) }

// Complete notes that the run has reached its end.
func (s *AgentState) Complete() { s.ExecutionMeta.Complete() }

// Fail notes that the run ended with an error.
func (s *AgentState) Fail(text string) { s.ExecutionMeta.Fail(text) }

// RequestStop asks the run to stop.
func (s *AgentState) RequestStop() { s.ExecutionMeta.RequestStop() }

// IsStopRequested reports whether the run was asked to stop and has not yet.
func (s *AgentState) IsStopRequested() bool { return s.ExecutionMeta.IsStopRequested() }
