package wire

import (
	"slices"

	"github.com/cespare/xxhash/v2"
)

// Digest returns a digest of the declared fields but those named, never 0. It is
// the same wherever in a payload the fields stood, in whichever width its
// integers came, and on every machine.
func (f *Fields) Digest(without ...string) (uint64, error) {
	sum := summing{small: f.scratch[:0]}
	for i := range f.list {
		fd := &f.list[i]
		if slices.Contains(without, fd.name) || fd.empty() {
			continue
		}
		sum.small = AppendStr(sum.small, fd.name)
		switch p := fd.ptr.(type) {
		case *Raw:
			sum.add(*p)
		case *[]Raw:
			sum.small = AppendArrayHeader(sum.small, len(*p))
			for _, raw := range *p {
				sum.add(raw)
			}
		default:
			var err error
			if sum.small, err = fd.append(sum.small); err != nil {
				return 0, err
			}
		}
	}
	if cap(sum.small) <= keepScratch {
		f.scratch = sum.small
	}
	return max(sum.end(), 1), nil
}

// summing takes the sum of what is added, in one piece where that is little.
type summing struct {
	small []byte // what is not in the stream yet
	large *xxhash.Digest
}

// add adds raw, without a copy where it is large.
func (s *summing) add(raw Raw) {
	if len(raw) <= smallRaw {
		s.small = append(s.small, raw...)
		return
	}
	if s.large == nil {
		s.large = xxhash.New()
	}
	s.large.Write(s.small)
	s.large.Write(raw)
	s.small = s.small[:0]
}

// keepScratch bounds the memory that waits for the next digest.
const keepScratch = 4 << 10

// smallRaw is up to how many bytes to copy costs less than to begin a stream.
const smallRaw = 512

func (s *summing) end() uint64 {
	if s.large == nil {
		return xxhash.Sum64(s.small)
	}
	s.large.Write(s.small)
	return s.large.Sum64()
}

// Checksum returns the xxHash64 of b with the seed 0.
func Checksum(b []byte) uint64 { return xxhash.Sum64(b) }
