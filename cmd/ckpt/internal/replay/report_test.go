package replay

import (
	"strings"
	"testing"
	"time"

	"github.com/ckptbus/ckpt"
)

func TestFigures(t *testing.T) {
	t.Parallel()
	one, two := newFigures(), newFigures()
	for i := range 100 {
		f := one
		if i%2 == 0 {
			f = two
		}
		o := f.op(ckpt.StatePut.Name)
		o.took = append(o.took, time.Duration(100-i)*time.Millisecond)
		o.bytes += 1e4
	}
	two.op(ckpt.StateGet.Name).errors++
	one.merge(two)
	rows := one.rows(2 * time.Second)
	if len(rows) != 2 || rows[1].Name != ckpt.StateGet.Name || rows[1].Errors != 1 {
		t.Fatalf("%+v", rows)
	}
	want := Operation{Name: ckpt.StatePut.Name, Count: 100, Bytes: 1e6, PerSecond: 50, MegabytesPerSecond: 0.5,
		P50: 50 * time.Millisecond, P99: 99 * time.Millisecond}
	if rows[0] != want {
		t.Errorf("got  %+v\nwant %+v", rows[0], want)
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		n, p int
		want time.Duration
	}{{0, 50, 0}, {1, 50, 1}, {1, 99, 1}, {2, 50, 1}, {2, 99, 2}, {3, 50, 2}, {200, 99, 198}} {
		sorted := make([]time.Duration, test.n)
		for i := range sorted {
			sorted[i] = time.Duration(i + 1)
		}
		if got := percentile(sorted, test.p); got != test.want {
			t.Errorf("percentile %d of 1 to %d is %d, want %d", test.p, test.n, got, test.want)
		}
	}
}

func TestDifference(t *testing.T) {
	t.Parallel()
	for _, test := range [][3]string{
		{"abc", "abd", "3 bytes were sent, 3 came back, different from byte 2 on"},
		{"abc", "ab", "3 bytes were sent, 2 came back, different from byte 2 on"},
		{"", "x", "0 bytes were sent, 1 came back, different from byte 0 on"},
	} {
		if got := difference([]byte(test[0]), []byte(test[1])); got != test[2] {
			t.Errorf("%q and %q: %s", test[0], test[1], got)
		}
	}
}

func TestReportPrint(t *testing.T) {
	t.Parallel()
	r := Report{
		Store: "s", Journal: "local", Workers: 3, Conversations: 1200, Verified: 1199, Messages: 5308, Bytes: 12345678,
		Errors: 12, Mismatches: 1, Played: 1234567 * time.Microsecond, ReadBack: 1234567,
		Operations: []Operation{{Name: "state.put", Count: 1200, PerSecond: 2345.6, MegabytesPerSecond: 1.25, P50: 123456, P99: 12345678}},
		Failures:   []string{"something"},
	}
	var out strings.Builder
	if err := r.Print(&out); err != nil {
		t.Fatal(err)
	}
	want := `  operation       count  errors  per second  MB/s    p50      p99
  state.put       1,200       0       2,345   1.2  123µs  12.35ms

Played in 1.23s and read back in 1.23ms by 3 workers; store s, journal local.
  something
  and 12 more
FAILED: 1,199 of 1,200 conversations with 5,308 messages read back, 12,345,678 bytes compared, 1 mismatches, 12 errors
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
	}
}

func TestReportOK(t *testing.T) {
	t.Parallel()
	for r, want := range map[*Report]bool{
		{Conversations: 2, Verified: 2}:                true,
		{Conversations: 2, Verified: 1}:                false, // interrupted
		{Conversations: 2, Verified: 2, Errors: 1}:     false,
		{Conversations: 2, Verified: 2, Mismatches: 1}: false,
	} {
		if r.OK() != want || strings.HasPrefix(r.Verdict(), "OK: ") != want {
			t.Errorf("%s", r.Verdict())
		}
	}
}

func TestThousands(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}
