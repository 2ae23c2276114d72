package ckpt

import (
	"fmt"
	"strconv"

	"github.com/ckptbus/ckpt/internal/wire"
)

// Code says what kind of failure an [Error] is. The set is closed: a later
// version may add a code but never changes what one means. The numbers are
// those of HTTP and travel in the header that NATS micro services use.
type Code uint16

// The codes. Unknown is the zero value and arises on the client only: the
// outcome of a request that nobody answered, or an answer that made no sense.
const (
	Unknown          Code = 0   // the outcome is not known; a write may have been applied
	InvalidArgument  Code = 400 // the request is malformed; sending it again cannot help
	PermissionDenied Code = 403 // the thread belongs to another user, or the operation is switched off
	NotFound         Code = 404 // what was asked for is not stored
	Conflict         Code = 409 // the request contradicts what is stored
	TooLarge         Code = 413 // the request or its reply does not fit the bus or a limit
	Overloaded       Code = 429 // too much is under way; try again later
	Internal         Code = 500 // a fault of the service, which has logged it
	Unavailable      Code = 503 // nobody serves the subject, or the service cannot serve now; try again later
)

// String returns the code's name in protocol spelling, such as NOT_FOUND.
func (c Code) String() string {
	switch c {
	case Unknown:
		return "UNKNOWN"
	case InvalidArgument:
		return "INVALID_ARGUMENT"
	case PermissionDenied:
		return "PERMISSION_DENIED"
	case NotFound:
		return "NOT_FOUND"
	case Conflict:
		return "CONFLICT"
	case TooLarge:
		return "TOO_LARGE"
	case Overloaded:
		return "OVERLOADED"
	case Internal:
		return "INTERNAL"
	case Unavailable:
		return "UNAVAILABLE"
	}
	return "CODE_" + strconv.Itoa(int(c))
}

// Codes returns every code that a service sends.
func Codes() []Code {
	return []Code{InvalidArgument, PermissionDenied, NotFound, Conflict, TooLarge, Overloaded, Internal, Unavailable}
}

// The sentinels of the codes, for errors.Is: every [Error] matches the one of
// its code.
var (
	ErrUnknown          = &Error{Code: Unknown}
	ErrInvalidArgument  = &Error{Code: InvalidArgument}
	ErrPermissionDenied = &Error{Code: PermissionDenied}
	ErrNotFound         = &Error{Code: NotFound}
	ErrConflict         = &Error{Code: Conflict}
	ErrTooLarge         = &Error{Code: TooLarge}
	ErrOverloaded       = &Error{Code: Overloaded}
	ErrInternal         = &Error{Code: Internal}
	ErrUnavailable      = &Error{Code: Unavailable}
)

// Error is the failure of one request.
type Error struct {
	Code     Code
	Message  string // what was wrong and, where there is something to do, what
	Subject  string // the subject that was asked; set by the client
	ThreadID string // the thread that was asked for; set by the client, empty where the operation has none
	Revision uint64 // the thread's revision when the request was refused; 0 where it does not exist or was not looked at
	Size     int64  // TooLarge: the bytes that were to be sent or stored
	Limit    int64  // TooLarge: the bytes that are allowed
	Lease    uint64 // Conflict: the token of the lease that holds the thread, where that is why; 0 where nobody holds it
	Parts    *Parts // TooLarge: how to read a reply that does not fit; nil of all else
	// Known is how far the store was when the request was refused, with the codes
	// that tell of a thread; zero otherwise.
	Known Position
	Err   error // the cause, where there is one on this side
}

// Errorf returns an error with the code and a formatted message.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// TooLargef returns a TooLarge error that carries both sizes; what names the
// thing that is too large.
func TooLargef(size, limit int, format string, args ...any) *Error {
	what := fmt.Sprintf(format, args...)
	return &Error{Code: TooLarge, Size: int64(size), Limit: int64(limit),
		Message: fmt.Sprintf("%s: %d bytes, limit %d", what, size, limit)}
}

// Error returns the code, the message, and the subject and thread where known.
func (e *Error) Error() string {
	s := "ckpt: " + e.Code.String()
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Subject != "" {
		s += " (" + e.Subject
		if e.ThreadID != "" {
			s += ", thread " + strconv.Quote(e.ThreadID)
		}
		s += ")"
	}
	return s
}

// Is reports whether target is an [Error] of the same code, which is how the
// sentinels match.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// The headers of a reply that is an error. A reply without HeaderErrorCode is
// a success.
const (
	HeaderError     = "Nats-Service-Error"      // the message
	HeaderErrorCode = "Nats-Service-Error-Code" // the code, in decimal
)

// fields declares the body of an error reply: what the headers say and the
// figures that a program may want.
func (e *Error) fields(f *wire.Fields) {
	f.Open()
	f.Required("revision", &e.Revision)
	f.Optional("size", &e.Size)
	f.Optional("limit", &e.Limit)
	f.Optional("known", &e.Known)
	f.Optional("lease", &e.Lease)
	f.Optional("parts", pointerTo(&e.Parts))
}

// ParseError returns the error that a reply with these header values and this
// body is; the inverse of what a service sends. A code that is no number
// becomes Unknown, and a body that cannot be read is left out.
func ParseError(code, message string, body []byte) *Error {
	e := &Error{}
	if len(body) > 0 {
		_ = Decode(body, e) // the headers alone say what failed
	}
	if n, err := strconv.ParseUint(code, 10, 16); err == nil {
		e.Code = Code(n)
	}
	e.Message = message
	return e
}
