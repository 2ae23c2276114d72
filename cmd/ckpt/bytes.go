package main

import (
	"fmt"
	"strconv"
	"strings"
)

// byteSize is a flag that is a number of bytes, such as 65536, 64KiB or 1GiB.
type byteSize int

// units are those of a byteSize, the largest first.
var units = []struct {
	name  string
	bytes int
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}}

// Set reads a size.
func (b *byteSize) Set(s string) error {
	for _, u := range units {
		number, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 31)
		if err != nil || n == 0 {
			break
		}
		*b = byteSize(int(n) * u.bytes)
		return nil
	}
	return fmt.Errorf("%q: want a number of bytes, 1 or more, or one with KiB, MiB or GiB", s)
}

// String returns the size in the largest unit that leaves no fraction.
func (b *byteSize) String() string {
	for _, u := range units {
		if n := int(*b); n != 0 && n%u.bytes == 0 {
			return strconv.Itoa(n/u.bytes) + u.name
		}
	}
	return "0"
}

// Type is what the help calls the value.
func (*byteSize) Type() string { return "SIZE" }
