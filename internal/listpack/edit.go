package listpack

import (
	"encoding/binary"
	"slices"
)

// SizeMax is the size in bytes that no edit may exceed: one that would panics.
// Callers check first, with [SizeOf].
const SizeMax = 1 << 30

// SizeOf returns how many bytes s takes as an element.
func SizeOf(s []byte) int {
	n, isInt := parseInt(s)
	body := bodyOf(s, n, isInt)
	return body + backSize(body)
}

func bodyOf(s []byte, n int64, isInt bool) int {
	if isInt {
		return bodyOfInt(n)
	}
	switch {
	case len(s) < 1<<6:
		return 1 + len(s)
	case len(s) < 1<<12:
		return 2 + len(s)
	}
	return 5 + len(s)
}

func bodyOfInt(n int64) int {
	switch {
	case n >= 0 && n <= 127:
		return 1
	case n >= -1<<12 && n < 1<<12:
		return 2
	case n == int64(int16(n)):
		return 3
	case n >= -1<<23 && n < 1<<23:
		return 4
	case n == int64(int32(n)):
		return 5
	}
	return 9
}

// Append adds s at the end.
func Append(lp, s []byte) []byte { return Insert(lp, len(lp)-1, s) }

// AppendInt adds n at the end.
func AppendInt(lp []byte, n int64) []byte { return InsertInt(lp, len(lp)-1, n) }

// Prepend adds s at the begin.
func Prepend(lp, s []byte) []byte { return Insert(lp, header, s) }

// Insert adds s before the element at at, or at the end if at is len(lp)-1. s may
// not share lp's memory.
func Insert(lp []byte, at int, s []byte) []byte {
	n, isInt := parseInt(s)
	if isInt {
		return InsertInt(lp, at, n)
	}
	body := bodyOf(s, 0, false)
	lp = open(lp, at, 0, body+backSize(body))
	putString(lp[at:], s, body)
	count(lp, 1)
	return lp
}

// InsertInt is Insert of an integer.
func InsertInt(lp []byte, at int, n int64) []byte {
	body := bodyOfInt(n)
	lp = open(lp, at, 0, body+1)
	putInt(lp[at:], n, body)
	count(lp, 1)
	return lp
}

// Replace puts s in the place of the element at at. s may not share lp's memory.
func Replace(lp []byte, at int, s []byte) []byte {
	n, isInt := parseInt(s)
	if isInt {
		return ReplaceInt(lp, at, n)
	}
	body := bodyOf(s, 0, false)
	lp = open(lp, at, sizeAt(lp, at), body+backSize(body))
	putString(lp[at:], s, body)
	return lp
}

// ReplaceInt is Replace by an integer.
func ReplaceInt(lp []byte, at int, n int64) []byte {
	body := bodyOfInt(n)
	lp = open(lp, at, sizeAt(lp, at), body+1)
	putInt(lp[at:], n, body)
	return lp
}

// Delete removes n elements, or as many as there are, from at on. at is then where
// the element behind them is, or the end.
func Delete(lp []byte, at, n int) []byte {
	if at < 0 || n <= 0 {
		return lp
	}
	to, gone := at, 0
	for ; gone < n && lp[to] != end; gone++ {
		to += sizeAt(lp, to)
	}
	lp = slices.Delete(lp, at, to)
	binary.LittleEndian.PutUint32(lp, uint32(len(lp)))
	count(lp, -gone)
	return lp
}

// DeleteFirst removes the first n elements, or as many as there are, by moving the
// begin: the slice it returns starts later in the same memory.
func DeleteFirst(lp []byte, n int) []byte {
	to, gone := header, 0
	for ; gone < n && lp[to] != end; gone++ {
		to += sizeAt(lp, to)
	}
	copy(lp[to-header:], lp[:header])
	lp = lp[to-header:]
	binary.LittleEndian.PutUint32(lp, uint32(len(lp)))
	count(lp, -gone)
	return lp
}

// PrependBefore is Prepend to the listpack that begins at at in mem, for which it
// takes the [SizeOf] s before it: where the listpack then begins.
func PrependBefore(mem []byte, at int, s []byte) int {
	n, isInt := parseInt(s)
	body := bodyOf(s, n, isInt)
	size := int(binary.LittleEndian.Uint32(mem[at:])) + body + backSize(body)
	if size > SizeMax {
		panic("listpack: too large")
	}
	old := at
	at -= body + backSize(body)
	copy(mem[at:], mem[old:old+header])
	if isInt {
		putInt(mem[at+header:], n, body)
	} else {
		putString(mem[at+header:], s, body)
	}
	binary.LittleEndian.PutUint32(mem[at:], uint32(size))
	count(mem[at:], 1)
	return at
}

// Merge appends the elements of b to a.
func Merge(a, b []byte) []byte {
	at, n := len(a)-1, Len(a)+Len(b)
	a = open(a, at, 0, len(b)-header-1)
	copy(a[at:], b[header:])
	binary.LittleEndian.PutUint16(a[4:], uint16(min(n, countMax)))
	return a
}

// open makes the was bytes at at will bytes long; what they hold is to be written.
func open(lp []byte, at, was, will int) []byte {
	size := len(lp) + will - was
	if size > SizeMax {
		panic("listpack: too large")
	}
	if size > len(lp) {
		old := len(lp)
		lp = slices.Grow(lp, size-old)[:size]
		copy(lp[at+will:], lp[at+was:old])
	} else {
		copy(lp[at+will:], lp[at+was:])
		lp = lp[:size]
	}
	binary.LittleEndian.PutUint32(lp, uint32(size))
	return lp
}

// count changes the number of elements by by.
func count(lp []byte, by int) {
	if n := int(binary.LittleEndian.Uint16(lp[4:])); n != countMax {
		binary.LittleEndian.PutUint16(lp[4:], uint16(min(n+by, countMax)))
	}
}

func putString(dst, s []byte, body int) {
	switch {
	case len(s) < 1<<6:
		dst[0] = 0x80 | byte(len(s))
	case len(s) < 1<<12:
		dst[0], dst[1] = 0xe0|byte(len(s)>>8), byte(len(s))
	default:
		dst[0] = 0xf0
		binary.LittleEndian.PutUint32(dst[1:], uint32(len(s)))
	}
	copy(dst[body-len(s):], s)
	putBack(dst[body:body+backSize(body)], body)
}

func putInt(dst []byte, n int64, body int) {
	switch body {
	case 1:
		dst[0] = byte(n)
	case 2:
		dst[0], dst[1] = 0xc0|byte(n>>8)&0x1f, byte(n)
	default:
		dst[0] = [...]byte{3: 0xf1, 4: 0xf2, 5: 0xf3, 9: 0xf4}[body]
		for i := 1; i < body; i++ {
			dst[i] = byte(n)
			n >>= 8
		}
	}
	dst[body] = byte(body)
}
