package main

import (
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/service"
	"github.com/spf13/pflag"
)

// retentionFlags say what is kept of threads for which nothing else is set.
type retentionFlags struct {
	threadTTL    time.Duration
	fixed        bool
	keepMessages int
}

func (o *retentionFlags) addRetentionFlags(f *pflag.FlagSet) {
	f.DurationVar(&o.threadTTL, "thread-ttl", 0, "how long each new thread lives after its latest change, such as 720h; 0 is for ever")
	f.BoolVar(&o.fixed, "thread-ttl-fixed", false, "count the lifetime from the creation of the thread")
	f.IntVar(&o.keepMessages, "keep-messages", 0, "how many messages each thread keeps, the latest ones; 0 is all")
}

func (o *retentionFlags) check() error {
	switch {
	case o.threadTTL < 0 || o.threadTTL > ckpt.MaxTTL:
		return usagef("--thread-ttl %v: want 0, for ever, to %v", o.threadTTL, ckpt.MaxTTL)
	case o.fixed && o.threadTTL == 0:
		return usagef("--thread-ttl-fixed says how --thread-ttl counts: give both")
	case o.keepMessages < 0 || o.keepMessages > ckpt.MaxKeepMessages:
		return usagef("--keep-messages %d: want 0, for all, to %d", o.keepMessages, ckpt.MaxKeepMessages)
	}
	return nil
}

func (o *retentionFlags) retention() []service.Option {
	return []service.Option{service.WithThreadTTL(o.threadTTL, !o.fixed), service.WithKeepMessages(o.keepMessages)}
}
