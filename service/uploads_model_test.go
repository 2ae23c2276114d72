package service

import (
	"bytes"
	"testing"

	"github.com/ckptbus/ckpt"
	"pgregory.net/rapid"
)

// Whatever parts come, in whatever order, a request that is taken is the one that
// was announced, byte for byte, and places are given back.
func TestUploadsAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		u := uploads{limit: 2, byID: make(map[string]*upload)}
		now := int64(0)
		payload := rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "payload")
		size := rapid.IntRange(1, 10).Draw(t, "part size")
		count := ckpt.PartCount(len(payload), size)
		sum := ckpt.Checksum(payload)
		id, err := u.begin(&ckpt.UploadRequest{Size: len(payload), PartSize: size, Checksum: sum}, "s", nil, 40, now)
		if err != nil {
			t.Fatal(err)
		}
		came, spoilt, latest := make(map[int]bool), false, now
		for range rapid.IntRange(0, 3*count).Draw(t, "steps") {
			now += rapid.Int64Range(0, partsPatience.Milliseconds()/4).Draw(t, "pause")
			u.sweep(now)
			i := rapid.IntRange(-1, count).Draw(t, "index")
			data := []byte{}
			if i >= 0 && i < count {
				data = bytes.Clone(part(payload, size, i))
			}
			change := rapid.IntRange(0, 9).Draw(t, "change")
			switch {
			case change == 0:
				data = append(data, 0)
			case change == 1 && len(data) > 0:
				data[0]++
			}
			fits := i >= 0 && i < count && change != 0
			alive := now-latest <= partsPatience.Milliseconds()
			err := u.put(&ckpt.PartsPutRequest{ID: id, Index: i, Data: data}, now)
			if (err == nil) != (fits && alive) {
				t.Fatalf("part %d of %d bytes, alive %v: %v", i, len(data), alive, err)
			}
			if err == nil {
				spoilt = spoilt || change == 1 && !came[i]
				came[i], latest = true, now
			}
		}
		u.sweep(now)
		up, done, err := u.end(id)
		alive := now-latest <= partsPatience.Milliseconds()
		if whole := alive && len(came) == count && !spoilt; (err == nil) != whole {
			t.Fatalf("%d of %d parts, spoilt %v, alive %v: %v", len(came), count, spoilt, alive, err)
		}
		if err == nil {
			if !bytes.Equal(up.bytes, payload) {
				t.Fatalf("%x became %x", payload, up.bytes)
			}
			done()
		}
		u.sweep(now + partsPatience.Milliseconds() + 1)
		if len(u.byID) > 0 {
			t.Fatalf("%d uploads are left", len(u.byID))
		}
	})
}
