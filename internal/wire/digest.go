package wire

import (
	"slices"

	"github.com/cespare/xxhash/v2"
)

// Digest returns a digest of the declared fields but those named, never 0. It is
// the same wherever in a payload the fields stood, in whichever width its
// integers came, and on every machine.
func (f *Fields) Digest(without ...string) (uint64, error) {
	sum := xxhash.New()
	var scratch [256]byte
	for i := range f.list {
		fd := &f.list[i]
		if fd.empty() || slices.Contains(without, fd.name) {
			continue
		}
		b := AppendStr(scratch[:0], fd.name)
		switch p := fd.ptr.(type) { // without a copy of what may be large
		case *Raw:
			sum.Write(b)
			sum.Write(*p)
		case *[]Raw:
			sum.Write(AppendArrayHeader(b, len(*p)))
			for _, raw := range *p {
				sum.Write(raw)
			}
		default:
			b, err := fd.append(b)
			if err != nil {
				return 0, err
			}
			sum.Write(b)
		}
	}
	return max(sum.Sum64(), 1), nil
}

// Checksum returns the xxHash64 of b with the seed 0.
func Checksum(b []byte) uint64 { return xxhash.Sum64(b) }
