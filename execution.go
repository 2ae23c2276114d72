package ckpt

import (
	"github.com/vmihailenco/msgpack/v5"

	"github.com/ckptbus/ckpt/internal/wire"
)

// StartNode is the node at which every run of a graph starts.
const StartNode = "__start__"

// ExecutionStatus says how far a run is. The empty one means [StatusRunning].
type ExecutionStatus string

// The statuses of a run.
const (
	StatusRunning           ExecutionStatus = "running"
	StatusInterruptedBefore ExecutionStatus = "interrupted_before" // before the interrupted node ran
	StatusInterruptedAfter  ExecutionStatus = "interrupted_after"  // after it ran
	StatusCompleted         ExecutionStatus = "completed"
	StatusError             ExecutionStatus = "error"
)

// StopStatus says whether somebody wants the run to stop. The empty one means
// [StopNone].
type StopStatus string

// The statuses of a wish to stop.
const (
	StopNone      StopStatus = "none"
	StopRequested StopStatus = "stop_requested"
	StopDone      StopStatus = "stopped"
)

// ExecutionMeta is where the run of an agent's graph stands. Fields of a later
// version come back byte for byte.
type ExecutionMeta struct {
	CurrentNode string          // the node that runs or is to run next
	Step        int             // steps done
	Status      ExecutionStatus // empty means running

	InterruptedNode string // empty where the run is not interrupted
	InterruptReason string
	InterruptData   map[string]any

	ThreadID             string
	StopCurrentExecution StopStatus     // empty means none
	InternalData         map[string]any // the runtime's own; the key error holds what [ExecutionMeta.Fail] was told

	unknown wire.Raw
}

func (e *ExecutionMeta) fields(f *wire.Fields) {
	f.Keep(&e.unknown)
	f.Always("current_node", &e.CurrentNode)
	f.Always("step", &e.Step)
	f.Optional("status", (*string)(&e.Status))
	f.Optional("interrupted_node", &e.InterruptedNode)
	f.Optional("interrupt_reason", &e.InterruptReason)
	f.Optional("interrupt_data", &e.InterruptData)
	f.Optional("thread_id", &e.ThreadID)
	f.Optional("stop_current_execution", (*string)(&e.StopCurrentExecution))
	f.Optional("internal_data", &e.InternalData)
}

// SetInterrupt notes that the run waits at node; status says on which side of
// it, data may be nil.
func (e *ExecutionMeta) SetInterrupt(node, reason string, status ExecutionStatus, data map[string]any) {
	e.InterruptedNode, e.InterruptReason, e.InterruptData, e.Status = node, reason, data, status
}

// ClearInterrupt lets the run go on.
func (e *ExecutionMeta) ClearInterrupt() { e.SetInterrupt("", "", StatusRunning, nil) }

// IsInterrupted reports whether the run waits at a node.
func (e *ExecutionMeta) IsInterrupted() bool {
	return e.Status == StatusInterruptedBefore || e.Status == StatusInterruptedAfter
}

// IsRunning reports whether the run goes on.
func (e *ExecutionMeta) IsRunning() bool { return e.Status == StatusRunning || e.Status == "" }

// AdvanceStep counts a step.
func (e *ExecutionMeta) AdvanceStep() { e.Step++ }

// SetCurrentNode notes the node that runs.
func (e *ExecutionMeta) SetCurrentNode(node string) { e.CurrentNode = node }

// Complete notes that the run has reached its end.
func (e *ExecutionMeta) Complete() { e.Status = StatusCompleted }

// Fail notes that the run ended with an error, and its text as the error of
// the internal data.
func (e *ExecutionMeta) Fail(text string) {
	e.Status = StatusError
	if e.InternalData == nil {
		e.InternalData = map[string]any{}
	}
	e.InternalData["error"] = text
}

// RequestStop asks the run to stop; whoever runs it sees this in the state.
func (e *ExecutionMeta) RequestStop() { e.StopCurrentExecution = StopRequested }

// IsStopRequested reports whether the run was asked to stop and has not yet.
func (e *ExecutionMeta) IsStopRequested() bool { return e.StopCurrentExecution == StopRequested }

// MarshalJSON returns a JSON object with the keys of the wire.
func (e ExecutionMeta) MarshalJSON() ([]byte, error) { return marshalJSON(&e) }

// EncodeMsgpack writes the value in its place inside a state that the msgpack
// library encodes.
func (e ExecutionMeta) EncodeMsgpack(enc *msgpack.Encoder) error { return encodeMsgpack(enc, &e) }

// DecodeMsgpack reads the value from inside a state, checked as [Decode] does.
func (e *ExecutionMeta) DecodeMsgpack(dec *msgpack.Decoder) error {
	*e = ExecutionMeta{}
	return decodeMsgpack(dec, e)
}
