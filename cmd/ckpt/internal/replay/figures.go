package replay

import (
	"slices"
	"time"

	"github.com/ckptbus/ckpt"
)

// figures are what one worker counts; workers share none, so that counting
// costs no lock.
type figures struct {
	ops        map[string]*opFigures
	threads    int // done
	messages   int // of these
	mismatches int
}

// opFigures are those of one operation in one phase.
type opFigures struct {
	errors int
	bytes  int64
	took   []time.Duration // of each request, failed ones too
}

func newFigures() *figures { return &figures{ops: map[string]*opFigures{}} }

// op returns the figures of the operation.
func (f *figures) op(name string) *opFigures {
	o := f.ops[name]
	if o == nil {
		o = &opFigures{}
		f.ops[name] = o
	}
	return o
}

// timed does one request of the operation and counts it.
func timed[T any](f *figures, op ckpt.OpInfo, do func() (T, error)) (T, error) {
	start := time.Now()
	v, err := do()
	f.count(op, start, err)
	return v, err
}

// count counts a request of the operation that was begun at start.
func (f *figures) count(op ckpt.OpInfo, start time.Time, err error) {
	o := f.op(op.Name)
	o.took = append(o.took, time.Since(start))
	if err != nil {
		o.errors++
	}
}

// forgive forgets the errors of a worker whose work another takes over.
func (f *figures) forgive() {
	for _, o := range f.ops {
		o.errors = 0
	}
}

// merge adds what another worker counted.
func (f *figures) merge(other *figures) {
	f.threads += other.threads
	f.messages += other.messages
	f.mismatches += other.mismatches
	for name, o := range other.ops {
		mine := f.op(name)
		mine.errors += o.errors
		mine.bytes += o.bytes
		mine.took = append(mine.took, o.took...)
	}
}

// Operation is one row of a [Report].
type Operation struct {
	Name               string        `json:"operation"`
	Count              int           `json:"count"`
	Errors             int           `json:"errors"`
	Bytes              int64         `json:"bytes"`                // of states, messages and records, without what the protocol adds
	PerSecond          float64       `json:"per_second"`           // over the time of the whole phase, as the next
	MegabytesPerSecond float64       `json:"megabytes_per_second"` // of 10^6 bytes
	P50                time.Duration `json:"p50_ns"`
	P99                time.Duration `json:"p99_ns"`
}

// rows returns the operations of a phase that took so long, in the order of
// the table of operations.
func (f *figures) rows(phase time.Duration) []Operation {
	var rows []Operation
	for _, op := range ckpt.Operations() {
		o := f.ops[op.Name]
		if o == nil {
			continue
		}
		slices.Sort(o.took)
		rows = append(rows, Operation{
			Name: op.Name, Count: len(o.took), Errors: o.errors, Bytes: o.bytes,
			PerSecond:          float64(len(o.took)) / phase.Seconds(),
			MegabytesPerSecond: float64(o.bytes) / 1e6 / phase.Seconds(),
			P50:                percentile(o.took, 50),
			P99:                percentile(o.took, 99),
		})
	}
	return rows
}

// percentile returns the smallest of the sorted times that p percent of them
// do not exceed.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)*p+99)/100-1]
}
