package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"

	"github.com/ckptbus/ckpt"
)

// File is an export that was read to its end and found to be whole.
type File struct {
	Name   string // for errors
	Header Header
	Counts

	in      io.ReaderAt
	threads []section
}

// section is where the lines of a thread are.
type section struct {
	file       *File
	thread     string
	line       int // the first, counted from 1
	lines      int // how many there are
	start, end int64
}

// Check reads the file and returns it where it is whole, unaltered and fits a
// store of these limits. The error tells the line that is wrong; name stands
// for the file in it. An import reads the file again, so it must stay as it is
// until then.
func Check(ctx context.Context, name string, in io.ReaderAt, limits ckpt.Limits) (*File, error) {
	c := checker{
		file:   &File{Name: name, in: in},
		lines:  newLines(io.NewSectionReader(in, 0, math.MaxInt64)),
		limits: limits,
		sum:    sha256.New(),
		seen:   make(map[string]bool),
	}
	if err := c.check(ctx); err != nil {
		return nil, fmt.Errorf("%s: line %d: %w", name, max(c.lines.number, 1), err)
	}
	return c.file, nil
}

// checker reads a file for the first time.
type checker struct {
	file   *File
	lines  *lines
	limits ckpt.Limits
	sum    hash.Hash // of the lines so far
	seen   map[string]bool
	last   Kind // of the line before; empty behind the header
}

// errCutOff is why a file without a footer is refused.
var errCutOff = errors.New("the file ends without its footer: it was cut off, or its export did not come to its end")

func (c *checker) check(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		start := c.lines.offset
		line, err := c.lines.next()
		switch {
		case errors.Is(err, io.EOF) && c.lines.number == 0:
			return errors.New("the file is empty")
		case errors.Is(err, io.EOF), errors.Is(err, errCut):
			return errCutOff
		case err != nil:
			return err
		case c.lines.number == 1:
			c.file.Header, err = parseHeader(line)
		case isFooter(line):
			return c.footer(line)
		default:
			err = c.line(line, start)
		}
		if err != nil {
			return err
		}
		c.sum.Write(line)
	}
}

// line checks a line and takes it into the section of its thread.
func (c *checker) line(line []byte, start int64) error {
	l, err := parseLine(line)
	if err != nil {
		return err
	}
	if err := c.fits(&l); err != nil {
		return err
	}
	if l.Kind == KindThread {
		if c.seen[l.Thread] {
			return fmt.Errorf("the thread %q is there twice", l.Thread)
		}
		c.seen[l.Thread] = true
		c.file.threads = append(c.file.threads, section{file: c.file, thread: l.Thread, line: c.lines.number, start: start})
	} else if c.last == "" || c.file.threads[len(c.file.threads)-1].thread != l.Thread {
		return fmt.Errorf("a %s of the thread %q, which did not begin before it", l.Kind, l.Thread)
	} else if order[l.Kind] < order[c.last] || l.Kind == c.last && l.Kind != KindMessage {
		return fmt.Errorf("a %s behind a %s", l.Kind, c.last)
	}
	s := &c.file.threads[len(c.file.threads)-1]
	s.lines++
	s.end = c.lines.offset
	c.last = l.Kind
	c.file.add(&l)
	return nil
}

// fits refuses what the store would refuse, while nothing is written yet.
func (c *checker) fits(l *Line) error {
	limit := c.limits.Value
	size := len(l.Value)
	switch l.Kind {
	case KindThread:
		limit, size = c.limits.Metadata, len(putRecord(l.Value))
	case KindMetadata:
		limit = c.limits.Metadata
	}
	if size > limit {
		return ckpt.TooLargef(size, limit, "the %s of the thread %q does not fit the store", l.Kind, l.Thread)
	}
	return nil
}

// footer compares the footer with what came before it.
func (c *checker) footer(line []byte) error {
	var f Footer
	if err := parse(line, &f); err != nil {
		return err
	}
	if sum := hex.EncodeToString(c.sum.Sum(nil)); f.SHA256 != sum {
		return fmt.Errorf("the checksum of the lines is %s, not %.64q as the footer says: the file was altered", sum, f.SHA256)
	}
	if f.Counts != c.file.Counts {
		return fmt.Errorf("the file holds %+v, not %+v as its footer says", c.file.Counts, f.Counts)
	}
	switch _, err := c.lines.next(); {
	case err == nil, errors.Is(err, errCut):
		return errors.New("lines follow behind the footer")
	case !errors.Is(err, io.EOF):
		return err
	}
	return nil
}
