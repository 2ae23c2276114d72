package store

import (
	"encoding/base64"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/ckptbus/ckpt"
)

func FuzzMessageCursor(f *testing.F) {
	for _, c := range []messageCursor{{}, {1, 2}, {math.MaxInt64, math.MaxInt64}} {
		f.Add(c.text(7))
		f.Add(c.text(8))
	}
	f.Add(ckpt.FirstCursor)
	f.Add(base64.RawURLEncoding.EncodeToString(append(appendCursor(7), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1)))
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseMessageCursor(text, 7)
		if err != nil {
			if !errors.Is(err, ckpt.ErrInvalidArgument) || !strings.Contains(err.Error(), "cursor") {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if again, err := parseMessageCursor(c.text(7), 7); err != nil || again != c || c.created < 0 || c.number < 0 {
			t.Fatalf("%q is %+v, then %+v, %v", text, c, again, err)
		}
	})
}

func TestMessageCursor(t *testing.T) {
	t.Parallel()
	for _, c := range []messageCursor{{}, {5, 0}, {newStamp(1_758_400_000_000, 41), 1_000_000}, {math.MaxInt64, math.MaxInt64}} {
		if got, err := parseMessageCursor(c.text(9), 9); err != nil || got != c {
			t.Errorf("%+v is read as %+v, %v", c, got, err)
		}
		if _, err := parseMessageCursor(c.text(9), 10); !errors.Is(err, ckpt.ErrInvalidArgument) || !strings.Contains(err.Error(), "another list") {
			t.Errorf("of another list: %v", err)
		}
	}
}
