package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
)

// Mode says what an import does with threads that the store has already.
type Mode int

// The modes.
const (
	Refuse  Mode = iota // such a thread ends the import before anything is written
	Replace             // it is removed first
	Merge               // what the file has of it replaces its own, and the rest stays
)

// ImportOptions say how files are imported. The zero value does it one thread
// after another, refuses those that are there and compares nothing.
type ImportOptions struct {
	Limits   ckpt.Limits // of the store
	Workers  int         // how many threads are written at once; below 1 means 1
	Mode     Mode
	Verify   bool            // read back each thread and compare
	Progress func(lines int) // called by many goroutines with the lines that were written, and with Verify again with those that were read back; nil for nobody
}

// Imported is what came of an import.
type Imported struct {
	Counts              // of what was written
	Verified   int      // threads that came back as they are in the file
	Expired    int      // cached states that were not written since their time is over
	Skipped    int      // threads of which nothing else was left
	Differ     int      // threads that came back otherwise
	Failed     int      // threads that could not be written or read back
	Failures   []string // the first of these two, in words
	Unfinished []string // threads of which some was written, or may have been, and not all
	Took       time.Duration
}

// OK reports whether all was written and nothing came back otherwise.
func (r *Imported) OK() bool { return r.Failed == 0 && r.Differ == 0 && len(r.Unfinished) == 0 }

// maxNamed is how many threads or failures are told by name.
const maxNamed = 10

// Some names the first threads and counts the others.
func Some(names []string) string {
	var b strings.Builder
	for i, name := range names[:min(len(names), maxNamed)] {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", name)
	}
	if more := len(names) - maxNamed; more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	return b.String()
}

// Import writes the threads of the files into the store. What goes wrong with
// one thread is told in what it returns and does not keep the others; the error
// is of what kept all of them: threads that are there already or in two files,
// a service that is gone, or ctx.
func Import(ctx context.Context, c *client.Client[ckpt.Raw], files []*File, o ImportOptions) (Imported, error) {
	o.Workers = max(o.Workers, 1)
	if o.Progress == nil {
		o.Progress = func(int) {}
	}
	im := &importer{client: c, o: o}
	start := time.Now()
	err := im.collect(files)
	if err == nil && o.Mode == Refuse {
		err = im.refuse(ctx)
	}
	if err == nil {
		err = im.each(ctx, im.thread)
	}
	im.done.Took = time.Since(start)
	return im.done, err
}

// importer is one import.
type importer struct {
	client  *client.Client[ckpt.Raw]
	o       ImportOptions
	threads []*section

	mu   sync.Mutex
	done Imported
}

// collect takes the sections of all files.
func (im *importer) collect(files []*File) error {
	in := make(map[string]*File)
	for _, f := range files {
		for i := range f.threads {
			s := &f.threads[i]
			if other := in[s.thread]; other != nil {
				return fmt.Errorf("the thread %q is in %s and in %s", s.thread, other.Name, f.Name)
			}
			in[s.thread] = f
			im.threads = append(im.threads, s)
		}
	}
	return nil
}

// refuse is the error of threads that the store has already.
func (im *importer) refuse(ctx context.Context) error {
	var there []string
	err := im.each(ctx, func(ctx context.Context, s *section) error {
		_, err := im.client.GetThread(ctx, s.thread)
		if err == nil {
			im.mu.Lock()
			defer im.mu.Unlock()
			there = append(there, s.thread)
		}
		return absent(err)
	})
	switch {
	case err != nil:
		return err
	case im.done.Failed > 0:
		return errors.New(im.done.Failures[0])
	case len(there) > 0:
		slices.Sort(there)
		return fmt.Errorf("nothing was written, since %d of the %d threads are there already: %s", len(there), len(im.threads), Some(there))
	}
	return nil
}

// each lets the workers do something with every thread, until nobody answers
// any more or ctx ends.
func (im *importer) each(ctx context.Context, do func(context.Context, *section) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range im.o.Workers {
		workers.Go(func() {
			for i := next.Add(1); i <= int64(len(im.threads)) && ctx.Err() == nil; i = next.Add(1) {
				s := im.threads[i-1]
				err := do(ctx, s)
				if err == nil {
					continue
				}
				if ctx.Err() == nil {
					im.fail(s, err)
				}
				if errors.Is(err, ckpt.ErrUnavailable) || errors.Is(err, ckpt.ErrUnknown) {
					cancel(fmt.Errorf("given up: %w", err))
				}
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

// errDiffers is why a thread is not what the file has.
var errDiffers = errors.New("came back otherwise")

func (im *importer) fail(s *section, err error) {
	im.mu.Lock()
	defer im.mu.Unlock()
	if errors.Is(err, errDiffers) {
		im.done.Differ++
	} else {
		im.done.Failed++
	}
	if len(im.done.Failures) < maxNamed {
		im.done.Failures = append(im.done.Failures, fmt.Sprintf("%s, thread %q: %v", s.file.Name, s.thread, err))
	}
}

// thread writes one thread and reads it back.
func (im *importer) thread(ctx context.Context, s *section) error {
	p := put{ctx: ctx, client: im.client, limits: im.o.Limits}
	var err error
	if im.o.Mode == Replace {
		_, err = im.client.CleanThread(ctx, s.thread)
	}
	if err == nil {
		err = p.put(s)
	}
	im.mu.Lock()
	im.done.Expired += p.expired
	if im.done.merge(p.counts); err != nil {
		im.done.Unfinished = append(im.done.Unfinished, s.thread)
	} else if p.counts.Threads == 0 {
		im.done.Skipped++
	}
	im.mu.Unlock()
	if err != nil {
		return err
	}
	im.o.Progress(s.lines)
	if !im.o.Verify {
		return nil
	}
	if p.counts.Threads > 0 {
		v := verify{ctx: ctx, client: im.client, ref: p.ref.ThreadRef, merged: im.o.Mode == Merge}
		if err := v.verify(s); err != nil {
			return err
		}
		im.mu.Lock()
		im.done.Verified++
		im.mu.Unlock()
	}
	im.o.Progress(s.lines)
	return nil
}
