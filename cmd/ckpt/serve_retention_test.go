package main

import (
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
)

// The flags say what becomes of threads for which nothing else is set.
func TestServeRetention(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		flags   []string
		sliding bool
	}{
		{[]string{"--thread-ttl", "720h", "--keep-messages", "2"}, true},
		{[]string{"--thread-ttl", "720h", "--thread-ttl-fixed", "--keep-messages", "2"}, false},
	} {
		s, url := serve(t, test.flags...)
		c := dial(t, url)
		hi := ckpt.TextMessage(ckpt.RoleUser, "hi")
		put, err := c.PutMessages(t.Context(), "t", []ckpt.Message{hi, hi, hi})
		if err != nil {
			t.Fatal(err)
		}
		list, err := c.ListMessages(t.Context(), "t")
		if err != nil || len(list.Items) != 2 || list.Items[0].MessageID != put.MessageIDs[1] {
			t.Errorf("%v: messages %+v, %v", test.flags, list.Items, err)
		}
		info, err := c.GetThread(t.Context(), "t")
		if left := time.Until(info.Value.ExpiresAt); err != nil || info.Value.TTL != 720*time.Hour || info.Value.Sliding != test.sliding || left > 720*time.Hour || left < 719*time.Hour {
			t.Errorf("%v: %+v, %v", test.flags, info.Value, err)
		}
		if got := s.stop(); got.code != exitOK {
			t.Errorf("%+v", got)
		}
	}
}
