package main

import (
	"context"
	"io"
	"os"

	"github.com/ckptbus/ckpt/cmd/ckpt/internal/replay"
)

// readAll reads the conversations of all files.
func readAll(ctx context.Context, stdin io.Reader, files []string) (list []replay.Conversation, err error) {
	if len(files) == 0 {
		files = []string{"-"}
	}
	for _, name := range files {
		read := readFile
		if name == "-" {
			read = func(string) ([]replay.Conversation, error) { return readStdin(ctx, stdin) }
		}
		more, err := read(name)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	return list, nil
}

func readFile(name string) ([]replay.Conversation, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return replay.Read(name, f)
}

// readStdin reads standard input until it or ctx ends. A read that waits for a
// terminal cannot be called off, so it is left behind then.
func readStdin(ctx context.Context, stdin io.Reader) ([]replay.Conversation, error) {
	var list []replay.Conversation
	done := make(chan error, 1)
	go func() {
		var err error
		list, err = replay.Read("standard input", stdin)
		done <- err
	}()
	select {
	case err := <-done:
		return list, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
