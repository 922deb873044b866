package hll

import "encoding/binary"

// murmur64A is MurmurHash2 for 64 bits, in its variant A, reading words little
// endian.
//
// Source: https://github.com/aappleby/smhasher/wiki/MurmurHash2 (public domain)
func murmur64A(p []byte, seed uint64) uint64 {
	const (
		m = 0xc6a4a7935bd1e995
		r = 47
	)
	h := seed ^ uint64(len(p))*m
	for ; len(p) >= 8; p = p[8:] {
		k := binary.LittleEndian.Uint64(p) * m
		k ^= k >> r
		h = (h ^ k*m) * m
	}
	if len(p) > 0 {
		var tail [8]byte
		copy(tail[:], p)
		h = (h ^ binary.LittleEndian.Uint64(tail[:])) * m
	}
	h = (h ^ h>>r) * m
	return h ^ h>>r
}
