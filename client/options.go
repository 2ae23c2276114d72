package client

import (
	"time"

	"github.com/ckptbus/ckpt"
)

// Option sets up a [Client].
type Option func(*settings)

type settings struct {
	prefix   string
	name     string
	timeout  time.Duration
	retry    Retry
	compress compression
}

// WithPrefix names the subject prefix of the service; the default is
// [ckpt.DefaultPrefix].
func WithPrefix(prefix string) Option { return func(s *settings) { s.prefix = prefix } }

// WithName sets what [Client.Setup] tells the service of who it is, for the
// service's log; the default is the name of the connection.
func WithName(name string) Option { return func(s *settings) { s.name = name } }

// WithTimeout bounds a request, with all its attempts, whose context has no
// deadline. The default is [DefaultTimeout].
func WithTimeout(d time.Duration) Option { return func(s *settings) { s.timeout = d } }

// WithCompression compresses states and cached states of minBytes or more, where
// that makes them smaller, up to 64 MiB each. Every client reads them, whether
// or not it compresses itself. The limit of a value holds for what is sent.
// Messages are not compressed, since the service looks into them. A write that
// is repeated with its own [RequestID] counts as the same one only where the
// state is compressed, or not, as before.
func WithCompression(c Compression, minBytes int) Option {
	return func(s *settings) { s.compress = compression{c, minBytes} }
}

// WithRetry sets when a request is sent again.
func WithRetry(r Retry) Option { return func(s *settings) { s.retry = r } }

// DefaultTimeout is the time of a request whose context has no deadline. It
// outlasts the election of a leader on a NATS cluster, which was seen to take
// up to 9 s, with some attempts to spare.
const DefaultTimeout = 15 * time.Second

// Retry says when a request is sent again: where an attempt found nobody who
// serves the subject, or got no answer, or was answered with Overloaded or
// Unavailable. A write carries the same request ID in each attempt, so that it
// is applied once. All attempts share the time of the request's context. The
// zero value stands for the defaults.
type Retry struct {
	// Attempts is how often a request is sent at the most; 1 means never
	// again, 0 means as often as the time allows.
	Attempts int
	// Answer is how long the first attempt waits for its answer before the
	// request is sent again; it doubles with each attempt, since more copies
	// do not help a service that is merely slow. An answer that comes later
	// still counts. 0 means 2 s.
	Answer time.Duration
	// Pause is about how long the first pause after a refused attempt takes;
	// it doubles up to 1 s. 0 means 20 ms. Times under 10 ms count as 10 ms.
	Pause time.Duration
}

const (
	defaultAnswer = 2 * time.Second
	defaultPause  = 20 * time.Millisecond
	maxPause      = time.Second
	maxDoublings  = 6
)

// check completes the settings with the defaults.
func (s *settings) check() error {
	if err := ckpt.CheckPrefix(s.prefix); err != nil {
		return err
	}
	if s.timeout <= 0 {
		return ckpt.Errorf(ckpt.InvalidArgument, "timeout %v: must be more than 0", s.timeout)
	}
	if s.retry.Attempts < 0 || s.retry.Answer < 0 || s.retry.Pause < 0 {
		return ckpt.Errorf(ckpt.InvalidArgument, "retry %+v: must not be negative", s.retry)
	}
	if s.compress.how > Zstd || s.compress.minBytes < 0 {
		return ckpt.Errorf(ckpt.InvalidArgument, "compression %d of %d bytes or more: want S2 or Zstd, and 0 bytes or more", s.compress.how, s.compress.minBytes)
	}
	if s.retry.Answer == 0 {
		s.retry.Answer = defaultAnswer
	}
	if s.retry.Pause == 0 {
		s.retry.Pause = defaultPause
	}
	return nil
}
