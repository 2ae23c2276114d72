// Package transfer copies threads out of a store into a file and back into any
// store, byte for byte.
//
// The file is JSON Lines: a header, for each thread a line with its record and
// behind it one line for each value that it holds, and a footer with counts and
// the checksum of all lines before. Values are msgpack in base64. Where the
// footer is missing, the file is not whole.
//
// Reading order: format.go (lines), write.go and read.go (files of them),
// list.go, messages.go and export.go (out of a store), check.go, import.go,
// put.go and verify.go (into one).
package transfer
