package resp

import (
	"math"
	"strconv"
)

// Kind is the type of a reply: the byte it begins with on the wire.
type Kind byte

// The kinds of replies. The last nine exist in RESP3 only.
const (
	KindStatus    Kind = '+'
	KindError     Kind = '-'
	KindInt       Kind = ':'
	KindBulk      Kind = '$'
	KindArray     Kind = '*'
	KindNull      Kind = '_'
	KindBool      Kind = '#'
	KindDouble    Kind = ','
	KindBigNumber Kind = '('
	KindBulkError Kind = '!'
	KindVerbatim  Kind = '='
	KindMap       Kind = '%'
	KindSet       Kind = '~'
	KindPush      Kind = '>'
)

// Value is a decoded reply. It owns its memory.
type Value struct {
	Kind Kind
	// Null says that there is no value: "_", "$-1" or "*-1".
	Null bool
	// Str is the text of a status, error, bulk, verbatim string (without its
	// format) or number of any size, and the digits of an integer or double.
	Str []byte
	// Int is an integer, and 0 or 1 for a boolean.
	Int int64
	// Float is a double.
	Float float64
	// Array holds the elements of an array, set or push message, and the keys and
	// values of a map in turn.
	Array []Value
	// Attr holds the pairs of an attribute that preceded the reply.
	Attr []Value
	// Format is the three letters of a verbatim string.
	Format string
}

// IsNull reports whether there is no value.
func (v Value) IsNull() bool { return v.Null }

// Err returns the error of an error reply as an [*Error], nil for other replies.
func (v Value) Err() error {
	if v.Kind == KindError || v.Kind == KindBulkError {
		return &Error{string(v.Str)}
	}
	return nil
}

// Text returns the text of a scalar, "" for others and for null.
func (v Value) Text() string {
	if v.Kind == KindBool {
		return strconv.FormatInt(v.Int, 10)
	}
	return string(v.Str)
}

// Bytes is [Value.Text] without the copy: the bytes are those of v.
func (v Value) Bytes() []byte { return v.Str }

// Int64 returns an integer, or a text that is one by the rules of [ParseInt].
func (v Value) Int64() (n int64, ok bool) {
	switch v.Kind {
	case KindInt, KindBool:
		return v.Int, true
	case KindStatus, KindBulk, KindVerbatim, KindBigNumber, KindDouble:
		return ParseInt(v.Str)
	}
	return 0, false
}

// Float64 returns a double, an integer, or a text that is a number by the rules of
// [ParseFloat].
func (v Value) Float64() (f float64, ok bool) {
	switch v.Kind {
	case KindDouble:
		return v.Float, !math.IsNaN(v.Float)
	case KindInt, KindBool:
		return float64(v.Int), true
	case KindStatus, KindBulk, KindVerbatim, KindBigNumber:
		return ParseFloat(v.Str)
	}
	return 0, false
}

// Lookup returns the value of a key in a map, or in the flat array that a map is in
// RESP2.
func (v Value) Lookup(key string) (Value, bool) {
	for i := 0; i+1 < len(v.Array); i += 2 {
		if string(v.Array[i].Str) == key {
			return v.Array[i+1], true
		}
	}
	return Value{}, false
}
