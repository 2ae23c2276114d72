package main

import (
	"strings"
	"testing"

	"github.com/ckptbus/ckpt/client"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
	"github.com/nats-io/nats.go"
)

func TestByteSize(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]struct {
		bytes byteSize
		text  string
	}{
		"1": {1, "1"}, "65536": {1 << 16, "64KiB"}, "64KiB": {1 << 16, "64KiB"}, "1024KiB": {1 << 20, "1MiB"},
		"64MiB": {64 << 20, "64MiB"}, "2GiB": {2 << 30, "2GiB"}, "1500MiB": {1500 << 20, "1500MiB"},
	} {
		var b byteSize
		if err := b.Set(s); err != nil || b != want.bytes || b.String() != want.text {
			t.Errorf("%s: %d, %s, %v", s, b, b.String(), err)
		}
	}
	for _, s := range []string{"", "0", "-1", "1.5MiB", "MiB", "64MB", "64 MiB", "1TiB", "99999999999GiB", "0x10", "1KiBMiB"} {
		b := byteSize(7)
		if err := b.Set(s); err == nil || b != 7 || !strings.Contains(err.Error(), "KiB") {
			t.Errorf("%q: %d, %v", s, b, err)
		}
	}
}

// What the flags say is what the service tells.
func TestServeLimits(t *testing.T) {
	t.Parallel()
	_, url := serve(t, "--max-value", "2MiB", "--max-uploads", "9")
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	c, err := client.New[string](nc)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if a, err := c.Setup(t.Context()); err != nil || a.Limits.Value != 2<<20 || a.Limits.Uploads != 9 {
		t.Errorf("%+v, %v", a.Limits, err)
	}
	on := " --nats " + bustest.Start(t).URL()
	for args, want := range map[string]string{"--max-uploads 0": "want 1 or more", "--max-value 64MB": "KiB", "--max-value 1GiB": "268173312"} {
		got := cli(t, "", append([]string{"serve"}, strings.Fields(args+on)...)...)
		if got.code == exitOK || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: %+v", args, got)
		}
	}
}
