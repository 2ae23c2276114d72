package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// newBar returns a bar of so many steps, which is drawn on a terminal only.
func newBar(stderr io.Writer, steps int, description string) *progressbar.ProgressBar {
	f, ok := stderr.(*os.File)
	return progressbar.NewOptions(steps,
		progressbar.OptionSetWriter(stderr),
		progressbar.OptionSetVisibility(ok && term.IsTerminal(int(f.Fd()))),
		progressbar.OptionSetDescription(description),
		progressbar.OptionShowCount(),
		progressbar.OptionThrottle(100*time.Millisecond), // a terminal costs more than a step
		progressbar.OptionClearOnFinish(),
	)
}
