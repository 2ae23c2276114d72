package ckpt_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ckptbus/ckpt"
)

func TestEncodeToken(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"airline-17":  "airline-17",
		"a_B-9":       "a_B-9",
		"a.b":         "a=2Eb",
		"a b":         "a=20b",
		"*":           "=2A",
		">":           "=3E",
		"=":           "=3D",
		"=2A":         "=3D2A",
		"..":          "=2E=2E",
		"ž":           "=C5=BE",
		"user@x.org":  "user=40x=2Eorg",
		"$SYS":        "=24SYS",
		"path/to/run": "path=2Fto=2Frun",
	} {
		if got := ckpt.EncodeToken(id); got != want {
			t.Errorf("%q: got %s, want %s", id, got, want)
		}
		if got, err := ckpt.DecodeToken(want); err != nil || got != id {
			t.Errorf("%s: got %q, %v", want, got, err)
		}
	}
	for _, token := range []string{"", "=", "=2", "=2a", "=G0", "=41", "=2D", "a.b", "a b", "*", ">", "=00", "=0A", "=FF", "ž",
		strings.Repeat("x", ckpt.MaxIDBytes+1)} {
		if id, err := ckpt.DecodeToken(token); err == nil {
			t.Errorf("%q: got %q", token, id)
		}
	}
}

var safeToken = regexp.MustCompile(`^[A-Za-z0-9_=-]+$`)

func TestTokensNeverMeet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyID().Draw(t, "a"), anyID().Draw(t, "b")
		token := ckpt.EncodeToken(a)
		if !safeToken.MatchString(token) || len(token) > 3*len(a) {
			t.Fatalf("%q became %q", a, token)
		}
		if back, err := ckpt.DecodeToken(token); err != nil || back != a {
			t.Fatalf("%q became %q, then %q, %v", a, token, back, err)
		}
		if (a == b) != (token == ckpt.EncodeToken(b)) {
			t.Fatalf("%q and %q meet in %q", a, b, token)
		}
	})
}

func FuzzToken(f *testing.F) {
	for _, s := range []string{"airline-17", "a.b", "=2E", "=2", "*.>", "ž", "a\r\nPUB x 0\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := ckpt.DecodeToken(s); err == nil && ckpt.EncodeToken(id) != s {
			t.Errorf("token %q is a second spelling of %q", s, id)
		}
		token := ckpt.EncodeToken(s)
		if s != "" && !safeToken.MatchString(token) {
			t.Errorf("%q became %q", s, token)
		}
		if back, err := ckpt.DecodeToken(token); (err == nil) != (ckpt.CheckID(s) == nil) || err == nil && back != s {
			t.Errorf("%q became %q, then %q, %v", s, token, back, err)
		}
	})
}

func TestCheckPrefix(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"ckpt", "a", "team-1.ckpt", "A_b.c.D9", strings.Repeat("x", ckpt.MaxIDBytes)} {
		if err := ckpt.CheckPrefix(prefix); err != nil {
			t.Errorf("%q: %v", prefix, err)
		}
	}
	for _, prefix := range []string{"", ".", "a.", ".a", "a..b", "a b", "*", "a.>", "$SYS", "a=b", "ž", "a\n", "a\xff",
		strings.Repeat("x", ckpt.MaxIDBytes+1)} {
		if err := ckpt.CheckPrefix(prefix); !errors.Is(err, ckpt.ErrInvalidArgument) {
			t.Errorf("%q: got %v", prefix, err)
		}
	}
}

func TestSubjects(t *testing.T) {
	t.Parallel()
	if got := ckpt.StatePut.Subject("team.ckpt"); got != "team.ckpt.state.put" {
		t.Errorf("got %s", got)
	}
	if got := ckpt.EventSubject("ckpt", "a.b"); got != "ckpt.events.a=2Eb" {
		t.Errorf("got %s", got)
	}
	if got := ckpt.EventsSubject("ckpt"); got != "ckpt.events.*" {
		t.Errorf("got %s", got)
	}
}

// What the table promises of each row.
func TestOperations(t *testing.T) {
	t.Parallel()
	has := func(r ckpt.Record, name string, required bool) bool {
		return slices.Contains(ckpt.FieldsOf(r), ckpt.Field{Name: name, Required: required})
	}
	seen := map[string]bool{}
	for _, op := range ckpt.Operations() {
		if seen[op.Name] {
			t.Errorf("%s is there twice", op.Name)
		}
		seen[op.Name] = true
		if err := ckpt.CheckPrefix(op.Name); err != nil {
			t.Errorf("%s: %v", op.Name, err)
		}
		if got := has(op.NewRequest(), "request_id", false); got != op.Writes {
			t.Errorf("%s: writes is %v, a request_id is taken: %v", op.Name, op.Writes, got)
		}
		if op.Everyone && op.Writes {
			t.Errorf("%s: every replica would write", op.Name)
		}
		if !has(op.NewReply(), "revision", true) {
			t.Errorf("%s: the reply has no revision", op.Name)
		}
		if q := op.NewRequest(); len(ckpt.FieldsOf(q)) > 0 && q == op.NewRequest() {
			t.Errorf("%s: two requests are one", op.Name)
		}
		for _, r := range []ckpt.Record{op.NewRequest(), op.NewReply()} {
			names := map[string]bool{}
			for _, field := range ckpt.FieldsOf(r) {
				if names[field.Name] {
					t.Errorf("%s: field %s is declared twice", op.Name, field.Name)
				}
				names[field.Name] = true
			}
			if len(names) > 64 {
				t.Errorf("%s: more fields than the decoder can count", op.Name)
			}
		}
	}
	if len(seen) != len(ckpt.Operations()) {
		t.Errorf("%d names of %d operations", len(seen), len(ckpt.Operations()))
	}
}

func ExampleEncodeToken() {
	fmt.Println(ckpt.EncodeToken("airline-17"))
	fmt.Println(ckpt.EncodeToken("user@example.org"))
	// Output:
	// airline-17
	// user=40example=2Eorg
}
