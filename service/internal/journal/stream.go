package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ckptbus/ckpt"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
)

// What the stream's metadata says of it.
const (
	metaStore  = "ckpt_store_id"
	metaFormat = "ckpt_format"
)

// format is the version of the journal's format as the stream's metadata has it.
const format = "1"

// StreamName returns the name of the stream of a store with a subject prefix.
func StreamName(prefix string) string {
	return "CKPT_" + strings.ReplaceAll(prefix, ".", "_dot_")
}

// config is the stream that this journal would create.
func (j *JetStream) config() *nats.StreamConfig {
	storage := nats.FileStorage
	if j.opts.Memory {
		storage = nats.MemoryStorage
	}
	limit := j.opts.MaxBytes
	if limit == 0 {
		limit = -1
	}
	return &nats.StreamConfig{
		Name:        j.stream,
		Description: "journal of the checkpoint store " + j.opts.Prefix,
		Subjects:    []string{j.subject},
		Storage:     storage,
		Replicas:    max(j.opts.Replicas, 1),
		MaxBytes:    limit,
		Discard:     nats.DiscardNew, // a full journal refuses, and never forgets
		DenyDelete:  true,            // only its head is ever cut off
		Metadata:    map[string]string{metaStore: nuid.Next(), metaFormat: format},
	}
}

// opTimeout bounds one request to JetStream: an election takes longer, and is
// waited for by asking again.
const opTimeout = 2 * time.Second

// open finds the stream, or creates it, and returns the ID of its store.
func (j *JetStream) open(ctx context.Context) (string, error) {
	for {
		id, err := j.openOnce(ctx)
		switch {
		case err == nil:
			return id, nil
		case ctx.Err() != nil, !temporary(err) && !errors.Is(err, nats.ErrStreamNotFound): // which another replica has just made
			return "", err
		}
		j.log.Debug("the journal's stream cannot be opened now", "err", err)
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return "", fmt.Errorf("%w: the last attempt: %w", ctx.Err(), err)
		}
	}
}

func (j *JetStream) openOnce(ctx context.Context) (string, error) {
	info, err := j.info(ctx)
	if errors.Is(err, nats.ErrStreamNotFound) {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second) // an election of the new stream's leader included
		defer cancel()
		if info, err = j.js.AddStream(j.config(), nats.Context(ctx)); errors.Is(err, nats.ErrStreamNameAlreadyInUse) {
			info, err = j.info(ctx) // another replica was faster, with another ID
		}
	}
	if err != nil {
		return "", err
	}
	return j.check(info)
}

// info asks for the stream's configuration and state.
func (j *JetStream) info(ctx context.Context) (*nats.StreamInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	return j.js.StreamInfo(j.stream, nats.Context(ctx))
}

// check reports why the stream cannot be this journal's.
func (j *JetStream) check(info *nats.StreamInfo) (string, error) {
	c := &info.Config
	refuse := func(format string, args ...any) (string, error) {
		return "", ckpt.Errorf(ckpt.Conflict, "stream %s: %s: choose another prefix, or mend the stream", j.stream, fmt.Sprintf(format, args...))
	}
	switch {
	case c.Metadata[metaStore] == "":
		return refuse("it was not made by a checkpoint store")
	case c.Metadata[metaFormat] != format:
		return refuse("its journal has format %q, and this program knows format %s", c.Metadata[metaFormat], format)
	case len(c.Subjects) != 1 || c.Subjects[0] != j.subject:
		return refuse("it listens on %v, want %s alone", c.Subjects, j.subject)
	case c.Retention != nats.LimitsPolicy || c.Discard != nats.DiscardNew || c.MaxAge != 0 || c.MaxMsgs > 0 || c.MaxMsgsPerSubject > 0:
		return refuse("it forgets records by itself, want limits retention, discard new, and no limit of age or messages")
	case (c.Storage == nats.MemoryStorage) != j.opts.Memory:
		return refuse("it is kept in %s storage, and this replica was told otherwise", strings.ToLower(c.Storage.String()))
	case j.opts.Replicas != 0 && c.Replicas != j.opts.Replicas:
		return refuse("%d servers keep it, and this replica was told %d", c.Replicas, j.opts.Replicas)
	}
	return c.Metadata[metaStore], nil
}

// errReplicasNeedCluster is the error of a stream on more servers than one where
// there is no cluster.
const errReplicasNeedCluster = 10074

// errNoPeers is the error of a stream that the servers which are there cannot keep. Of
// those that are not there its description alone tells.
const (
	errNoPeers = 10005
	offline    = "offline"
)

// temporary reports whether a request to JetStream may succeed soon.
func temporary(err error) bool {
	var api *nats.APIError
	if errors.As(err, &api) {
		if api.ErrorCode == errNoPeers {
			return strings.Contains(api.Description, offline)
		}
		return api.Code >= 500 && api.ErrorCode != nats.JSErrCodeJetStreamNotEnabled && api.ErrorCode != nats.JSErrCodeJetStreamNotEnabledForAccount &&
			!lasting[int(api.ErrorCode)] && api.ErrorCode != errReplicasNeedCluster
	}
	return errors.Is(err, nats.ErrNoResponders) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, nats.ErrNoStreamResponse) || errors.Is(err, nats.ErrReconnectBufExceeded)
}
