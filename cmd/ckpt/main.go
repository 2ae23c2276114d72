// Command ckpt runs the checkpoint store and the tools around it: serve starts
// the service, replay plays recorded conversations through it and checks what
// comes back, watch prints the changes of threads as they happen, export and
// import back up and restore stores, info lists the replicas, demo shows most of
// that on one machine.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
