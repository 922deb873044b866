package keyspace

import (
	"bytes"
)

const (
	chunkUnits = pageBytes / unitBytes // of one chunk
	chunkShift = 16                    // a reference is chunk<<chunkShift | unit
	unitMask   = chunkUnits - 1
	cellUnits  = cellMax / unitBytes
	chunksMax  = 1 << (32 - chunkShift)

	// firstUnit of chunk 0 keeps zero free to mean "no reference".
	firstUnit = 4
)

// arena holds the cells of a dataset in chunks. A cell freed goes to the list of
// its size and is handed out again for the same size only; what piles up in
// sizes nobody wants is won back by emptying whole chunks (see compact.go).
type arena struct {
	hash   hasher
	chunks []*page // by number; nil where one was given back
	info   []chunkInfo
	spare  []uint32 // numbers of the nil ones
	bump   uint32   // the chunk new cells are carved from, if there are any chunks
	max    int      // of chunks
	lists  [cellUnits + 1]uint32
	side   sideTable

	carved  int // units of all chunks below their top
	used    int // units of live cells
	mapped  int // chunks that are not nil
	evacuee evacuee
}

type chunkInfo struct {
	top  int // units carved so far
	used int // units of live cells
}

// cell returns the cell at ref, and what follows it in its chunk.
func (a *arena) cell(ref uint32) cell {
	return a.chunks[ref>>chunkShift][(ref&unitMask)*unitBytes:]
}

// key returns the key of the cell at ref.
func (a *arena) key(ref uint32) []byte {
	c := a.cell(ref)
	return a.keyOf(c, c.layout())
}

func (a *arena) keyOf(c cell, l layout) []byte {
	k := c.inCellKey(l)
	if l.flags&keyAside != 0 {
		return a.side.at(slotNumber(k)).bytes
	}
	return k
}

// value returns the bytes of a value, or its Object.
func (a *arena) valueOf(c cell, l layout) ([]byte, Object) {
	v := c.inCellValue(l)
	if l.flags&valueAside == 0 {
		return v, nil
	}
	big := a.side.at(slotNumber(v))
	return big.bytes, big.object
}

func (a *arena) hasKey(ref uint32, key []byte) bool { return bytes.Equal(a.key(ref), key) }

func (a *arena) hashOf(ref uint32) uint64 { return a.hash.sum(a.key(ref)) }

// alloc returns a cell of so many units; the contents are not zeroed. The only
// error is ErrFull.
func (a *arena) alloc(units int) (uint32, error) {
	if ref := a.pop(units); ref != 0 {
		return ref, nil
	}
	if len(a.chunks) == 0 || a.info[a.bump].top+units > chunkUnits {
		if err := a.newBump(); err != nil {
			return 0, err
		}
	}
	info := &a.info[a.bump]
	ref := a.bump<<chunkShift | uint32(info.top)
	info.top += units
	info.used += units
	a.carved += units
	a.used += units
	return ref, nil
}

// pop takes a free cell of exactly so many units, or returns zero. Cells of the
// chunk that is being emptied are dropped from the list on the way.
func (a *arena) pop(units int) uint32 {
	for {
		ref := a.lists[units]
		if ref == 0 {
			return 0
		}
		a.unlink(ref, units)
		if a.evacuee.has(ref) {
			continue
		}
		a.info[ref>>chunkShift].used += units
		a.used += units
		return ref
	}
}

// newBump begins a new chunk. What was left of the old one becomes a free cell.
func (a *arena) newBump() error {
	if a.mapped >= a.max {
		return ErrFull
	}
	a.retireBump()
	a.bump = a.newChunk()
	return nil
}

func (a *arena) newChunk() uint32 {
	a.mapped++
	if last := len(a.spare) - 1; last >= 0 {
		n := a.spare[last]
		a.spare = a.spare[:last]
		a.chunks[n] = newPage()
		a.info[n] = chunkInfo{top: firstUnitOf(n)}
		return n
	}
	n := uint32(len(a.chunks))
	a.chunks = append(a.chunks, newPage())
	a.info = append(a.info, chunkInfo{top: firstUnitOf(n)})
	return n
}

func firstUnitOf(chunk uint32) int {
	if chunk == 0 {
		return firstUnit
	}
	return 0
}

func (a *arena) retireBump() {
	if len(a.chunks) == 0 || a.chunks[a.bump] == nil {
		return
	}
	info := &a.info[a.bump]
	rest := chunkUnits - info.top
	if rest == 0 {
		return
	}
	ref := a.bump<<chunkShift | uint32(info.top)
	info.top = chunkUnits
	a.carved += rest
	for ; rest > cellUnits; rest -= cellUnits {
		a.push(ref, cellUnits)
		ref += cellUnits
	}
	a.push(ref, rest)
}

// release frees the cell at ref, but not what it has aside.
func (a *arena) release(ref uint32, units int) {
	chunk := ref >> chunkShift
	info := &a.info[chunk]
	info.used -= units
	a.used -= units
	if chunk == a.bump && int(ref&unitMask)+units == info.top {
		info.top -= units
		a.carved -= units
		return
	}
	a.push(ref, units)
}

// push puts a cell on the list of its size, unless its chunk is being emptied:
// nobody shall get it then.
func (a *arena) push(ref uint32, units int) {
	c := a.cell(ref)
	c.setFree(units)
	if a.evacuee.has(ref) {
		c.setNext(ref) // a cell that is its own successor is on no list
		return
	}
	head := a.lists[units]
	c.setNext(head)
	c.setPrev(0)
	if head != 0 {
		a.cell(head).setPrev(ref)
	}
	a.lists[units] = ref
}

// unlink takes a free cell off its list.
func (a *arena) unlink(ref uint32, units int) {
	c := a.cell(ref)
	next, prev := c.next(), c.prev()
	if next == ref {
		return
	}
	if next != 0 {
		a.cell(next).setPrev(prev)
	}
	if prev != 0 {
		a.cell(prev).setNext(next)
	} else {
		a.lists[units] = next
	}
	c.setNext(ref)
}

// unitsAt returns the size of the cell at ref, live or free.
func (a *arena) unitsAt(ref uint32) int {
	c := a.cell(ref)
	if c.isFree() {
		return c.freeUnits()
	}
	return c.layout().units()
}

// dropChunk gives chunk n back. No cell of it may be live or on a list.
func (a *arena) dropChunk(n uint32) {
	a.carved -= a.info[n].top - firstUnitOf(n)
	a.used -= a.info[n].used
	freePage(a.chunks[n])
	a.chunks[n] = nil
	a.info[n] = chunkInfo{}
	a.spare = append(a.spare, n)
	a.mapped--
}

// reset makes an arena without live cells a new one.
func (a *arena) reset() {
	a.free()
	*a = arena{hash: a.hash, max: a.max}
}

// free gives all chunks back. The arena is not to be used again.
func (a *arena) free() {
	for n, c := range a.chunks {
		if c != nil {
			freePage(c)
			a.chunks[n] = nil
		}
	}
}
