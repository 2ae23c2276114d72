package replay

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"
)

// maxFailures is how many errors and differences a report tells in words; it
// counts them all.
const maxFailures = 10

// Report is what came of a replay.
type Report struct {
	Store         string        `json:"store"` // the ID of the store
	Journal       string        `json:"journal"`
	Workers       int           `json:"workers"`
	Conversations int           `json:"conversations"` // that there were
	Verified      int           `json:"verified"`      // of these, read back without an error
	Messages      int           `json:"messages"`      // read back
	Bytes         int64         `json:"bytes"`         // read back and compared
	Errors        int           `json:"errors"`
	Mismatches    int           `json:"mismatches"`
	TakenOver     int           `json:"taken_over"`   // conversations that were taken over from workers that died or lost their lease
	Played        time.Duration `json:"played_ns"`    // how long the playing took
	ReadBack      time.Duration `json:"read_back_ns"` // how long the reading back took
	Operations    []Operation   `json:"operations"`   // the writes, then the reads
	Failures      []string      `json:"failures,omitempty"`
}

// Report returns what came of the replay so far.
func (r *Run) Report() Report {
	rep := Report{
		Store:         r.store.StoreID,
		Journal:       r.store.Journal,
		Workers:       r.o.Workers,
		Conversations: len(r.all),
		Verified:      r.verify.threads,
		Messages:      r.verify.messages,
		Mismatches:    r.verify.mismatches,
		TakenOver:     r.takenOver,
		Played:        r.play.took,
		ReadBack:      r.verify.took,
		Operations:    append(r.play.rows(r.play.took), r.verify.rows(r.verify.took)...),
		Failures:      r.failures,
	}
	for _, op := range rep.Operations {
		rep.Errors += op.Errors
	}
	for _, o := range r.verify.ops {
		rep.Bytes += o.bytes
	}
	return rep
}

// OK reports whether every conversation was played and came back as it was
// sent.
func (r *Report) OK() bool {
	return r.Errors == 0 && r.Mismatches == 0 && r.Verified == r.Conversations
}

// Print writes the report for people.
func (r *Report) Print(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "operation     \tcount\terrors\tper second\tMB/s\tp50\tp99\t")
	for _, op := range r.Operations {
		fmt.Fprintf(tw, "%-14s\t%s\t%s\t%s\t%.1f\t%s\t%s\t\n", op.Name, thousands(op.Count), thousands(op.Errors),
			thousands(int(op.PerSecond)), op.MegabytesPerSecond, short(op.P50), short(op.P99))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nPlayed in %s and read back in %s by %d workers; store %s, journal %s.\n",
		short(r.Played), short(r.ReadBack), r.Workers, r.Store, r.Journal)
	if r.TakenOver > 0 {
		fmt.Fprintf(w, "Conversations taken over from workers that died or lost their lease: %s.\n", thousands(r.TakenOver))
	}
	for _, failure := range r.Failures {
		fmt.Fprintf(w, "  %s\n", failure)
	}
	if more := r.Errors + r.Mismatches - len(r.Failures); more > 0 && len(r.Failures) > 0 {
		fmt.Fprintf(w, "  and %s more\n", thousands(more))
	}
	_, err := fmt.Fprintln(w, r.Verdict())
	return err
}

// Verdict returns the outcome in one line.
func (r *Report) Verdict() string {
	counts := fmt.Sprintf("%s of %s conversations with %s messages read back, %s bytes compared, %s mismatches, %s errors",
		thousands(r.Verified), thousands(r.Conversations), thousands(r.Messages),
		thousands(int(r.Bytes)), thousands(r.Mismatches), thousands(r.Errors))
	if r.OK() {
		return "OK: " + counts
	}
	return "FAILED: " + counts
}

// thousands writes n with commas.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// short rounds a time to what the eye takes in.
func short(d time.Duration) time.Duration {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Microsecond)
}
