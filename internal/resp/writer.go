package resp

import (
	"slices"
	"strconv"
)

// Writer appends replies to Buf. The zero value writes RESP2, in which the types
// that RESP3 added take the form Redis gives them there. Not safe for concurrent
// use.
type Writer struct {
	Buf   []byte
	RESP3 bool
}

// Status appends a simple string such as OK. Line ends in s become spaces.
func (w *Writer) Status(s string) { w.line('+', s) }

// Error appends an error. The text begins with its prefix and has no '-'. Line
// ends at its edges are dropped, others become spaces, as in Redis.
func (w *Writer) Error(s string) {
	for s != "" && isLineEnd(s[0]) {
		s = s[1:]
	}
	for s != "" && isLineEnd(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	w.line('-', s)
}

// Int appends an integer.
func (w *Writer) Int(v int64) { w.header(':', v) }

// Bulk appends a string of any bytes.
func (w *Writer) Bulk(b []byte) {
	w.header('$', int64(len(b)))
	w.Buf = append(w.Buf, b...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// AppendShort appends src[from:from+n], less than 64 bytes, as [Writer.Bulk] does: in less
// time, for those who have many such strings in one place.
func AppendShort(dst, src []byte, from, n int) []byte {
	const (
		most  = 64
		piece = 16
	)
	dst = slices.Grow(dst, len("$63\r\n")+most+len("\r\n"))
	all := dst[len(dst) : len(dst)+len("$63\r\n")+most+len("\r\n")]
	at := len("$63\r\n")
	if n < 10 {
		at--
		copy(all, "$0\r\n")
		all[1] += byte(n)
	} else {
		copy(all, "$00\r\n")
		all[1] += byte(n / 10)
		all[2] += byte(n % 10)
	}
	if text := all[at:]; from+most <= len(src) {
		// What is behind the string is copied too, and written over.
		for i := 0; i < n; i += piece {
			*(*[piece]byte)(text[i:]) = *(*[piece]byte)(src[from+i:])
		}
	} else {
		copy(text, src[from:from+n])
	}
	all[at+n], all[at+n+1] = '\r', '\n'
	return dst[:len(dst)+at+n+len("\r\n")]
}

// BulkString is [Writer.Bulk] of a string.
func (w *Writer) BulkString(s string) {
	w.header('$', int64(len(s)))
	w.Buf = append(w.Buf, s...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// BulkInt appends an integer as a bulk string.
func (w *Writer) BulkInt(v int64) {
	var digits [20]byte
	w.Bulk(strconv.AppendInt(digits[:0], v, 10))
}

// Null appends the absence of a value: "$-1" in RESP2.
func (w *Writer) Null() { w.null("$-1\r\n") }

// NullArray appends the absence of an array: "*-1" in RESP2.
func (w *Writer) NullArray() { w.null("*-1\r\n") }

func (w *Writer) null(resp2 string) {
	if w.RESP3 {
		resp2 = "_\r\n"
	}
	w.Buf = append(w.Buf, resp2...)
}

// Array begins an array; n replies must follow.
func (w *Writer) Array(n int) { w.header('*', int64(n)) }

// Map begins a map; n pairs of replies, key and value, must follow. RESP2: an
// array of 2n.
func (w *Writer) Map(n int) {
	if w.RESP3 {
		w.header('%', int64(n))
		return
	}
	w.header('*', 2*int64(n))
}

// Set begins a set; n replies must follow. RESP2: an array.
func (w *Writer) Set(n int) { w.aggregate('~', n) }

// SetBefore makes the n replies that Buf has from offset at on a set: for those who
// count while they write.
func (w *Writer) SetBefore(at, n int) {
	end := len(w.Buf)
	w.Set(n)
	var header [24]byte
	size := copy(header[:], w.Buf[end:])
	copy(w.Buf[at+size:], w.Buf[at:end])
	copy(w.Buf[at:], header[:size])
}

// Push begins an out-of-band message; n replies must follow. RESP2: an array.
func (w *Writer) Push(n int) { w.aggregate('>', n) }

func (w *Writer) aggregate(kind byte, n int) {
	if !w.RESP3 {
		kind = '*'
	}
	w.header(kind, int64(n))
}

// Attribute begins n pairs of replies about the reply that follows them. Only
// RESP3 has it: the caller must leave it and the pairs out for others.
func (w *Writer) Attribute(n int) { w.header('|', int64(n)) }

// Double appends a float as [AppendDouble] prints it. RESP2: a bulk string.
func (w *Writer) Double(f float64) {
	var scratch [40]byte
	text := AppendDouble(scratch[:0], f)
	if !w.RESP3 {
		w.Bulk(text)
		return
	}
	w.Buf = append(w.Buf, ',')
	w.Buf = append(w.Buf, text...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// Bool appends a truth value. RESP2: the integer 1 or 0.
func (w *Writer) Bool(b bool) {
	switch {
	case !w.RESP3:
		w.Int(int64(b2i(b)))
	case b:
		w.Buf = append(w.Buf, "#t\r\n"...)
	default:
		w.Buf = append(w.Buf, "#f\r\n"...)
	}
}

// Verbatim appends text of a format named by three letters, "txt" or "mkd". RESP2:
// a bulk string without the format. Panics if ext has not three letters.
func (w *Writer) Verbatim(ext, s string) {
	if len(ext) != 3 {
		panic("resp: verbatim format " + strconv.Quote(ext))
	}
	if !w.RESP3 {
		w.BulkString(s)
		return
	}
	w.header('=', int64(len(ext)+1+len(s)))
	w.Buf = append(w.Buf, ext...)
	w.Buf = append(w.Buf, ':')
	w.Buf = append(w.Buf, s...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// BigNumber appends an integer of any size, given as digits. RESP2: a bulk string.
func (w *Writer) BigNumber(digits string) {
	if !w.RESP3 {
		w.BulkString(digits)
		return
	}
	w.line('(', digits)
}

// Raw appends bytes that are RESP already.
func (w *Writer) Raw(b []byte) { w.Buf = append(w.Buf, b...) }

// header appends "<kind><v>\r\n". Small counts and lengths are nearly all there is.
func (w *Writer) header(kind byte, v int64) {
	if v >= 0 && v < 10 {
		w.Buf = append(w.Buf, kind, byte('0'+v), '\r', '\n')
		return
	}
	if v >= 10 && v < 100 {
		w.Buf = append(w.Buf, kind, byte('0'+v/10), byte('0'+v%10), '\r', '\n')
		return
	}
	w.Buf = append(w.Buf, kind)
	w.Buf = strconv.AppendInt(w.Buf, v, 10)
	w.Buf = append(w.Buf, '\r', '\n')
}

func (w *Writer) line(kind byte, s string) {
	w.Buf = append(w.Buf, kind)
	from := len(w.Buf)
	w.Buf = append(w.Buf, s...)
	for i, c := range w.Buf[from:] {
		if isLineEnd(c) {
			w.Buf[from+i] = ' '
		}
	}
	w.Buf = append(w.Buf, '\r', '\n')
}

func isLineEnd(c byte) bool { return c == '\r' || c == '\n' }
