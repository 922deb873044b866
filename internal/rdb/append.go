package rdb

import (
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/vedette-ha/vedette/internal/lzf"
)

// AppendLen appends a length as the format writes it, in 1, 2, 5 or 9 bytes.
func AppendLen(dst []byte, n uint64) []byte {
	switch {
	case n < 1<<6:
		return append(dst, byte(n))
	case n < 1<<14:
		return append(dst, 0x40|byte(n>>8), byte(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(dst, len32Bit), uint32(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, len64Bit), n)
	}
}

// AppendInt appends n as a string: as 8, 16 or 32 bits where they hold it,
// otherwise as decimal digits.
func AppendInt(dst []byte, n int64) []byte {
	switch {
	case n == int64(int8(n)):
		return append(dst, 0xc0|encInt8, byte(n))
	case n == int64(int16(n)):
		return binary.LittleEndian.AppendUint16(append(dst, 0xc0|encInt16), uint16(n))
	case n == int64(int32(n)):
		return binary.LittleEndian.AppendUint32(append(dst, 0xc0|encInt32), uint32(n))
	}
	var digits [20]byte
	return AppendPlain(dst, strconv.AppendInt(digits[:0], n, 10))
}

// AppendPlain appends s as length and bytes, without trying anything shorter.
func AppendPlain(dst, s []byte) []byte {
	return append(AppendLen(dst, uint64(len(s))), s...)
}

// AppendExpire appends the opcode that gives the next key an expiry, Unix time in
// milliseconds.
func AppendExpire(dst []byte, at int64) []byte {
	return binary.LittleEndian.AppendUint64(append(dst, opExpireMS), uint64(at))
}

// Appender appends strings in the shortest form Redis would choose. The zero
// value does not compress. It keeps buffers between calls: one goroutine may use
// it at a time.
type Appender struct {
	// Compress says whether strings longer than 20 bytes are compressed where that
	// saves at least 4 bytes, as `rdbcompression yes` has it.
	Compress bool

	lzf     lzf.Compressor
	scratch []byte // the last compressed string
}

// Lengths that decide how a string is written; Redis uses the same.
const (
	longestInt32      = 11 // "-2147483648"
	longestUnpacked   = 20 // strings up to this length are not worth compressing
	smallestSaving    = 4  // bytes compression must save
	keptScratch       = 1 << 20
	longestCompressed = 1 << 30 // what package lzf takes
)

// AppendString appends s: as an integer if it is one in canonical decimal form,
// compressed if that is allowed and pays, plain otherwise.
func (a *Appender) AppendString(dst, s []byte) []byte {
	if n, ok := parseInt32(s); ok {
		return AppendInt(dst, int64(n))
	}
	if z, ok := a.compress(s); ok {
		return append(appendLZFHeader(dst, len(z), len(s)), z...)
	}
	return AppendPlain(dst, s)
}

// compress returns the compressed form of s, good until the next call, or false
// if s is not to be compressed.
func (a *Appender) compress(s []byte) ([]byte, bool) {
	if !a.Compress || len(s) <= longestUnpacked || len(s) > longestCompressed {
		return nil, false
	}
	if cap(a.scratch) > keptScratch && len(s) <= keptScratch {
		a.scratch = nil
	}
	a.scratch = slices.Grow(a.scratch[:0], len(s))
	return a.lzf.Append(a.scratch, s, len(s)-smallestSaving)
}

func appendLZFHeader(dst []byte, compressed, raw int) []byte {
	dst = AppendLen(append(dst, 0xc0|encLZF), uint64(compressed))
	return AppendLen(dst, uint64(raw))
}

// parseInt32 returns the number s is the canonical decimal form of, if it has 32
// bits at most: no leading zeros, no plus sign, no "-0".
func parseInt32(s []byte) (int32, bool) {
	if len(s) == 0 || len(s) > longestInt32 {
		return 0, false
	}
	digits := s
	if s[0] == '-' {
		digits = s[1:]
	}
	if len(digits) == 0 || digits[0] == '0' && len(s) > 1 {
		return 0, false
	}
	var n int64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if s[0] == '-' {
		n = -n
	}
	return int32(n), n == int64(int32(n))
}
