package client_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus"
	"github.com/ckptbus/ckpt/internal/wire"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// stateOf returns a state as it is stored.
func stateOf[S any](t *testing.T, c *client.Client[S], thread string) ckpt.Raw {
	t.Helper()
	q := ckpt.StateGetRequest{ReadRef: ckpt.ReadRef{ThreadRef: ckpt.ThreadRef{ThreadID: thread}}}
	a, err := client.Do(t.Context(), c, &ckpt.StateGet, q)
	if err != nil {
		t.Fatal(err)
	}
	return a.State
}

// States are stored compressed where that was asked for, and every client reads
// them, by whichever method.
func TestCompression(t *testing.T) {
	t.Parallel()
	srv := store(t, bus.Options{})
	plain, _ := connect[map[string]any](t, srv)
	bare, _ := connect[ckpt.Raw](t, srv)
	state := map[string]any{"text": strings.Repeat("all work and no play ", 1000), "n": int64(7)}
	size := len(wireOf(t, state))
	ctx := within(t, patience)
	for name, how := range map[string]client.Compression{"s2": client.S2, "zstd": client.Zstd} {
		c, _ := connect[map[string]any](t, srv, client.WithCompression(how, 1000))
		must[ckpt.StatePutReply](t)(c.PutState(ctx, name, state))
		must[ckpt.CachePutReply](t)(c.PutStateCache(ctx, name, state))
		must[ckpt.ThreadsCommitReply](t)(c.Commit(ctx, name+"2", client.Commit[map[string]any]{State: &state, Cache: &state}))
		must[ckpt.ThreadsTransactReply](t)(c.Transact(ctx, []client.ThreadCommit[map[string]any]{{Thread: name + "3", Commit: client.Commit[map[string]any]{State: &state}}}))
		for _, thread := range []string{name, name + "2", name + "3"} {
			stored := stateOf(t, plain, thread)
			if len(stored) > size/5 {
				t.Errorf("%s: a state of %d bytes is stored in %d", thread, size, len(stored))
			}
			if raw, err := client.Plain(stored); err != nil || len(raw) != size {
				t.Errorf("%s: %d bytes, %v", thread, len(raw), err)
			}
			if got := must[client.Stored[ckpt.Raw]](t)(bare.GetState(ctx, thread)); len(got.Value) != size {
				t.Errorf("%s: a raw state of %d bytes, want %d", thread, len(got.Value), size)
			}
			for _, reader := range []*client.Client[map[string]any]{c, plain} {
				if got := must[client.Stored[map[string]any]](t)(reader.GetState(ctx, thread)); !reflect.DeepEqual(got.Value, state) {
					t.Errorf("%s: another state", thread)
				}
			}
		}
		many := must[map[string]client.Stored[map[string]any]](t)(plain.GetStates(ctx, []string{name, name + "2"}))
		cached := must[client.Stored[map[string]any]](t)(plain.GetStateCache(ctx, name+"2"))
		if len(many) != 2 || !reflect.DeepEqual(many[name].Value, state) || !reflect.DeepEqual(cached.Value, state) {
			t.Errorf("%s: other states", name)
		}
		// What is small stays as it is, and so do the bytes of Do.
		must[ckpt.StatePutReply](t)(c.PutState(ctx, "small", map[string]any{"x": strings.Repeat("x", 900)}))
		if b := stateOf(t, plain, "small"); b[0] != 0x81 {
			t.Errorf("a small state begins with %x", b[0])
		}
		must[ckpt.StatePutReply](t)(client.Do(ctx, c, &ckpt.StatePut, ckpt.StatePutRequest{
			WriteRef: ckpt.WriteRef{ThreadRef: ckpt.ThreadRef{ThreadID: "do"}}, State: wireOf(t, state)}))
		if b := stateOf(t, plain, "do"); len(b) != size {
			t.Errorf("Do has put %d bytes, want %d", len(b), size)
		}
	}
}

