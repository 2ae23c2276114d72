package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

// figure is what a comparison comes to: medians over its rounds.
type figure struct {
	bare, ours float64 // requests a second
	ratio      float64 // ours to bare, of the two turns of a round
}

// compare runs the two loads in turns. Which of them begins changes from round
// to round.
func compare(b bounds, inFlight int, bare, ours load) (figure, error) {
	var bares, rates, ratios []float64
	for i := range b.rounds + 1 {
		turn := b.turn
		if i == 0 {
			turn = b.turn / 4 // not counted: buffers grow, maps fill
		}
		pair := [2]load{bare, ours}
		var got [2]float64
		for k := range pair {
			side := (k + i) % 2
			var err error
			if got[side], err = rate(pair[side], inFlight, turn); err != nil {
				return figure{}, err
			}
		}
		if i > 0 {
			bares, rates = append(bares, got[0]), append(rates, got[1])
			ratios = append(ratios, got[1]/got[0])
		}
	}
	return figure{median(bares), median(rates), median(ratios)}, nil
}

// median returns the middle value, the mean of the two middle ones where their
// number is even, and 0 of none.
func median[T ~int64 | ~float64](values []T) T {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// quantile returns the value that the share q of the values does not exceed.
func quantile(values []time.Duration, q float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	return s[max(0, int(math.Ceil(q*float64(len(s))))-1)]
}

// table prints what is measured as Markdown.
type table struct{ out io.Writer }

// begin starts a table of comparisons with ckpt.
func (t *table) begin(title string, columns ...string) { t.beginOf("ckpt", title, columns...) }

// beginOf starts a table of comparisons with what has that name.
func (t *table) beginOf(ours, title string, columns ...string) {
	columns = append(columns, "in flight", "bare", ours, "ratio", "target")
	fmt.Fprintf(t.out, "\n%s\n\n", title)
	t.row(columns...)
	t.row(slices.Repeat([]string{"--:"}, len(columns))...)
}

func (t *table) row(cells ...string) {
	for i := range cells {
		cells[i] = fmt.Sprintf("%9s", cells[i])
	}
	fmt.Fprintf(t.out, "| %s |\n", strings.Join(cells, " | "))
}

// add adds one comparison; a target of 0 means none.
func (t *table) add(f figure, target float64, inFlight int, cells ...string) {
	wanted := ""
	if target > 0 {
		wanted = fmt.Sprintf("%.2f", target)
	}
	t.row(append(cells, fmt.Sprint(inFlight), fmt.Sprintf("%.0f", f.bare), fmt.Sprintf("%.0f", f.ours),
		fmt.Sprintf("%.2f", f.ratio), wanted)...)
}

// size returns a size as people write it.
func size(n int) string {
	if n >= 1<<10 && n%(1<<10) == 0 {
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}
