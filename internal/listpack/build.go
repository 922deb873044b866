package listpack

import (
	"encoding/binary"
	"slices"
)

// Begin appends to dst what a listpack begins with. The elements are then appended by
// [AddElement] and [AddInt], and [Finish] makes a listpack of them: where there are
// many that is faster than [Append], which leaves a whole listpack behind each.
func Begin(dst []byte) []byte { return append(dst, 0, 0, 0, 0, 0, 0) }

// AddElement appends s as an element, as [Append] would store it.
func AddElement(dst, s []byte) []byte {
	n, isInt := parseInt(s)
	if isInt {
		return AddInt(dst, n)
	}
	if len(s) < 1<<6 {
		dst = append(append(dst, 0x80|byte(len(s))), s...)
		return append(dst, byte(1+len(s)))
	}
	body := bodyOf(s, 0, false)
	at, size := len(dst), body+backSize(body)
	dst = slices.Grow(dst, size)[:at+size]
	putString(dst[at:], s, body)
	return dst
}

// AddInt appends n as an element.
func AddInt(dst []byte, n int64) []byte {
	if n >= 0 && n <= 127 {
		return append(dst, byte(n), 1)
	}
	body := bodyOfInt(n)
	at := len(dst)
	dst = slices.Grow(dst, body+1)[:at+body+1]
	putInt(dst[at:], n, body)
	return dst
}

// Finish ends the listpack of n elements that begins at at in dst. It may not exceed
// [SizeMax].
func Finish(dst []byte, at, n int) []byte {
	dst = append(dst, end)
	if len(dst)-at > SizeMax {
		panic("listpack: too large")
	}
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at))
	binary.LittleEndian.PutUint16(dst[at+4:], uint16(min(n, countMax)))
	return dst
}
