package resp

import "math"

// Limits bound what one peer may send in a command.
type Limits struct {
	// BulkMax is the longest argument in bytes (proto-max-bulk-len).
	BulkMax int64
	// ArrayMax is the largest number of arguments.
	ArrayMax int
	// InlineMax is the longest inline command, and the longest header line of
	// an array or a bulk, in bytes.
	InlineMax int
	// Unauthenticated narrows the limits to what a client needs to log in:
	// 10 arguments of 16384 bytes.
	Unauthenticated bool
}

const (
	// DefaultBulkMax is Redis's default of proto-max-bulk-len.
	DefaultBulkMax = 512 << 20
	// DefaultArrayMax is Redis's limit of arguments; what bounds them in practice is
	// how much of a command a client may have sent before it is complete.
	DefaultArrayMax = math.MaxInt32
	// DefaultInlineMax is Redis's fixed limit for inline commands.
	DefaultInlineMax = 64 << 10

	// What a client may send before it has authenticated; Redis's figures.
	unauthenticatedArrayMax = 10
	unauthenticatedBulkMax  = 16384
)

// DefaultLimits returns the limits of an authenticated client of a server with
// default settings.
func DefaultLimits() Limits {
	return Limits{BulkMax: DefaultBulkMax, ArrayMax: DefaultArrayMax, InlineMax: DefaultInlineMax}
}

// ProtocolError is what a client sent that is not RESP. Its text is what the
// client is told after "-ERR "; the connection is then to be closed.
type ProtocolError struct {
	Text string
}

func (e *ProtocolError) Error() string { return e.Text }

func protocolError(text string) error {
	return &ProtocolError{Text: "Protocol error: " + text}
}
