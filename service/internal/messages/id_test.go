package messages

import (
	"strings"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/wire"
)

func TestIDOf(t *testing.T) {
	t.Parallel()
	with := func(value any) ckpt.Raw {
		b := wire.AppendMapHeader(nil, 2)
		b = wire.AppendStr(wire.AppendStr(b, "role"), "user")
		b, err := wire.AppendAny(wire.AppendStr(b, idKey), value)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, tc := range []struct {
		name string
		body ckpt.Raw
		id   ckpt.MessageID // zero: there is none
		err  string         // what the error must contain
	}{
		{"string", with("a"), ckpt.StringID("a"), ""},
		{"text of digits", with("7"), ckpt.StringID("7"), ""},
		{"integer", with(7), ckpt.IntID(7), ""},
		{"negative", with(-7), ckpt.IntID(-7), ""},
		{"largest", with(uint64(1<<64 - 1)), ckpt.UintID(1<<64 - 1), ""},
		{"nil", with(nil), ckpt.MessageID{}, ""},
		{"absent", ckpt.Raw{0x80}, ckpt.MessageID{}, ""},
		{"empty", with(""), ckpt.MessageID{}, "message_id is empty"},
		{"long", with(strings.Repeat("x", ckpt.MaxIDBytes+1)), ckpt.MessageID{}, "bytes"},
		{"float", with(7.0), ckpt.MessageID{}, "message_id is float"},
		{"map", with(map[string]any{}), ckpt.MessageID{}, "message_id is map"},
		{"no map", ckpt.Raw{0x90}, ckpt.MessageID{}, "is array, want map"},
		{"nil message", ckpt.Raw{0xc0}, ckpt.MessageID{}, "is nil, want map"},
	} {
		id, ok, err := IDOf(tc.body)
		if id != tc.id || ok != !tc.id.IsZero() {
			t.Errorf("%s: %v, %t, want %v", tc.name, id, ok, tc.id)
		}
		if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%s: error %v, want %q", tc.name, err, tc.err)
		}
	}
}