func wireOf(t *testing.T, v any) ckpt.Raw {
	t.Helper()
	b, err := wire.AppendAny(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A state that is over the limit of a service may fit it compressed; one that
// compression does not help, and bytes that are no state, are sent as they are.
func TestCompressionOfRaw(t *testing.T) {
	t.Parallel()
	srv := store(t, smallBus)
	c, _ := connect[ckpt.Raw](t, srv, client.WithCompression(client.Zstd, 0))
	ctx := within(t, patience)
	noise := make([]byte, 10_000)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	for name, raw := range map[string]ckpt.Raw{
		"noise": wire.AppendBin(nil, noise), "one byte": {7}, "large": wireOf(t, strings.Repeat("large ", 4<<20)),
	} {
		must[ckpt.StatePutReply](t)(c.PutState(ctx, name, raw))
		if got := must[client.Stored[ckpt.Raw]](t)(c.GetState(ctx, name)); !bytes.Equal(got.Value, raw) {
			t.Errorf("%s: %d bytes, want %d", name, len(got.Value), len(raw))
		}
	}
	if b := stateOf(t, c, "noise"); len(b) != len(noise)+3 {
		t.Errorf("noise is stored in %d bytes", len(b))
	}
	// What is compressed already, by a backup for instance, is not so twice.
	stored := stateOf(t, c, "large")
	must[ckpt.StatePutReply](t)(c.PutState(ctx, "again", stored))
	if b := stateOf(t, c, "again"); !bytes.Equal(b, stored) {
		t.Errorf("stored in %d bytes, want %d", len(b), len(stored))
	}
	if _, err := c.PutState(ctx, "bad", bytes.Repeat([]byte{0xc1}, 5000)); !errors.Is(err, ckpt.ErrInvalidArgument) {
		t.Errorf("bytes that are no msgpack: %v", err)
	}
}

func TestCompressionRefused(t *testing.T) {
	t.Parallel()
	_, nc := connect[string](t, store(t, bus.Options{}))
	for _, o := range []client.Option{client.WithCompression(3, 0), client.WithCompression(client.S2, -1)} {
		if _, err := client.New[string](nc, o); !errors.Is(err, ckpt.ErrInvalidArgument) {
			t.Errorf("%v", err)
		}
	}
}

// compressed returns an extension as it stands for a state.
func compressed(how byte, size uint32, block []byte) ckpt.Raw {
	b := wire.AppendExtHeader(nil, 122, 5+len(block))
	b = binary.BigEndian.AppendUint32(append(b, how), size)
	return append(b, block...)
}

// hostile returns bytes that a client must not believe.
func hostile() map[string]ckpt.Raw {
	e, _ := zstd.NewWriter(nil)
	defer e.Close()
	zeros := make([]byte, 10<<20)
	z, s := e.EncodeAll(zeros, nil), s2.Encode(nil, zeros)
	return map[string]ckpt.Raw{
		"nothing":               {0xc7, 0, 122},
		"half a head":           {0xc7, 3, 122, 1, 0, 0},
		"no block":              compressed(1, 0, nil),
		"no frame":              compressed(2, 5, nil),
		"another compression":   compressed(3, 1, []byte{1}),
		"a size over the limit": compressed(1, 64<<20+1, s),
		"a frame over it":       compressed(2, 1<<32-1, z),
		"a block of more":       compressed(1, 100, s),
		"a block of less":       compressed(1, 11<<20, s),
		"a frame of more":       compressed(2, 100, z),
		"a frame of less":       compressed(2, 11<<20, z),
		"no block of S2":        compressed(1, 5, []byte{5, 0xff, 0xff}),
		"a block of no end":     compressed(1, 60<<20, append(binary.AppendUvarint(nil, 60<<20), 0, 1)),
		"not msgpack":           compressed(1, 2, s2.Encode(nil, []byte{0xc1, 0})),
		"two values":            compressed(1, 2, s2.Encode(nil, []byte{1, 2})),
	}
}

func TestPlainRefuses(t *testing.T) {
	t.Parallel()
	for name, raw := range hostile() {
		if got, err := client.Plain(raw); !errors.Is(err, ckpt.ErrUnknown) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	for _, raw := range []ckpt.Raw{nil, {1}, {0xc0}, {0xd4, 121, 1}} {
		if got, err := client.Plain(raw); err != nil || !bytes.Equal(got, raw) {
			t.Errorf("%x became %x, %v", []byte(raw), []byte(got), err)
		}
	}
}

// Whatever a state claims to be, reading it gives sound msgpack or an error.
func FuzzPlain(f *testing.F) {
	for _, raw := range hostile() {
		if len(raw) < 1000 {
			f.Add([]byte(raw))
		}
	}
	e, _ := zstd.NewWriter(nil)
	defer e.Close()
	f.Add([]byte(compressed(1, 2, s2.Encode(nil, []byte{0x91, 1}))))
	f.Add([]byte(compressed(2, 2, e.EncodeAll([]byte{0x91, 1}, nil))))
	f.Fuzz(func(t *testing.T, b []byte) {
		if ckpt.Check(b) != nil {
			return
		}
		if plain, err := client.Plain(b); err == nil && ckpt.Check(plain) != nil {
			t.Errorf("%x became %x", b, plain)
		}
	})
}
