package keyspace

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
)

// hasher is a keyed hash of the multiply-and-fold kind. All four keys are
// secret: with public ones, keys that make a factor zero would collide whatever
// the seed is.
type hasher struct{ k [4]uint64 }

// newHasher derives the keys from seed.
func newHasher(seed uint64) hasher {
	src := rand.NewPCG(seed, 0x9e3779b97f4a7c15)
	var h hasher
	for i := range h.k {
		h.k[i] = src.Uint64() | 1
	}
	return h
}

// fold multiplies to 128 bits and adds up the halves without carry.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// sum returns the hash of key. The low bits choose the bucket, the top byte is
// the tag.
func (h *hasher) sum(key []byte) uint64 {
	n := len(key)
	state := h.k[3]
	rest := key
	for len(rest) > 16 {
		a, b := binary.LittleEndian.Uint64(rest), binary.LittleEndian.Uint64(rest[8:])
		state = fold(a^h.k[0], b^state)
		rest = rest[16:]
	}
	var a, b uint64
	switch {
	case n >= 16: // the last 16 bytes; some may have been taken above
		a = binary.LittleEndian.Uint64(key[n-16:])
		b = binary.LittleEndian.Uint64(key[n-8:])
	case n >= 8:
		a = binary.LittleEndian.Uint64(key)
		b = binary.LittleEndian.Uint64(key[n-8:])
	case n >= 4:
		a = uint64(binary.LittleEndian.Uint32(key))
		b = uint64(binary.LittleEndian.Uint32(key[n-4:]))
	case n > 0:
		a = uint64(key[0])<<16 | uint64(key[n>>1])<<8 | uint64(key[n-1])
	}
	return fold(fold(a^h.k[1], b^state)^h.k[2], uint64(n)^h.k[0])
}
