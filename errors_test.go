package ckpt_test

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"testing"

	"github.com/ckptbus/ckpt"
)

func TestCodes(t *testing.T) {
	t.Parallel()
	sentinels := []*ckpt.Error{ckpt.ErrInvalidArgument, ckpt.ErrPermissionDenied, ckpt.ErrNotFound, ckpt.ErrConflict,
		ckpt.ErrTooLarge, ckpt.ErrOverloaded, ckpt.ErrInternal, ckpt.ErrUnavailable}
	names := map[string]bool{}
	for i, code := range ckpt.Codes() {
		name := code.String()
		if names[name] || name == "CODE_"+strconv.Itoa(int(code)) {
			t.Errorf("code %d is called %s", code, name)
		}
		names[name] = true
		err := fmt.Errorf("wrapped: %w", ckpt.Errorf(code, "thread %d", 7))
		for j, sentinel := range sentinels {
			if errors.Is(err, sentinel) != (i == j) {
				t.Errorf("%v matches %v", err, sentinel)
			}
		}
	}
	if len(names) != len(sentinels) {
		t.Errorf("%d codes, %d sentinels", len(names), len(sentinels))
	}
	if got := ckpt.Code(599).String(); got != "CODE_599" {
		t.Errorf("got %s", got)
	}
	if !errors.Is(&ckpt.Error{}, ckpt.ErrUnknown) || ckpt.Unknown.String() != "UNKNOWN" {
		t.Error("the zero error is not UNKNOWN")
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  *ckpt.Error
		want string
	}{
		{ckpt.ErrNotFound, "ckpt: NOT_FOUND"},
		{ckpt.Errorf(ckpt.Conflict, "was %d", 3), "ckpt: CONFLICT: was 3"},
		{&ckpt.Error{Code: ckpt.NotFound, Message: "no state", Subject: "ckpt.state.get", ThreadID: "a\n"},
			`ckpt: NOT_FOUND: no state (ckpt.state.get, thread "a\n")`},
		{&ckpt.Error{Code: ckpt.Unavailable, Subject: "ckpt.setup"}, "ckpt: UNAVAILABLE (ckpt.setup)"},
		{ckpt.TooLargef(10, 8, "message %d", 2), "ckpt: TOO_LARGE: message 2: 10 bytes, limit 8"},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
	if err := (&ckpt.Error{Err: io.EOF}); !errors.Is(err, io.EOF) {
		t.Error("the cause is hidden")
	}
}

// An error becomes headers and a body, and those the same error.
func TestParseError(t *testing.T) {
	t.Parallel()
	in := &ckpt.Error{Code: ckpt.TooLarge, Message: "state: 10 bytes, limit 8", Revision: 7, Size: 10, Limit: 8}
	body, err := ckpt.Append(nil, in)
	if err != nil {
		t.Fatal(err)
	}
	if got := ckpt.ParseError("413", in.Message, body); !reflect.DeepEqual(got, in) {
		t.Errorf("got %+v", got)
	}
	for _, test := range []struct {
		code string
		body string
		want ckpt.Code
	}{
		{"404", "", ckpt.NotFound},
		{"404", "not msgpack", ckpt.NotFound},
		{"404", "\xdf\xff\xff\xff\xff", ckpt.NotFound},
		{"404", "\x82\xa8revision\x07\xa4more\xc0", ckpt.NotFound},
		{"599", "", ckpt.Code(599)},
		{"", "", ckpt.Unknown},
		{"-1", "", ckpt.Unknown},
		{"99999", "", ckpt.Unknown},
	} {
		got := ckpt.ParseError(test.code, "text", []byte(test.body))
		if got.Code != test.want || got.Message != "text" {
			t.Errorf("%s %q: got %v", test.code, test.body, got)
		}
	}
}

func TestDecodeError(t *testing.T) {
	t.Parallel()
	err := ckpt.Decode([]byte("\x81\xa9thread_id\xc3"), new(ckpt.StateGetRequest))
	var e *ckpt.Error
	if !errors.As(err, &e) || e.Code != ckpt.InvalidArgument || e.Message != `field "thread_id": is bool, want string or integer` {
		t.Errorf("got %v", err)
	}
}
