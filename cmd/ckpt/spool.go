package main

import (
	"context"
	"errors"
	"io"
	"os"
)

// input is a file that can be read at any place.
type input struct {
	*os.File
	spooled bool // it is a copy that goes away with its reader
}

// openInput opens a file and returns the name that errors use for it. Standard
// input, and what else can be read only once, is copied to a file first, so
// that it can be checked to its end before anything is written.
func openInput(ctx context.Context, stdin io.Reader, name string) (*input, string, error) {
	if name == "-" {
		in, err := spool(ctx, stdin)
		return in, "standard input", err
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, name, err
	}
	info, err := f.Stat()
	switch {
	case err == nil && info.Mode().IsRegular():
		return &input{File: f}, name, nil
	case err == nil && info.IsDir():
		err = errors.New(name + ": is a directory")
	}
	defer f.Close()
	if err != nil {
		return nil, name, err
	}
	in, err := spool(ctx, f)
	return in, name, err
}

// spool copies what r has until it or ctx ends. A read that waits for a
// terminal cannot be called off, so it is left behind then.
func spool(ctx context.Context, r io.Reader) (*input, error) {
	f, err := os.CreateTemp("", "ckpt-import-*")
	if err != nil {
		return nil, err
	}
	in := &input{File: f, spooled: true}
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(f, r)
		done <- err
	}()
	select {
	case err = <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		in.Close()
		return nil, err
	}
	return in, nil
}

// Close closes the file and removes a copy.
func (i *input) Close() error {
	err := i.File.Close()
	if i.spooled {
		err = errors.Join(err, os.Remove(i.Name()))
	}
	return err
}
