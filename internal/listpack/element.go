package listpack

import (
	"bytes"
	"encoding/binary"
	"strconv"
)

// Element is an element: an integer, or a string that shares the listpack's memory.
type Element struct {
	Str   []byte // nil for an integer
	Int   int64
	IsInt bool
}

// Get returns the element at at.
func Get(lp []byte, at int) Element {
	p := lp[at:]
	b := p[0]
	switch {
	case b < 0x80:
		return Element{Int: int64(b), IsInt: true}
	case b < 0xc0:
		n := 1 + int(b&0x3f)
		return Element{Str: p[1:n:n]}
	case b < 0xe0:
		return Element{Int: (int64(b&0x1f)<<8 | int64(p[1])) << 51 >> 51, IsInt: true}
	case b < 0xf0:
		n := 2 + int(b&0x0f)<<8 + int(p[1])
		return Element{Str: p[2:n:n]}
	case b == 0xf0:
		n := 5 + int(binary.LittleEndian.Uint32(p[1:]))
		return Element{Str: p[5:n:n]}
	}
	return Element{Int: littleInt(p[1 : 1+intWidth(b)]), IsInt: true}
}

// Short returns where the text of the element at at begins and its length, if it is a
// string of less than 64 bytes, as most are.
func Short(lp []byte, at int) (from, n int, ok bool) {
	b := lp[at]
	return at + 1, int(b & 0x3f), b&0xc0 == 0x80
}

// Step returns the element at at and the place after it, -1 at the end: [Get] and
// [Next] in one.
func Step(lp []byte, at int) (e Element, next int) {
	if from, n, ok := Short(lp, at); ok {
		e.Str, next = lp[from:from+n:from+n], from+n+1
	} else {
		e, next = Get(lp, at), at+sizeAt(lp, at)
	}
	if lp[next] == end {
		next = -1
	}
	return e, next
}

// littleInt returns the signed little-endian integer of 2 to 8 bytes p holds.
func littleInt(p []byte) int64 {
	var n uint64
	for i, b := range p {
		n |= uint64(b) << (8 * i)
	}
	shift := 64 - 8*len(p)
	return int64(n<<shift) >> shift
}

// Append appends the element as the string it stands for.
func (e Element) Append(dst []byte) []byte {
	if e.IsInt {
		return strconv.AppendInt(dst, e.Int, 10)
	}
	return append(dst, e.Str...)
}

// Bytes returns the element as a string: its own memory, or that of an integer's
// digits in buf, which has room for 20 bytes or grows.
func (e Element) Bytes(buf []byte) []byte {
	if e.IsInt {
		return strconv.AppendInt(buf[:0], e.Int, 10)
	}
	return e.Str
}

// Len returns the length of the string the element stands for.
func (e Element) Len() int {
	if !e.IsInt {
		return len(e.Str)
	}
	n, rest := 1, uint64(e.Int)
	if e.Int < 0 {
		n, rest = 2, -rest
	}
	for ; rest >= 10; rest /= 10 {
		n++
	}
	return n
}

// Equal reports whether the element stands for s.
func (e Element) Equal(s []byte) bool {
	if e.IsInt {
		n, ok := parseInt(s)
		return ok && n == e.Int
	}
	return bytes.Equal(e.Str, s)
}

// Find returns where the first element equal to s is, looking at the one at at and
// at each one that follows after skipping skip others; -1 if there is none or at
// is -1.
func Find(lp []byte, at int, s []byte, skip int) int {
	if at < 0 {
		return -1
	}
	n, isInt := parseInt(s)
	for {
		// Most elements are short strings.
		if b := lp[at]; b&0xc0 == 0x80 {
			body := lp[at+1 : at+1+int(b&0x3f)]
			if string(body) == string(s) {
				return at
			}
			at += len(body) + 2
		} else if b == end {
			return -1
		} else if e := Get(lp, at); e.IsInt && isInt && e.Int == n || !e.IsInt && bytes.Equal(e.Str, s) {
			return at
		} else {
			at += sizeAt(lp, at)
		}
		for range skip {
			switch b := lp[at]; {
			case b < 0x80:
				at += 2
			case b < 0xc0:
				at += int(b&0x3f) + 2
			case b == end:
				return -1
			default:
				at += sizeAt(lp, at)
			}
		}
	}
}

const longestInt = 20 // "-9223372036854775808"

// parseInt returns the number s is the canonical decimal form of: such strings are
// kept as integers.
func parseInt(s []byte) (int64, bool) {
	if len(s) == 0 || len(s) > longestInt {
		return 0, false
	}
	digits, negative := s, s[0] == '-'
	if negative {
		digits = s[1:]
	}
	if len(digits) == 0 || len(digits) == longestInt || digits[0] == '0' && len(s) > 1 {
		return 0, false
	}
	var n uint64 // 19 digits cannot overflow it
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	if negative {
		return -int64(n), n <= 1<<63
	}
	return int64(n), n < 1<<63
}
