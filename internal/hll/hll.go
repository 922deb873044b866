package hll

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// ErrCorrupt says that a sketch's registers make no sense.
var ErrCorrupt = errors.New("hll: corrupt sketch")

const (
	indexBits = 14             // of a hash choose the register,
	rankBits  = 64 - indexBits // and the others are looked at for zeros
	// Registers is how many registers a sketch has.
	Registers = 1 << indexBits
	indexMask = Registers - 1

	registerBits = 6
	registerMax  = 1<<registerBits - 1

	headerBytes = 16
	offEncoding = 4
	offCount    = 8
	staleBit    = 0x80 // in the last byte of the count: it is not the count any more

	dense  = 0
	sparse = 1

	// DenseSize is the length of every dense sketch in bytes.
	DenseSize = headerBytes + Registers*registerBits/8
)

var magic = [4]byte{'H', 'Y', 'L', 'L'}

// New returns an empty sketch, sparse.
func New() []byte {
	b := make([]byte, headerBytes, 64)
	copy(b, magic[:])
	b[offEncoding] = sparse
	return appendZeros(b, Registers)
}

// Valid reports whether b looks like a sketch. All other functions want one that
// does.
func Valid(b []byte) bool {
	if len(b) < headerBytes || [4]byte(b) != magic {
		return false
	}
	return b[offEncoding] == sparse || IsDense(b) && len(b) == DenseSize
}

// IsDense reports whether a sketch is dense.
func IsDense(b []byte) bool { return b[offEncoding] == dense }

// Cached returns the count that was noted with [Cache]; false if the sketch has
// changed since.
func Cached(b []byte) (uint64, bool) {
	return binary.LittleEndian.Uint64(b[offCount:]), b[headerBytes-1]&staleBit == 0
}

// Cache notes a count.
func Cache(b []byte, n uint64) { binary.LittleEndian.PutUint64(b[offCount:], n) }

// Invalidate forgets what [Cache] noted.
func Invalidate(b []byte) { b[headerBytes-1] |= staleBit }

// Place is what of an element matters: the register it falls to, and the value it
// asks for there.
type Place struct {
	Register int
	Rank     uint8
}

// PlaceOf hashes an element.
func PlaceOf(element []byte) Place {
	const seed = 0xadc83b19
	h := murmur64A(element, seed)
	rank := bits.TrailingZeros64(h>>indexBits | 1<<rankBits)
	return Place{Register: int(h & indexMask), Rank: uint8(rank + 1)}
}

// Set raises a register, unless it is as high already. A sparse sketch is made
// dense rather than longer than sparseMax bytes. Set works in place where capacity
// allows, and returns the sketch, as append does. The cached count is the caller's
// business.
func Set(b []byte, p Place, sparseMax int) (_ []byte, changed bool, err error) {
	if IsDense(b) {
		return b, setDense(b, p), nil
	}
	var c cursor
	return c.set(b, p, sparseMax)
}

// Raises reports whether a dense sketch would be changed by [Set].
func Raises(b []byte, p Place) bool { return denseRegister(b, p.Register) < p.Rank }

// Register returns a register of a dense sketch.
func Register(b []byte, i int) uint8 { return denseRegister(b, i) }

// denseRegister reads six bits, the lowest first, which may lie in two bytes.
func denseRegister(b []byte, i int) uint8 {
	at := i * registerBits
	first, shift := headerBytes+at/8, uint(at%8)
	v := uint(b[first]) >> shift
	if shift > 8-registerBits {
		v |= uint(b[first+1]) << (8 - shift)
	}
	return uint8(v & registerMax)
}

func setDense(b []byte, p Place) bool {
	if !Raises(b, p) {
		return false
	}
	at := p.Register * registerBits
	first, shift := headerBytes+at/8, uint(at%8)
	b[first] = b[first]&^byte(registerMax<<shift) | p.Rank<<shift
	if shift > 8-registerBits {
		b[first+1] = b[first+1]&^byte(registerMax>>(8-shift)) | p.Rank>>(8-shift)
	}
	return true
}

// ToDense returns a sketch as a dense one; one that is dense is returned as it is.
func ToDense(b []byte) ([]byte, error) {
	if IsDense(b) {
		return b, nil
	}
	d := make([]byte, DenseSize)
	copy(d, b[:headerBytes])
	d[offEncoding] = dense
	err := eachRun(b, func(at int, r run) {
		for i := at; r.value > 0 && i < at+r.length; i++ {
			setDense(d, Place{i, r.value})
		}
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}
