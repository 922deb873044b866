package rdb

import "math"

// blockBytes is how much memory elements share.
const blockBytes = 64 << 10

// elementsMemory is where the elements of a value that is not packed lie. They
// share blocks; a Reader uses the memory again for the next value.
type elementsMemory struct {
	all   [][]byte
	block []byte
}

// keptElements bounds what one huge value leaves behind.
const keptElements = 16 << 10

// reuse makes the memory free for the next value.
func (m *elementsMemory) reuse() {
	if cap(m.all) > keptElements {
		m.all = nil
	}
	clear(m.all)
	m.all, m.block = m.all[:0], m.block[:0]
}

// atFirst bounds what is allocated for n elements before they have arrived.
func atFirst(n uint64) int { return int(min(n, 1024)) }

// room returns an empty slice for n elements.
func (in *input) room(n uint64) [][]byte {
	if cap(in.elems.all) < atFirst(n) {
		in.elems.all = make([][]byte, 0, atFirst(n))
	}
	return in.elems.all[:0]
}

// elements reads a count and that many times per strings.
func (in *input) elements(per uint64) [][]byte {
	at := in.offset()
	n := in.count()
	if n > math.MaxUint64/per {
		in.failf(at, "a value of %d elements", n)
		return nil
	}
	n *= per
	all := in.room(n)
	for ; n > 0 && in.err == nil; n-- {
		all = append(all, in.element())
	}
	in.elems.all = all
	return all
}

// element reads a string into the block, or into memory of its own if there is not
// enough room.
func (in *input) element() []byte {
	m := &in.elems
	if cap(m.block)-len(m.block) < blockBytes/16 {
		m.block = make([]byte, 0, blockBytes)
	}
	from := len(m.block)
	s := in.string(m.block[from:from])
	if len(s) <= cap(m.block)-from {
		m.block = m.block[:from+len(s)]
	}
	return s[:len(s):len(s)]
}
