package listpack

import (
	"encoding/binary"
)

const (
	header   = 6
	end      = 0xff
	countMax = 0xffff // as a number of elements: not known
)

// New returns an empty listpack.
func New() []byte { return AppendEmpty(nil) }

// AppendEmpty appends an empty listpack to dst, for callers that bring the memory.
func AppendEmpty(dst []byte) []byte {
	return append(dst, header+1, 0, 0, 0, 0, 0, end)
}

// Empty is the size of a listpack without elements, in bytes.
const Empty = header + 1

// Len returns the number of elements: in constant time up to 65534 of them.
func Len(lp []byte) int {
	if n := binary.LittleEndian.Uint16(lp[4:]); n != countMax {
		return int(n)
	}
	n := 0
	for at := First(lp); at >= 0; at = Next(lp, at) {
		n++
	}
	return n
}

// First returns where the first element is, -1 if there is none.
func First(lp []byte) int { return orNone(lp, header) }

// Next returns the place after the element at at, -1 at the end.
func Next(lp []byte, at int) int {
	if _, n, ok := Short(lp, at); ok {
		return orNone(lp, at+n+2)
	}
	return orNone(lp, at+sizeAt(lp, at))
}

func orNone(lp []byte, at int) int {
	if lp[at] == end {
		return -1
	}
	return at
}

// Last returns where the last element is, -1 if there is none.
func Last(lp []byte) int { return Prev(lp, len(lp)-1) }

// Prev returns the place before the element at at, or before the end if at is
// len(lp)-1; -1 at the begin.
func Prev(lp []byte, at int) int {
	if at <= header {
		return -1
	}
	at--
	size, shift := int(lp[at]&127), 7
	for lp[at]&128 != 0 {
		at--
		size |= int(lp[at]&127) << shift
		shift += 7
	}
	return at - size
}

// Seek returns where the element of that index is; negative ones count from the
// end. It returns -1 if there is none.
func Seek(lp []byte, index int) int {
	if n := int(binary.LittleEndian.Uint16(lp[4:])); n != countMax {
		if index < 0 {
			index += n
		}
		if index < 0 || index >= n {
			return -1
		}
		if index > n/2 {
			index -= n // from the end it is nearer
		}
	}
	if index < 0 {
		at := Last(lp)
		for ; index < -1 && at >= 0; index++ {
			at = Prev(lp, at)
		}
		return at
	}
	at := First(lp)
	for ; index > 0 && at >= 0; index-- {
		at = Next(lp, at)
	}
	return at
}

// sizeAt is how many bytes the element at at takes, the size behind it included.
func sizeAt(lp []byte, at int) int {
	n := bodySize(lp[at:])
	return n + backSize(n)
}

// bodySize is the size of the element p begins with, without the one behind it.
func bodySize(p []byte) int {
	b := p[0]
	switch {
	case b < 0x80:
		return 1
	case b < 0xc0:
		return 1 + int(b&0x3f)
	case b < 0xe0:
		return 2
	case b < 0xf0:
		return 2 + int(b&0x0f)<<8 + int(p[1])
	case b == 0xf0:
		return 5 + int(binary.LittleEndian.Uint32(p[1:]))
	}
	return 1 + intWidth(b)
}

// intWidth is the width of the integers from 16 bits up, by their first byte.
func intWidth(b byte) int {
	switch b {
	case 0xf1:
		return 2
	case 0xf2:
		return 3
	case 0xf3:
		return 4
	}
	return 8
}

// backSize is how many bytes the size of an element takes behind it. The largest
// sizes of each number of bytes but the first are left to the next, as in Redis.
func backSize(size int) int {
	switch {
	case size < 1<<7:
		return 1
	case size < 1<<14-1:
		return 2
	case size < 1<<21-1:
		return 3
	case size < 1<<28-1:
		return 4
	}
	return 5
}

// putBack writes the size of an element to dst, which has backSize bytes.
func putBack(dst []byte, size int) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = byte(size)&127 | 128
		size >>= 7
	}
	dst[0] &= 127
}
