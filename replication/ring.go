package replication

// blockSize is the unit in which history is kept, freed and handed to a socket.
const blockSize = 64 << 10

// spareBlocks is how many freed blocks wait for reuse, so that a steady stream
// does not allocate.
const spareBlocks = 4

// ring is a queue of bytes in fixed blocks. Bytes are added at the end and whole
// blocks leave at the front; a position is an Offset.
type ring struct {
	blocks [][]byte // all of capacity blockSize; all but the last are full
	head   int      // blocks[:head] have been dropped
	first  Offset   // position of the first byte of blocks[head]
	end    Offset   // position after the last byte
	spare  [][]byte
}

// reset empties the ring; the next byte has position at.
func (r *ring) reset(at Offset) { *r = ring{first: at, end: at, spare: r.spare} }

// append adds p and reports whether a block was completed.
func (r *ring) append(p []byte) (filled bool) {
	for len(p) > 0 {
		if r.head == len(r.blocks) || len(r.blocks[len(r.blocks)-1]) == blockSize {
			r.blocks = append(r.blocks, r.newBlock())
			filled = true
		}
		last := &r.blocks[len(r.blocks)-1]
		n := min(len(p), blockSize-len(*last))
		*last = append(*last, p[:n]...)
		p = p[n:]
		r.end += Offset(n)
	}
	return filled
}

func (r *ring) newBlock() []byte {
	if n := len(r.spare); n > 0 {
		b := r.spare[n-1]
		r.spare = r.spare[:n-1]
		return b
	}
	return make([]byte, 0, blockSize)
}

// at returns the bytes from position pos to the end of their block; none when pos
// is the end. pos must be in [first, end].
func (r *ring) at(pos Offset) []byte {
	if pos < r.first || pos > r.end {
		panic("replication: position outside the ring")
	}
	if pos == r.end {
		return nil
	}
	i, off := int(pos-r.first)/blockSize, int(pos-r.first)%blockSize
	return r.blocks[r.head+i][off:]
}

// trim drops blocks that lie wholly before keep.
func (r *ring) trim(keep Offset) {
	for r.head < len(r.blocks) && r.first+blockSize <= keep {
		b := r.blocks[r.head]
		r.blocks[r.head] = nil
		r.head++
		r.first += blockSize
		if len(r.spare) < spareBlocks {
			r.spare = append(r.spare, b[:0])
		}
	}
	if r.head > 16 && r.head > len(r.blocks)/2 {
		n := copy(r.blocks, r.blocks[r.head:])
		clear(r.blocks[n:])
		r.blocks, r.head = r.blocks[:n], 0
	}
}

// memory is what the ring holds, in bytes.
func (r *ring) memory() int64 {
	return int64(len(r.blocks)-r.head+len(r.spare)) * blockSize
}
