package service

import (
	"log/slog"
	"time"

	"github.com/ckptbus/ckpt"
)

// Option changes how a service runs.
type Option func(*options)

type options struct {
	prefix       string
	allowRelease bool
	log          *slog.Logger
	inboxes      []string
	now          func() time.Time
	sweepEvery   time.Duration
}

// WithPrefix puts the operations under another subject prefix than
// [ckpt.DefaultPrefix], so that several stores can share a bus. Empty means
// the default.
func WithPrefix(prefix string) Option {
	return func(o *options) {
		if prefix != "" {
			o.prefix = prefix
		}
	}
}

// AllowRelease lets clients empty the store with the release operation, which
// is refused otherwise.
func AllowRelease() Option { return func(o *options) { o.allowRelease = true } }

// WithLogger sends the service's log to another place than slog's default.
func WithLogger(log *slog.Logger) Option { return func(o *options) { o.log = log } }

// WithInboxPrefix accepts reply subjects that start with prefix, beside those
// that start with "_INBOX." or, across accounts, "_R_.". A request with
// another reply subject is dropped: whoever may not publish to a subject
// could have the service do it.
func WithInboxPrefix(prefix string) Option {
	return func(o *options) { o.inboxes = append(o.inboxes, prefix) }
}

// withClock makes tests independent of the time of day and of the sweep.
func withClock(now func() time.Time, sweepEvery time.Duration) Option {
	return func(o *options) { o.now, o.sweepEvery = now, sweepEvery }
}

// defaultSweep is how often expired values are freed; they are invisible at
// once. Only threads that hold such values are visited.
const defaultSweep = time.Second

func newOptions(opts []Option) options {
	o := options{
		prefix:     ckpt.DefaultPrefix,
		log:        slog.Default(),
		inboxes:    []string{"_INBOX.", "_R_."},
		now:        time.Now,
		sweepEvery: defaultSweep,
	}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}
