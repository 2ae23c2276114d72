// Package wire reads and writes the msgpack maps that travel between clients
// and services.
//
// It exists because msgpack from strangers cannot be handed to a general
// decoder: a library that believes a length field allocates 4 GiB for five
// bytes, and a million nested arrays overflow its stack. So every payload goes
// through one iterative pass first ([Check]), which allocates nothing, and the
// same pass finds where the fields are ([Fields]), so that a service never
// decodes what it only keeps and sends back.
//
// Reading order: token.go (one msgpack header), check.go (one whole value),
// fields.go (the fields of a map, declared once for both directions),
// decode.go and append.go (those two directions); then raw.go, any.go and
// json.go (what one value is, to Go and to people).
package wire
