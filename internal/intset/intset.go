// Package intset reads and edits Redis's sorted arrays of integers: the form of a
// set whose members are all integers, in memory and in RDB files.
//
// An intset is one block of bytes: the width of a member (4 bytes: 2, 4 or 8), how
// many there are (4 bytes), and the members, ascending, each once, all of that width;
// everything little endian. The width grows to fit a new member and never shrinks.
//
// Functions that edit do so in place where the capacity allows and return the slice,
// like append. All but [Validate] take what New, an edit or Validate vouches for, and
// nothing here is safe for concurrent use of one block.
package intset

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

const header = 8

// MaxLen is how many members an intset may have; Redis keeps to it, too.
const MaxLen = 1 << 30

// New returns an empty intset.
func New() []byte { return AppendEmpty(nil) }

// AppendEmpty appends an empty intset to dst, for callers that bring the memory.
func AppendEmpty(dst []byte) []byte { return append(dst, 2, 0, 0, 0, 0, 0, 0, 0) }

// Len returns the number of members.
func Len(s []byte) int { return int(binary.LittleEndian.Uint32(s[4:])) }

// Width returns the bytes each member takes: 2, 4 or 8.
func Width(s []byte) int { return int(s[0]) }

// At returns member i, of 0 to Len-1, in ascending order.
func At(s []byte, i int) int64 { return at(s, Width(s), i) }

func at(s []byte, width, i int) int64 {
	p := s[header+i*width:]
	switch width {
	case 2:
		return int64(int16(binary.LittleEndian.Uint16(p)))
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(p)))
	}
	return int64(binary.LittleEndian.Uint64(p))
}

func put(s []byte, width, i int, v int64) {
	p := s[header+i*width:]
	switch width {
	case 2:
		binary.LittleEndian.PutUint16(p, uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(p, uint32(v))
	default:
		binary.LittleEndian.PutUint64(p, uint64(v))
	}
}

func widthOf(v int64) int {
	switch {
	case v >= math.MinInt16 && v <= math.MaxInt16:
		return 2
	case v >= math.MinInt32 && v <= math.MaxInt32:
		return 4
	}
	return 8
}

// Find returns where v is, or where it would be inserted.
func Find(s []byte, v int64) (i int, found bool) {
	width, n := Width(s), Len(s)
	if n == 0 || v > at(s, width, n-1) { // common: insertion in ascending order
		return n, false
	}
	low, high := 0, n
	for low < high {
		mid := int(uint(low+high) >> 1)
		if at(s, width, mid) < v {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, at(s, width, low) == v
}

// Has reports whether v is a member.
func Has(s []byte, v int64) bool {
	_, found := Find(s, v)
	return found
}

// Add makes v a member, and reports whether it was none. The set must have fewer
// than [MaxLen].
func Add(s []byte, v int64) ([]byte, bool) {
	if widthOf(v) > Width(s) {
		return widen(s, v), true
	}
	i, found := Find(s, v)
	if found {
		return s, false
	}
	width := Width(s)
	from := header + i*width
	s = slices.Grow(s, width)[:len(s)+width]
	copy(s[from+width:], s[from:])
	put(s, width, i, v)
	setLen(s, Len(s)+1)
	return s, true
}

// widen adds a member that needs more bytes than the others, hence is smaller or
// larger than all of them.
func widen(s []byte, v int64) []byte {
	n, old, width := Len(s), Width(s), widthOf(v)
	size := header + (n+1)*width
	s = slices.Grow(s, size-len(s))[:size]
	shift := 0
	if v < 0 {
		shift = 1
	}
	for i := n - 1; i >= 0; i-- { // backwards: each moves to the right
		put(s, width, i+shift, at(s, old, i))
	}
	if v < 0 {
		put(s, width, 0, v)
	} else {
		put(s, width, n, v)
	}
	s[0] = byte(width)
	setLen(s, n+1)
	return s
}

// Remove makes v no member, and reports whether it was one.
func Remove(s []byte, v int64) ([]byte, bool) {
	i, found := Find(s, v)
	if !found {
		return s, false
	}
	return Delete(s, i), true
}

// Delete removes member i.
func Delete(s []byte, i int) []byte {
	width := Width(s)
	from := header + i*width
	copy(s[from:], s[from+width:])
	setLen(s, Len(s)-1)
	return s[:len(s)-width]
}

func setLen(s []byte, n int) { binary.LittleEndian.PutUint32(s[4:], uint32(n)) }

var errCorrupt = errors.New("an intset is corrupt")

// Validate checks bytes from outside: everything above may be called with what
// passes.
func Validate(b []byte) error {
	if len(b) < header {
		return errCorrupt
	}
	width := binary.LittleEndian.Uint32(b)
	if width != 2 && width != 4 && width != 8 {
		return errCorrupt
	}
	n := uint64(binary.LittleEndian.Uint32(b[4:]))
	if n > MaxLen || header+n*uint64(width) != uint64(len(b)) {
		return errCorrupt
	}
	for i := 1; i < int(n); i++ {
		if at(b, int(width), i-1) >= at(b, int(width), i) {
			return errCorrupt
		}
	}
	return nil
}
