package resp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
)

// ReaderLimits bound one whole reply, whatever it is made of.
type ReaderLimits struct {
	// BytesMax is the number of bytes in all its strings together.
	BytesMax int64
	// ElemsMax is the number of elements in all its aggregates together.
	ElemsMax int
	// DepthMax is how deep aggregates may lie in each other.
	DepthMax int
}

// DefaultReaderLimits returns limits that no reply of a sane server exceeds.
func DefaultReaderLimits() ReaderLimits {
	return ReaderLimits{BytesMax: 1 << 30, ElemsMax: 16 << 20, DepthMax: 32}
}

// ErrReplyTooBig is returned for a reply that exceeds the Reader's limits. Wrapped.
var ErrReplyTooBig = errors.New("reply exceeds the limit")

// ErrBadReply is returned for bytes that are not RESP. Wrapped.
var ErrBadReply = errors.New("malformed reply")

// Reader decodes replies from a stream, RESP2 and RESP3. It spends memory only on
// bytes that arrived, never on a length the wire claims. After an error of
// decoding the stream is out of step and must be closed. Not safe for concurrent
// use.
type Reader struct {
	br  *bufio.Reader
	lim ReaderLimits

	// What the reply being read may still use of the limits.
	bytesLeft int64
	elemsLeft int
}

// readerBufferBytes is room for a typical pipeline of replies.
const readerBufferBytes = 16 << 10

// NewReader returns a Reader of r. If r is a [*bufio.Reader] it is used as it is.
func NewReader(r io.Reader, lim ReaderLimits) *Reader {
	br, ok := r.(*bufio.Reader)
	if !ok {
		br = bufio.NewReaderSize(r, readerBufferBytes)
	}
	return &Reader{br: br, lim: lim}
}

// Buffered returns the buffer in front of the stream, for a caller who takes the
// stream over from here on, as a replica does for the bytes of a snapshot.
func (r *Reader) Buffered() *bufio.Reader { return r.br }

// Read returns the next reply. The error is io.EOF if the stream ended between
// replies, io.ErrUnexpectedEOF within one; it wraps [ErrBadReply] or
// [ErrReplyTooBig], or is the stream's own.
func (r *Reader) Read() (Value, error) {
	r.bytesLeft, r.elemsLeft = r.lim.BytesMax, r.lim.ElemsMax
	if _, err := r.br.Peek(1); err != nil {
		return Value{}, err
	}
	v, err := r.value(r.lim.DepthMax)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return v, err
}

// attributeKind precedes a reply; it is no reply itself.
const attributeKind Kind = '|'

func (r *Reader) value(depth int) (Value, error) {
	line, err := r.line()
	if err != nil {
		return Value{}, err
	}
	if len(line) == 0 {
		return Value{}, badReply("empty line")
	}
	kind, rest := Kind(line[0]), line[1:]
	switch kind {
	case KindBulk, KindBulkError, KindVerbatim:
		return r.bulk(kind, rest)
	case KindArray, KindSet, KindPush, KindMap:
		return r.aggregate(kind, rest, depth)
	case attributeKind:
		return r.attributed(rest, depth)
	}
	return r.scalar(kind, rest)
}

// line returns the next line without its CRLF. It is valid until the next read.
func (r *Reader) line() ([]byte, error) {
	line, err := r.br.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		line, err = r.longLine(line)
	}
	if err != nil {
		return nil, err
	}
	if len(line) < 2 || line[len(line)-2] != '\r' {
		return nil, badReply("line without CRLF")
	}
	return line[:len(line)-2], nil
}

