//go:build unix

package main

import (
	"syscall"
	"time"
)

// processTime returns the processor time that the process has taken.
func processTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // fails for no process of one's own
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
