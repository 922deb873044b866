package rdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strconv"

	"github.com/vedette-ha/vedette/internal/lzf"
)

// inputBuffer is how many bytes are read at once. Longer strings are read to
// where they belong.
const inputBuffer = 64 << 10

// trusted is how many bytes are allocated on the word of a length before they
// have arrived.
const trusted = 1 << 20

// input reads the elements of the format: bytes, lengths, strings. Its first
// error sticks; from then on it returns zeros, so that loops over counted
// elements must look at err.
type input struct {
	src       io.Reader // nil: buf is all there is
	buf       []byte
	pos, end  int   // buf[pos:end] is still to be consumed
	base      int64 // offset in the snapshot of buf[0]
	size      int64 // of the snapshot, 0: unknown
	maxString int64

	sum    bool   // whether to keep crc
	crc    uint64 // of everything before buf[summed]
	summed int

	lzf      []byte // the compressed form of the string last read
	elems    elementsMemory
	prints   []print
	hashSeed maphash.Seed // zero until it is needed

	err error
}

// offset returns how many bytes were consumed.
func (in *input) offset() int64 { return in.base + int64(in.pos) }

// fail records that what begins at offset at is wrong, if nothing was before.
func (in *input) fail(at int64, reason string) {
	if in.err == nil {
		in.err = &Error{Offset: at, Reason: reason}
	}
}

func (in *input) failf(at int64, format string, args ...any) {
	in.fail(at, fmt.Sprintf(format, args...))
}

// failRead records an error of the stream itself.
func (in *input) failRead(err error) {
	if in.err != nil {
		return
	}
	e := &Error{Offset: in.base + int64(in.end), Reason: err.Error(), Err: err}
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		e.Reason, e.Err = "Unexpected EOF reading RDB file", io.ErrUnexpectedEOF
	}
	in.err = e
}

// checksum returns the CRC of everything consumed.
func (in *input) checksum() uint64 {
	if in.sum {
		in.crc = CRC64(in.crc, in.buf[in.summed:in.pos])
	}
	in.summed = in.pos
	return in.crc
}

// need makes buf hold n bytes to consume, n at most a few dozen.
func (in *input) need(n int) bool {
	if in.end-in.pos >= n {
		return true
	}
	return in.fill(n)
}

func (in *input) fill(n int) bool {
	if in.err != nil {
		return false
	}
	if in.src == nil {
		in.failRead(io.ErrUnexpectedEOF)
		return false
	}
	in.checksum()
	copy(in.buf, in.buf[in.pos:in.end])
	in.base += int64(in.pos)
	in.end -= in.pos
	in.pos, in.summed = 0, 0
	got, err := io.ReadAtLeast(in.src, in.buf[in.end:], n-in.end)
	in.end += got
	if err != nil {
		in.failRead(err)
		return false
	}
	return true
}

func (in *input) byte() byte {
	if !in.need(1) {
		return 0
	}
	b := in.buf[in.pos]
	in.pos++
	return b
}

// take returns the next n bytes, good until the next call; nil after an error. n
// is at most a few dozen.
func (in *input) take(n int) []byte {
	if !in.need(n) {
		return nil
	}
	p := in.buf[in.pos : in.pos+n]
	in.pos += n
	return p
}

func (in *input) uint64() uint64 {
	if p := in.take(8); p != nil {
		return binary.LittleEndian.Uint64(p)
	}
	return 0
}

// append appends the next n bytes to dst. No more than arrives is allocated, give
// or take trusted bytes and a factor of two, unless the size of the snapshot
// vouches for n.
func (in *input) append(dst []byte, n int) []byte {
	if in.size > 0 && int64(n) <= in.size-in.offset() {
		dst = slices.Grow(dst, n)
	}
	for n > 0 && in.err == nil {
		if in.pos == in.end && n >= inputBuffer {
			step := min(n, max(trusted, len(dst)))
			dst = in.direct(dst, step)
			n -= step
			continue
		}
		if !in.need(1) {
			break
		}
		step := min(n, in.end-in.pos)
		dst = append(dst, in.buf[in.pos:in.pos+step]...)
		in.pos += step
		n -= step
	}
	return dst
}

