package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ckptbus/ckpt"
	"github.com/ckptbus/ckpt/internal/bus/bustest"
)

// A thread that is there all the time is listed, though threads before it are
// removed between two pages.
func TestListMissesNone(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	s := newStore(t, srv, "s")
	var all []string
	for i := range 12 {
		id := fmt.Sprint("t", i)
		s.putState(id, "", ckpt.Raw{0xc0})
		all = append(all, id)
	}
	n := 0
	proxy(t, srv, "front", "s", func(op string, _ []byte) {
		if op != ckpt.ThreadsList.Name {
			return
		}
		if n++; n == 4 { // the page behind two others
			for _, id := range []string{"t1", "t3", "t2"} {
				if _, err := s.CleanThread(t.Context(), id); err != nil {
					t.Error(err)
				}
			}
		}
	})
	got := must[[]string](t)(List(t.Context(), dial(t, srv, "front").Client, 3))
	for _, id := range s.ids() {
		if !slices.Contains(got, id) {
			t.Errorf("%s of %q is missing in %q", id, all, got)
		}
	}
}

// A thread that changes while it is read is read again; what changes all the
// time is told.
func TestExportOfChanges(t *testing.T) {
	t.Parallel()
	for changes, want := range map[int]int{1: 0, readings - 1: 0, readings: 1} {
		t.Run(fmt.Sprint(changes), func(t *testing.T) {
			t.Parallel()
			srv := bustest.Start(t)
			s := newStore(t, srv, "s")
			s.putMessages("t", "", nil, message(0, 1))
			n := 0
			proxy(t, srv, "front", "s", func(op string, _ []byte) {
				if op == ckpt.CacheGet.Name && n < changes {
					n++
					s.putMessages("t", "", nil, message(n, 1))
				}
			})
			file, out := dial(t, srv, "front").export()
			if len(out.Changed) != want || out.Messages != n+1 {
				t.Errorf("%+v after %d changes:\n%s", out, n, file)
			}
			if _, err := Check(t.Context(), "in", strings.NewReader(file), limits); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestExportOfGone(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	s := newStore(t, srv, "s")
	for _, id := range []string{"a", "b", "c"} {
		s.putState(id, "", ckpt.Raw{0xc0})
	}
	proxy(t, srv, "front", "s", func(op string, request []byte) {
		if op == ckpt.StateGet.Name && bytes.Contains(request, []byte("\xa1a")) {
			if _, err := s.CleanThread(t.Context(), "b"); err != nil {
				t.Error(err)
			}
		}
	})
	_, out := dial(t, srv, "front").export()
	if out.Gone != 1 || out.Threads != 2 {
		t.Errorf("%+v", out)
	}
}

// What came back otherwise is found, whatever it is.
func TestImportFindsDifferences(t *testing.T) {
	t.Parallel()
	for op, change := range map[string]func(s *store){
		ckpt.StateGet.Name:     func(s *store) { s.putState("all", "", ckpt.Raw{0x01}) },
		ckpt.CacheGet.Name:     func(s *store) { s.putCache("all", ckpt.Raw{0x01}, 0) },
		ckpt.MessagesList.Name: func(s *store) { s.putMessages("all", "", ckpt.Raw("\x81\xa1m\x02")) },
		ckpt.ThreadsGet.Name: func(s *store) {
			s.putMessages("all", "", nil, message(77, 1))
		},
	} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			srv := bustest.Start(t)
			from, to := newStore(t, srv, "from"), newStore(t, srv, "to")
			from.fill()
			file, _ := from.export("all")
			proxy(t, srv, "front", "to", func(asked string, _ []byte) {
				if asked == op {
					change(to)
				}
			})
			in, err := dial(t, srv, "front").load(file, ImportOptions{Mode: Replace, Verify: true})
			if err != nil || in.OK() || in.Differ != 1 || in.Verified != 0 || len(in.Failures) != 1 {
				t.Errorf("%v, %+v", err, in)
			}
		})
	}
}

// An import that ends early tells what it did not finish.
func TestImportInterrupted(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	from := newStore(t, srv, "from")
	newStore(t, srv, "to")
	from.fill()
	file, _ := from.export("cache", "all", "long")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var puts atomic.Int64
	proxy(t, srv, "front", "to", func(op string, _ []byte) {
		if op == ckpt.MessagesPut.Name && puts.Add(1) == 1 {
			cancel()
		}
	})
	front := dial(t, srv, "front")
	f := must[*File](t)(Check(ctx, "in", strings.NewReader(file), front.setup.Limits))
	in, err := Import(ctx, front.Client, []*File{f}, ImportOptions{Limits: front.setup.Limits, Verify: true})
	if !errors.Is(err, context.Canceled) || in.OK() || in.Verified != 1 || !slices.Equal(in.Unfinished, []string{"all"}) {
		t.Errorf("%v, %+v", err, in)
	}
}

func TestImportTwoFiles(t *testing.T) {
	t.Parallel()
	srv := bustest.Start(t)
	from, to := newStore(t, srv, "from"), newStore(t, srv, "to")
	from.fill()
	var files []*File
	for _, id := range []string{"all", "long", "all"} {
		file, _ := from.export(id)
		files = append(files, must[*File](t)(Check(t.Context(), "f"+id, strings.NewReader(file), limits)))
	}
	o := ImportOptions{Limits: to.setup.Limits, Verify: true}
	if _, err := Import(t.Context(), to.Client, files, o); err == nil || err.Error() != `the thread "all" is in fall and in fall` {
		t.Errorf("%v", err)
	}
	if in := must[Imported](t)(Import(t.Context(), to.Client, files[:2], o)); in.Verified != 2 {
		t.Errorf("%+v", in)
	}
}
