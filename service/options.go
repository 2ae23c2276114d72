package service

import (
	"context"
	"log/slog"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service/internal/journal"
	"github.com/ckptbus/ckpt/service/internal/store"
)

// Option changes how a service runs.
type Option func(*options)

type options struct {
	prefix       string
	allowRelease bool
	history      int
	log          *slog.Logger
	inboxes      []string
	now          func() time.Time
	fake         bool // now is a test's
	sweepEvery   time.Duration
	eventRing    int
	loses        func() bool
	maxValue     int // 0: the default
	maxUploads   int // 0: the default
	replicated   bool
	stream       Stream
	starting     context.Context // bounds the start
	tune         func(*journal.Options)
	retention    store.Retention
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

// WithHistory keeps the last n earlier states of each thread, up to the limit that
// setup tells, and what takes back the changes since: such a thread can be read as
// it was, and restored. A write can say another number for its thread. 0, the
// default, keeps none. It counts where a write is planned: give all replicas the
// same.
func WithHistory(n int) Option { return func(o *options) { o.history = n } }

// WithLogger sends the service's log to another place than slog's default.
func WithLogger(log *slog.Logger) Option { return func(o *options) { o.log = log } }

// WithInboxPrefix accepts reply subjects that start with prefix, beside those
// that start with "_INBOX." or, across accounts, "_R_.". A request with
// another reply subject is dropped: whoever may not publish to a subject
// could have the service do it.
func WithInboxPrefix(prefix string) Option {
	return func(o *options) { o.inboxes = append(o.inboxes, prefix) }
}

// WithMaxValue bounds a state or a message, in bytes: one that does not fit a
// message of the bus comes and goes in parts. 0 means
// [ckpt.DefaultMaxValue]; more than [ckpt.MaxValue] for the bus is an error.
func WithMaxValue(bytes int) Option { return func(o *options) { o.maxValue = bytes } }

// WithMaxUploads bounds how many requests may come in parts at once, and how
// many replies go so; more are refused with Overloaded. Each holds up to the
// limit of a value in memory. 0 means [ckpt.DefaultUploads].
func WithMaxUploads(n int) Option { return func(o *options) { o.maxUploads = n } }

// limits returns the limits on a bus that carries payload bytes in one message.
func (o *options) limits(payload int) (ckpt.Limits, error) {
	l := ckpt.LimitsFor(payload)
	if most := ckpt.MaxValue(payload); o.maxValue < 0 || o.maxValue > most {
		return l, ckpt.Errorf(ckpt.InvalidArgument, "a limit of %d bytes for values: want 1 to %d on a bus that carries %d bytes in one message", o.maxValue, most, payload)
	}
	if o.maxUploads < 0 {
		return l, ckpt.Errorf(ckpt.InvalidArgument, "a limit of %d requests in parts at once: want 1 or more", o.maxUploads)
	}
	if o.maxValue > 0 {
		l.Value = o.maxValue
	}
	if o.maxUploads > 0 {
		l.Uploads = o.maxUploads
	}
	return l, nil
}

// Stream says how the stream is kept that holds the store's changes. Where it is
// there already, what is said must fit it.
type Stream struct {
	Replicas int   // how many servers keep it: 1, 3 or 5; 0: as it is, or one
	Memory   bool  // in the servers' memory only, rather than in files
	MaxBytes int64 // that it may hold; 0: no limit. What is over is refused with Unavailable
	// SyncAlways says that the servers write each record to disk before they
	// acknowledge it. Then one record is under way at a time, and all that waits
	// shares the next.
	SyncAlways bool
}

func (s *Stream) underWay() int {
	if s.SyncAlways {
		return 1
	}
	return 0
}

// WithJetStream makes the service one of the replicas of a store, all on one bus
// and prefix, which form a queue group by themselves. The changes are kept in a
// JetStream stream, from which each replica makes its memory.
func WithJetStream(stream Stream) Option {
	return func(o *options) { o.replicated, o.stream = true, stream }
}

// WithStartContext ends a start that is not done when ctx is: a replica reads
// the whole journal first, which may take a while.
func WithStartContext(ctx context.Context) Option {
	return func(o *options) { o.starting = ctx }
}

// WithThreadTTL gives each thread that is created a lifetime, from a millisecond
// up to [ckpt.MaxTTL], which begins anew with each change of the thread where it
// is sliding. [ckpt.ThreadsRetain] changes it for one thread. Threads that are
// there already keep what they have. 0 means for ever, which is the default.
func WithThreadTTL(ttl time.Duration, sliding bool) Option {
	return func(o *options) {
		o.retention.TTL, o.retention.Sliding = ttl.Milliseconds(), sliding
		if ttl > 0 { // 0 would mean for ever
			o.retention.TTL = max(o.retention.TTL, 1)
		}
	}
}

// WithKeepMessages has each put that adds messages remove the oldest ones of its
// thread beyond n, unless the thread or the put says something else. 0 keeps all,
// which is the default; n is at most [ckpt.MaxKeepMessages].
func WithKeepMessages(n int) Option {
	return func(o *options) { o.retention.KeepMessages = n }
}

// checkRetention reports a retention that no request could ask for.
func (o *options) checkRetention() error {
	if r := &o.retention; r.TTL < 0 || r.TTL > ckpt.MaxTTL.Milliseconds() {
		return ckpt.Errorf(ckpt.InvalidArgument, "a thread TTL of %d ms: want 0, for ever, to %v", r.TTL, ckpt.MaxTTL)
	} else if r.KeepMessages < 0 || r.KeepMessages > ckpt.MaxKeepMessages {
		return ckpt.Errorf(ckpt.InvalidArgument, "%d messages to keep: want 0, for all, to %d", r.KeepMessages, ckpt.MaxKeepMessages)
	}
	return nil
}

// DefaultEventRing is how many events a service keeps that was not told.
const DefaultEventRing = 16384

// WithEventRing is how many of the latest events the service keeps, for watchers
// that missed some. They take some 400 bytes each, and never more than 32 MiB
// together; the values of their changes take 32 MiB more at the most. 0 keeps none; less counts as 0. The default is [DefaultEventRing].
func WithEventRing(n int) Option {
	return func(o *options) { o.eventRing = max(n, 0) }
}

// withClock makes tests independent of the time of day and of the sweep.
func withClock(now func() time.Time, sweepEvery time.Duration) Option {
	return func(o *options) { o.now, o.fake, o.sweepEvery = now, true, sweepEvery }
}

// withLostEvents loses the events of which loses says so, as if the replica had
// ended between the change and its event.
func withLostEvents(loses func() bool) Option {
	return func(o *options) { o.loses = loses }
}

// withJournal gives tests a journal with other times and less slack.
func withJournal(tune func(*journal.Options)) Option {
	return func(o *options) { o.tune = tune }
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
		eventRing:  DefaultEventRing,
		starting:   context.Background(),
		tune:       func(*journal.Options) {},
	}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}