// direct appends the next n bytes to dst without passing them through the buffer,
// which is empty.
func (in *input) direct(dst []byte, n int) []byte {
	if in.src == nil {
		in.failRead(io.ErrUnexpectedEOF)
		return dst
	}
	in.checksum()
	in.base += int64(in.pos)
	in.pos, in.end, in.summed = 0, 0, 0
	dst = slices.Grow(dst, n)
	fresh := dst[len(dst) : len(dst)+n]
	got, err := io.ReadFull(in.src, fresh)
	if in.sum {
		in.crc = CRC64(in.crc, fresh[:got])
	}
	in.base += int64(got)
	if err != nil {
		in.failRead(err)
		return dst
	}
	return dst[:len(dst)+n]
}

// length reads a length. special reports that it is the code of a special string
// instead.
func (in *input) length() (n uint64, special bool) {
	at := in.offset()
	first := in.byte()
	switch first >> 6 {
	case 0:
		return uint64(first), false
	case 1:
		return uint64(first&0x3f)<<8 | uint64(in.byte()), false
	case 3:
		return uint64(first & 0x3f), true
	}
	switch first {
	case len32Bit:
		if p := in.take(4); p != nil {
			return uint64(binary.BigEndian.Uint32(p)), false
		}
	case len64Bit:
		if p := in.take(8); p != nil {
			return binary.BigEndian.Uint64(p), false
		}
	default:
		in.failf(at, "unknown length form 0x%02x", first)
	}
	return 0, false
}

// count reads a length where no string can be.
func (in *input) count() uint64 {
	at := in.offset()
	n, special := in.length()
	if special {
		in.fail(at, "a special string where a length belongs")
		return 0
	}
	return n
}

// string appends the next string to dst.
func (in *input) string(dst []byte) []byte {
	at := in.offset()
	n, special := in.length()
	if !special {
		if in.tooLong(at, n) {
			return dst
		}
		return in.append(dst, int(n))
	}
	switch n {
	case encInt8:
		return in.appendInt(dst, int64(int8(in.byte())))
	case encInt16:
		if p := in.take(2); p != nil {
			return in.appendInt(dst, int64(int16(binary.LittleEndian.Uint16(p))))
		}
	case encInt32:
		if p := in.take(4); p != nil {
			return in.appendInt(dst, int64(int32(binary.LittleEndian.Uint32(p))))
		}
	case encLZF:
		return in.compressed(dst, at)
	default:
		in.failf(at, "unknown string encoding %d", n)
	}
	return dst
}

func (in *input) appendInt(dst []byte, n int64) []byte {
	if in.err != nil {
		return dst
	}
	return strconv.AppendInt(dst, n, 10)
}

// compressed appends a string given as LZF.
func (in *input) compressed(dst []byte, at int64) []byte {
	packed, raw := in.count(), in.count()
	if in.tooLong(at, packed) {
		return dst
	}
	if raw > uint64(in.maxString) || raw > packed*lzf.MaxRatio {
		in.failf(at, "%d compressed bytes announce a string of %d", packed, raw)
		return dst
	}
	if cap(in.lzf) > keptScratch {
		in.lzf = nil
	}
	in.lzf = in.append(in.lzf[:0], int(packed))
	if in.err != nil {
		return dst
	}
	dst, err := lzf.AppendDecompress(dst, in.lzf, int(raw))
	if err != nil {
		in.fail(at, "a compressed string is corrupt")
	}
	return dst
}

// tooLong fails if a string of n bytes, announced at offset at, is not accepted.
func (in *input) tooLong(at int64, n uint64) bool {
	if in.err != nil {
		return true
	}
	if n > uint64(in.maxString) {
		in.failf(at, "a string of %d bytes is longer than the limit of %d", n, in.maxString)
		return true
	}
	if in.size > 0 && n > uint64(in.size) {
		in.failf(at, "a string of %d bytes is longer than the whole snapshot", n)
		return true
	}
	return false
}
