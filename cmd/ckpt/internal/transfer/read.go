package transfer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// maxLine is the longest line in bytes. The largest value that a store on a bus of
// 1 MiB messages can be set to take, 256 MiB, fits in base64.
const maxLine = 384 << 20

// errCut is why a line cannot be read whose end is missing.
var errCut = errors.New("the file ends within a line")

// lines reads lines.
type lines struct {
	in     *bufio.Reader
	buf    []byte
	number int   // of the last line, counted from 1
	offset int64 // behind the last line
}

func newLines(r io.Reader) *lines { return &lines{in: bufio.NewReaderSize(r, 64<<10)} }

// next returns the next line with its end; it is valid until the next call.
// The error is io.EOF behind the last line.
func (l *lines) next() ([]byte, error) {
	l.buf = l.buf[:0]
	for {
		part, err := l.in.ReadSlice('\n')
		l.buf = append(l.buf, part...)
		switch {
		case err == nil:
			l.number++
			l.offset += int64(len(l.buf))
			return l.buf, nil
		case len(l.buf) > maxLine:
			l.number++
			return nil, fmt.Errorf("is longer than %d bytes", maxLine)
		case errors.Is(err, io.EOF) && len(l.buf) > 0:
			l.number++
			return nil, errCut
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}
