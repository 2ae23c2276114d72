package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

// Format is the version of the format that this package writes and reads.
const Format = 1

// Header is the first line of a file.
type Header struct {
	Format     int       `json:"ckpt_export"` // [Format]; first, so that the line tells what the file is
	Version    string    `json:"version"`     // of the program that wrote it
	StoreID    string    `json:"store_id"`    // where the threads are from
	Prefix     string    `json:"prefix"`
	ExportedAt time.Time `json:"exported_at"` // when the export began, UTC
	Threads    int       `json:"threads"`     // how many there were then; the footer counts those that are in the file
}

// Kind says what a line between header and footer holds.
type Kind string

// The kinds, in the order in which the lines of a thread stand. The first is
// there once, the others as often as the thread has such a value.
const (
	KindThread   Kind = "thread"   // the record as threads.get returns it: a new thread begins
	KindState    Kind = "state"    // at most once
	KindCache    Kind = "cache"    // at most once
	KindMessage  Kind = "message"  // one, in the order of the thread
	KindMetadata Kind = "metadata" // of the messages, at most once
	kindEnd      Kind = "end"      // the footer
)

// order tells where among the lines of a thread a kind stands.
var order = map[Kind]int{KindThread: 1, KindState: 2, KindCache: 3, KindMessage: 4, KindMetadata: 5}

// Line is one value of a thread.
type Line struct {
	Kind   Kind   `json:"kind"`
	Thread string `json:"thread"` // the thread ID
	// ExpiresAt is when a cached state expires, in milliseconds since 1970;
	// 0 means never.
	ExpiresAt int64  `json:"expires_at,omitempty"`
	Value     []byte `json:"value"` // msgpack; base64 in the file
}

// Counts are what a file, or a part of one, holds.
type Counts struct {
	Threads  int   `json:"threads"`
	States   int   `json:"states"`
	Caches   int   `json:"caches"`
	Messages int   `json:"messages"`
	Metadata int   `json:"metadata"` // threads that have message metadata
	Bytes    int64 `json:"bytes"`    // of the values, before base64
}

// Footer is the last line of a file.
type Footer struct {
	Kind Kind `json:"kind"` // "end"
	Counts
	SHA256 string `json:"sha256"` // of all bytes before this line, in hex
}

// add counts one line.
func (c *Counts) add(l *Line) {
	switch l.Kind {
	case KindThread:
		c.Threads++
	case KindState:
		c.States++
	case KindCache:
		c.Caches++
	case KindMessage:
		c.Messages++
	case KindMetadata:
		c.Metadata++
	}
	c.Bytes += int64(len(l.Value))
}

// merge adds what another counted.
func (c *Counts) merge(other Counts) {
	c.Threads += other.Threads
	c.States += other.States
	c.Caches += other.Caches
	c.Messages += other.Messages
	c.Metadata += other.Metadata
	c.Bytes += other.Bytes
}

// Lines returns how many lines were counted, without header and footer.
func (c *Counts) Lines() int { return c.Threads + c.States + c.Caches + c.Messages + c.Metadata }

// parse reads one line of JSON into v. What v does not have is an error: it
// might be what a later version means by the line.
func parse(line []byte, v any) error {
	if !utf8.Valid(line) { // which the decoder would replace without a word
		return errors.New("not valid UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

// parseHeader reads a first line.
func parseHeader(line []byte) (Header, error) {
	var probe struct {
		Format *int `json:"ckpt_export"`
	}
	var h Header
	if err := json.Unmarshal(line, &probe); err != nil || probe.Format == nil {
		return h, errors.New("not an export of ckpt: the first line is no header with ckpt_export")
	}
	if *probe.Format != Format {
		return h, fmt.Errorf("an export of format %d, this program reads %d", *probe.Format, Format)
	}
	return h, parse(line, &h)
}

// footerStart is how a footer begins. Nothing but this package writes footers,
// so that no line needs to be parsed twice.
const footerStart = `{"kind":"end"`

// isFooter reports whether a line is the footer.
func isFooter(line []byte) bool { return bytes.HasPrefix(line, []byte(footerStart)) }

// parseLine reads a line between header and footer and checks what can be
// checked without the others.
func parseLine(line []byte) (Line, error) {
	var l Line
	if err := parse(line, &l); err != nil {
		return l, err
	}
	if order[l.Kind] == 0 {
		return l, fmt.Errorf("is of the kind %.40q, which this program does not know", l.Kind)
	}
	if err := ckpt.CheckID(l.Thread); err != nil {
		return l, fmt.Errorf("the thread ID %w", err)
	}
	if err := ckpt.Check(l.Value); err != nil {
		return l, fmt.Errorf("the value of the %s: %w", l.Kind, err)
	}
	if l.ExpiresAt < 0 || l.ExpiresAt > 0 && l.Kind != KindCache {
		return l, fmt.Errorf("a %s with expires_at %d", l.Kind, l.ExpiresAt)
	}
	return l, l.checkMap()
}

// checkMap reports why the value cannot be what the store has as such a value,
// where that is a map.
func (l *Line) checkMap() error {
	value := ckpt.Raw(l.Value)
	if l.Kind == KindState || l.Kind == KindCache {
		return nil
	}
	if value.Kind() != wire.Map {
		return fmt.Errorf("the value of the %s is %s, want map", l.Kind, value.Kind())
	}
	switch l.Kind {
	case KindThread:
		if info, err := l.info(); err != nil {
			return err
		} else if info.ThreadID != l.Thread {
			return fmt.Errorf("the record is of the thread %q, not of %q", info.ThreadID, l.Thread)
		}
	case KindMessage:
		if _, err := l.messageID(); err != nil {
			return fmt.Errorf("the message_id %w", err)
		}
	}
	return nil
}

// info reads the record of a line that begins a thread.
func (l *Line) info() (info ckpt.ThreadInfo, err error) {
	err = ckpt.Decode(l.Value, &info)
	return info, err
}

// messageID returns the ID of a message, which each has that was stored.
func (l *Line) messageID() (id ckpt.MessageID, err error) {
	raw := ckpt.Raw(l.Value).Get("message_id")
	if raw == nil {
		return id, errors.New("is missing")
	}
	err = id.DecodeWire(raw)
	return id, err
}
