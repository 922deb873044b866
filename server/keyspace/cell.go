package keyspace

import "encoding/binary"

// A cell is an entry in bytes:
//
//	0     kind in the low half, encoding in the high; zero in a free cell
//	1     flags
//	2     epoch: the snapshot that recorded the entry last, or saw it created
//	3-5   access mark, little endian (see Access)
//	      expiry in Unix ms, 8 bytes little endian, if hasExpire
//	      length of the key, unless keyAside
//	      length of the value, unless valueAside
//	      key, or the number of its slot in the side table, 4 bytes
//	      value, or likewise
//
// A length is one byte below 128, else two, big endian with the top bit set. A
// cell takes as many 16-byte units as its contents need, never more, so that its
// size need not be stored and a chunk can be walked from cell to cell.
type cell []byte

// Flags of a cell.
const (
	hasExpire  = 1 << iota
	keyAside   // the key is in the side table
	valueAside // the value is in the side table
)

const (
	unitBytes   = 16
	cellMax     = 32 << 10 // longer ones move their value, then their key, aside
	keyInline   = 16 << 10 // longer keys live aside
	growInline  = 2 << 10  // values that grow in place leave the cell at this length
	slotBytes   = 4
	offExpire   = 6
	expireBytes = 8
)

func (c cell) kind() Kind         { return Kind(c[0] & 15) }
func (c cell) encoding() Encoding { return Encoding(c[0] >> 4) }
func (c cell) has(flag byte) bool { return c[1]&flag != 0 }
func (c cell) epoch() uint8       { return c[2] }
func (c cell) setEpoch(e uint8)   { c[2] = e }

func (c cell) setType(k Kind, e Encoding) { c[0] = byte(k) | byte(e)<<4 }

func (c cell) access() uint32 { return uint32(c[3]) | uint32(c[4])<<8 | uint32(c[5])<<16 }

func (c cell) setAccess(m uint32) { c[3], c[4], c[5] = byte(m), byte(m>>8), byte(m>>16) }

func (c cell) expireAt() int64 {
	if !c.has(hasExpire) {
		return NoExpire
	}
	return int64(binary.LittleEndian.Uint64(c[offExpire:]))
}

func (c cell) setExpireAt(ms int64) { binary.LittleEndian.PutUint64(c[offExpire:], uint64(ms)) }

// layout is where the parts of a cell are.
type layout struct {
	flags    byte
	keyAt    int
	keyLen   int // in the cell: slotBytes if aside
	valueLen int // in the cell: slotBytes if aside
}

func (l layout) valueAt() int { return l.keyAt + l.keyLen }
func (l layout) size() int    { return l.keyAt + l.keyLen + l.valueLen }
func (l layout) units() int   { return unitsFor(l.size()) }

func unitsFor(size int) int { return (size + unitBytes - 1) / unitBytes }

// layout reads the layout of a live cell.
func (c cell) layout() layout {
	l := layout{flags: c[1], keyLen: slotBytes, valueLen: slotBytes}
	at := offExpire + int(l.flags&hasExpire)*expireBytes
	if l.flags&keyAside == 0 {
		l.keyLen, at = c.length(at)
	}
	if l.flags&valueAside == 0 {
		l.valueLen, at = c.length(at)
	}
	l.keyAt = at
	return l
}

// length reads a length and returns where it ends.
func (c cell) length(at int) (n, end int) {
	n = int(c[at])
	if n < 128 {
		return n, at + 1
	}
	return (n&127)<<8 | int(c[at+1]), at + 2
}

func (c cell) putLength(at, n int) int {
	if n < 128 {
		c[at] = byte(n)
		return at + 1
	}
	c[at], c[at+1] = 128|byte(n>>8), byte(n)
	return at + 2
}

func lengthBytes(n int) int {
	if n < 128 {
		return 1
	}
	return 2
}

// plan returns the layout of an entry with a key and a value of so many bytes.
// aside forces the value out of the cell, as an Object and a growing value want.
func plan(keyLen, valueLen int, expires, aside bool) layout {
	l := layout{keyLen: keyLen, valueLen: valueLen}
	at := offExpire
	if expires {
		l.flags |= hasExpire
		at += expireBytes
	}
	const lengthsMax = 4
	if keyLen > keyInline {
		l.flags |= keyAside
		l.keyLen = slotBytes
	}
	if aside || at+lengthsMax+l.keyLen+valueLen > cellMax {
		l.flags |= valueAside
		l.valueLen = slotBytes
	}
	if l.flags&keyAside == 0 {
		at += lengthBytes(l.keyLen)
	}
	if l.flags&valueAside == 0 {
		at += lengthBytes(l.valueLen)
	}
	l.keyAt = at
	return l
}

// withValue returns the layout of the same entry with a value of n bytes in the
// cell; where the key begins tells whether that is possible.
func (l layout) withValue(n int) layout {
	if n > cellMax-2*unitBytes-l.keyLen {
		return layout{keyAt: -1}
	}
	l.keyAt += lengthBytes(n) - lengthBytes(l.valueLen)
	l.valueLen = n
	return l
}

// putLayout writes flags and lengths.
func (c cell) putLayout(l layout) {
	c[1] = l.flags
	at := offExpire + int(l.flags&hasExpire)*expireBytes
	if l.flags&keyAside == 0 {
		at = c.putLength(at, l.keyLen)
	}
	if l.flags&valueAside == 0 {
		c.putLength(at, l.valueLen)
	}
}

// inCellKey and inCellValue return what the cell holds for the key and the
// value: the bytes, or the slot number when they are aside.
func (c cell) inCellKey(l layout) []byte { return c[l.keyAt : l.keyAt+l.keyLen] }

func (c cell) inCellValue(l layout) []byte {
	at := l.valueAt()
	return c[at : at+l.valueLen : at+l.valueLen]
}

func slotNumber(b []byte) uint32       { return binary.LittleEndian.Uint32(b) }
func putSlotNumber(b []byte, n uint32) { binary.LittleEndian.PutUint32(b, n) }

// A free cell of n units: its first unit holds
//
//	0     zero
//	1-3   n, little endian
//	4-7   next free cell of the size
//	8-11  previous one
func (c cell) isFree() bool       { return c[0] == 0 }
func (c cell) freeUnits() int     { return int(c[1]) | int(c[2])<<8 | int(c[3])<<16 }
func (c cell) next() uint32       { return binary.LittleEndian.Uint32(c[4:]) }
func (c cell) prev() uint32       { return binary.LittleEndian.Uint32(c[8:]) }
func (c cell) setNext(ref uint32) { binary.LittleEndian.PutUint32(c[4:], ref) }
func (c cell) setPrev(ref uint32) { binary.LittleEndian.PutUint32(c[8:], ref) }

func (c cell) setFree(units int) {
	binary.LittleEndian.PutUint32(c, uint32(units)<<8)
}