// longLine reads on after a full buffer. Error texts can be long, 64 KB is ample.
func (r *Reader) longLine(head []byte) ([]byte, error) {
	line := append([]byte(nil), head...)
	for len(line) <= DefaultInlineMax {
		more, err := r.br.ReadSlice('\n')
		line = append(line, more...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
	return nil, fmt.Errorf("%w: line of over %d bytes", ErrReplyTooBig, DefaultInlineMax)
}

func (r *Reader) scalar(kind Kind, text []byte) (v Value, err error) {
	if r.bytesLeft -= int64(len(text)); r.bytesLeft < 0 {
		return Value{}, tooBig("bytes", r.lim.BytesMax)
	}
	v = Value{Kind: kind, Str: append([]byte(nil), text...)}
	ok := true
	switch kind {
	case KindStatus, KindError:
	case KindInt:
		v.Int, ok = parseWireInt(text)
	case KindNull:
		v.Null, ok = true, len(text) == 0
	case KindBool:
		v.Int, ok = int64(b2i(string(text) == "t")), string(text) == "t" || string(text) == "f"
		v.Str = nil
	case KindDouble:
		v.Float, ok = parseWireDouble(text)
	case KindBigNumber:
		ok = isBigNumber(text)
	default:
		return Value{}, badReply("type " + strconv.QuoteRune(rune(kind)))
	}
	if !ok {
		return Value{}, badReply(strconv.Quote(string(kind) + string(text)))
	}
	return v, nil
}

func (r *Reader) bulk(kind Kind, length []byte) (Value, error) {
	n, ok := parseWireInt(length)
	if kind == KindBulk && n == -1 && ok {
		return Value{Kind: kind, Null: true}, nil
	}
	if !ok || n < 0 {
		return Value{}, badReply("length " + strconv.Quote(string(length)))
	}
	if r.bytesLeft -= n; r.bytesLeft < 0 {
		return Value{}, tooBig("bytes", r.lim.BytesMax)
	}
	body, err := r.body(n)
	if err != nil {
		return Value{}, err
	}
	v := Value{Kind: kind, Str: body}
	if kind == KindVerbatim {
		if len(body) < 4 || body[3] != ':' {
			return Value{}, badReply("verbatim string without format")
		}
		v.Format, v.Str = string(body[:3]), body[4:]
	}
	return v, nil
}

// bodyChunkBytes is how much memory a bulk gets before its bytes have arrived.
const bodyChunkBytes = 64 << 10

// body reads n bytes and the CRLF behind them.
func (r *Reader) body(n int64) ([]byte, error) {
	body := make([]byte, 0, min(n, bodyChunkBytes))
	for int64(len(body)) < n {
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		part := body[len(body):min(int64(cap(body)), n)]
		if _, err := io.ReadFull(r.br, part); err != nil {
			return nil, err
		}
		body = body[:len(body)+len(part)]
	}
	end, err := r.br.Peek(2)
	if err != nil {
		return nil, err
	}
	if string(end) != "\r\n" {
		return nil, badReply("bulk without CRLF")
	}
	_, err = r.br.Discard(2)
	return body, err
}

func (r *Reader) aggregate(kind Kind, length []byte, depth int) (Value, error) {
	n, ok := parseWireInt(length)
	if kind == KindArray && n == -1 && ok {
		return Value{Kind: kind, Null: true}, nil
	}
	elems, err := r.elements(kind, n, ok, depth)
	return Value{Kind: kind, Array: elems}, err
}

// elements reads n replies, twice as many for a kind that consists of pairs.
func (r *Reader) elements(kind Kind, n int64, ok bool, depth int) ([]Value, error) {
	if !ok || n < 0 || n > math.MaxInt32 {
		return nil, badReply("length of aggregate")
	}
	if kind == KindMap || kind == attributeKind {
		n *= 2
	}
	if depth == 0 {
		return nil, tooBig("levels", int64(r.lim.DepthMax))
	}
	if n > int64(r.elemsLeft) {
		return nil, tooBig("elements", int64(r.lim.ElemsMax))
	}
	r.elemsLeft -= int(n)
	const claimed = 64 // elements that get memory before they have arrived
	elems := make([]Value, 0, min(n, claimed))
	for range n {
		v, err := r.value(depth - 1)
		if err != nil {
			return nil, err
		}
		elems = append(elems, v)
	}
	return elems, nil
}

// attributed reads the rest of an attribute and the reply it belongs to.
func (r *Reader) attributed(length []byte, depth int) (Value, error) {
	n, ok := parseWireInt(length)
	attr, err := r.elements(attributeKind, n, ok, depth)
	if err != nil {
		return Value{}, err
	}
	v, err := r.value(depth - 1)
	v.Attr = append(attr, v.Attr...)
	return v, err
}

// parseWireInt is [ParseInt] with the optional plus that the protocol allows.
func parseWireInt(b []byte) (int64, bool) {
	if len(b) > 1 && b[0] == '+' && b[1] != '-' {
		b = b[1:]
	}
	return ParseInt(b)
}

func parseWireDouble(b []byte) (float64, bool) {
	switch string(b) {
	case "nan", "-nan":
		return math.NaN(), true
	}
	return ParseFloat(b)
}

func isBigNumber(b []byte) bool {
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		b = b[1:]
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

func badReply(what string) error { return fmt.Errorf("%w: %s", ErrBadReply, what) }

func tooBig(unit string, limit int64) error {
	return fmt.Errorf("%w: over %d %s", ErrReplyTooBig, limit, unit)
}
