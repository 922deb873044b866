package command

import (
	"crypto/subtle"
	"encoding/binary"
	"math/bits"
)

// The arithmetic of bitmaps. Bit 0 is the highest bit of the first byte, as in
// Redis; whole words are worked on wherever there are eight bytes.

const wordBytes = 8

// countBits returns how many bits of p are set.
func countBits(p []byte) int64 {
	n := 0
	for ; len(p) >= 4*wordBytes; p = p[4*wordBytes:] {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(p)) +
			bits.OnesCount64(binary.LittleEndian.Uint64(p[8:])) +
			bits.OnesCount64(binary.LittleEndian.Uint64(p[16:])) +
			bits.OnesCount64(binary.LittleEndian.Uint64(p[24:]))
	}
	for ; len(p) >= wordBytes; p = p[wordBytes:] {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(p))
	}
	for _, c := range p {
		n += bits.OnesCount8(c)
	}
	return int64(n)
}

// findBit returns the position of the first bit of p that is bit, or -1.
func findBit(p []byte, bit byte) int64 {
	skip := byte(0) // a byte that has no such bit
	if bit == 0 {
		skip = 0xff
	}
	word := uint64(skip) * 0x0101010101010101
	rest := p
	for len(rest) >= 4*wordBytes {
		a, b := binary.LittleEndian.Uint64(rest)^word, binary.LittleEndian.Uint64(rest[8:])^word
		c, d := binary.LittleEndian.Uint64(rest[16:])^word, binary.LittleEndian.Uint64(rest[24:])^word
		if a|b|c|d != 0 {
			break
		}
		rest = rest[4*wordBytes:]
	}
	for ; len(rest) >= wordBytes; rest = rest[wordBytes:] {
		if w := binary.BigEndian.Uint64(rest) ^ word; w != 0 {
			return int64(len(p)-len(rest))*8 + int64(bits.LeadingZeros64(w))
		}
	}
	for i, c := range rest {
		if c ^= skip; c != 0 {
			return int64(len(p)-len(rest)+i)*8 + int64(bits.LeadingZeros8(c))
		}
	}
	return -1
}

// bitSpan is a range of bits, both ends included.
type bitSpan struct{ from, to int64 }

// count returns how many bits of the span are set in p, which holds all of it.
func (s bitSpan) count(p []byte) int64 {
	first, last := s.from>>3, s.to>>3
	n := countBits(p[first : last+1])
	n -= int64(bits.OnesCount8(p[first] >> (8 - s.from&7))) // those before the span
	n -= int64(bits.OnesCount8(p[last] << (1 + s.to&7)))
	return n
}

// find returns the position of the first bit of the span that is bit, or -1.
func (s bitSpan) find(p []byte, bit byte) int64 {
	first, last := s.from>>3, s.to>>3
	if s.from&7 != 0 {
		for at := s.from; at <= min(s.to, first<<3+7); at++ {
			if bitAt(p, at) == bit {
				return at
			}
		}
		first++
	}
	if first > last {
		return -1
	}
	at := findBit(p[first:last+1], bit)
	if at < 0 || first<<3+at > s.to {
		return -1
	}
	return first<<3 + at
}

// bitAt returns the bit at a position, which may lie behind the end of p: 0.
func bitAt(p []byte, at int64) byte {
	if at>>3 >= int64(len(p)) {
		return 0
	}
	return p[at>>3] >> (7 - at&7) & 1
}

// getField returns the width bits of p from at on, at most 64, as an unsigned
// number; bits behind the end of p are zero.
func getField(p []byte, at int64, width uint) uint64 {
	var span [9]byte // as many bytes as 64 bits may touch
	if first := at >> 3; first < int64(len(p)) {
		copy(span[:], p[first:])
	}
	shift := uint(at & 7)
	v := binary.BigEndian.Uint64(span[:]) << shift
	v |= uint64(span[8]) >> (8 - shift)
	return v >> (64 - width)
}

// setField puts the width low bits of v into p from at on. p must hold them.
func setField(p []byte, at int64, width uint, v uint64) {
	var span [9]byte
	first, last := at>>3, (at+int64(width)-1)>>3
	n := copy(span[:], p[first:last+1])
	shift := uint(at & 7)
	mask := ^uint64(0) << (64 - width)
	v <<= 64 - width
	head := binary.BigEndian.Uint64(span[:])
	binary.BigEndian.PutUint64(span[:], head&^(mask>>shift)|v>>shift)
	span[8] = span[8]&^byte(mask<<(8-shift)) | byte(v<<(8-shift))
	copy(p[first:], span[:n])
}

// bitOp is what BITOP does with its sources.
type bitOp uint8

const (
	bitAnd bitOp = iota
	bitOr
	bitXor
	bitNot
)

// combine makes dst dst op src, for as many bytes as both have.
func (op bitOp) combine(dst, src []byte) {
	n := min(len(dst), len(src))
	dst, src = dst[:n], src[:n]
	for len(dst) >= bitBlock && len(src) >= bitBlock {
		op.combineBlock((*[bitBlock]byte)(dst), (*[bitBlock]byte)(src))
		dst, src = dst[bitBlock:], src[bitBlock:]
	}
	var d, s [bitBlock]byte
	copy(d[:], dst)
	copy(s[:], src)
	op.combineBlock(&d, &s)
	copy(dst, d[:])
}

// bitBlock is how many bytes are combined at once.
const bitBlock = 32 * wordBytes

func (op bitOp) combineBlock(d, s *[bitBlock]byte) {
	le := binary.LittleEndian
	switch op {
	case bitAnd:
		for i := 0; i < bitBlock; i += wordBytes {
			le.PutUint64(d[i:], le.Uint64(d[i:])&le.Uint64(s[i:]))
		}
	case bitOr:
		for i := 0; i < bitBlock; i += wordBytes {
			le.PutUint64(d[i:], le.Uint64(d[i:])|le.Uint64(s[i:]))
		}
	case bitXor:
		subtle.XORBytes(d[:], d[:], s[:])
	case bitNot:
		for i := 0; i < bitBlock; i += wordBytes {
			le.PutUint64(d[i:], ^le.Uint64(s[i:]))
		}
	}
}
