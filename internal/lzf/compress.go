package lzf

// Compressor compresses strings one after the other. It keeps a table of 256 KiB
// between them, allocated with the first. The zero value is ready; one goroutine
// may use it at a time.
type Compressor struct {
	// table maps the hash of three bytes to where they were last seen, as
	// position + base. Entries below base are of earlier inputs: raising base
	// forgets them without clearing the table.
	table []uint32
	base  uint32
}

// Append compresses src and appends the result to dst if it is at most limit
// bytes long. Otherwise it returns dst unchanged and false. src may not exceed
// 1 GiB.
func (c *Compressor) Append(dst, src []byte, limit int) ([]byte, bool) {
	if len(src) == 0 || limit <= 0 {
		return dst, false
	}
	c.forget(len(src))
	r := run{src: src, out: dst, start: len(dst), limit: limit}
	r.open()
	if !c.compress(&r) || !r.finish() {
		return dst, false
	}
	return r.out, true
}

// forget makes all entries of the table invalid and room for positions of n
// bytes. The base stays above zero, the value of a slot never used.
func (c *Compressor) forget(n int) {
	if c.table == nil {
		c.table = make([]uint32, 1<<hashBits)
		c.base = 1
	}
	if uint64(c.base)+uint64(n) >= 1<<32 {
		clear(c.table)
		c.base = 1
	}
}

// run is one compression under way: the output and the literal run open in it.
type run struct {
	src      []byte
	pos      int // next byte of src to encode
	out      []byte
	start    int // where our part of out begins
	limit    int // bytes our part may have
	literals int // bytes in the open run
}

// open reserves the byte that will say how long the literal run is.
func (r *run) open() {
	r.out = append(r.out, 0)
	r.literals = 0
}

// close writes the length of the open run, or takes its byte back if it is empty.
func (r *run) close() {
	if r.literals == 0 {
		r.out = r.out[:len(r.out)-1]
		return
	}
	r.out[len(r.out)-r.literals-1] = byte(r.literals - 1)
}

// literal moves one byte of the input into the open run.
func (r *run) literal() {
	r.out = append(r.out, r.src[r.pos])
	r.pos++
	r.literals++
	if r.literals == maxLiteral {
		r.out[len(r.out)-r.literals-1] = byte(r.literals - 1)
		r.open()
	}
}

// used is how many bytes have been written, the open run's length byte included.
func (r *run) used() int { return len(r.out) - r.start }

// finish encodes the last bytes, too few to hash, as literals. It returns false
// if they might not fit.
func (r *run) finish() bool {
	if r.used()+3 > r.limit {
		return false
	}
	for r.pos < len(r.src) {
		r.literal()
	}
	r.close()
	return true
}

// compress encodes all but the last bytes of the input. It returns false when the
// limit is reached.
func (c *Compressor) compress(r *run) bool {
	base := c.base
	c.base += uint32(len(r.src))
	src := r.src
	end := len(src) - 2 // no three bytes begin here or later
	for r.pos < end {
		slot := &c.table[hash(src[r.pos:])]
		seen := *slot
		*slot = base + uint32(r.pos)
		ref := int(seen) - int(base)
		// A match at position 0 is never used; Redis's liblzf does not either.
		if ref <= 0 || r.pos-ref > maxDistance || !same3(src, ref, r.pos) {
			if r.used() >= r.limit {
				return false
			}
			r.literal()
			continue
		}
		if !r.reference(ref) {
			return false
		}
		if r.pos >= end {
			break
		}
		// Of the bytes just copied only the last two positions are remembered.
		c.table[hash(src[r.pos-2:])] = base + uint32(r.pos-2)
		c.table[hash(src[r.pos-1:])] = base + uint32(r.pos-1)
	}
	return true
}

// hash maps the first three bytes of p to a slot.
func hash(p []byte) uint32 {
	h := uint32(p[0])<<16 | uint32(p[1])<<8 | uint32(p[2])
	return (h>>(24-hashBits) - h*5) & hashMask
}

func same3(p []byte, i, j int) bool {
	return p[i] == p[j] && p[i+1] == p[j+1] && p[i+2] == p[j+2]
}

// reference encodes the longest match of the input at pos with that at ref. It
// returns false if it might not fit.
func (r *run) reference(ref int) bool {
	spare := 4
	if r.literals == 0 {
		spare = 3 // the empty run's length byte is taken back
	}
	if r.used()+spare >= r.limit {
		return false
	}
	r.close()
	n := matchLen(r.src, ref, r.pos)
	distance := r.pos - ref - 1
	if n-2 < 7 {
		r.out = append(r.out, byte(distance>>8+(n-2)<<5))
	} else {
		r.out = append(r.out, byte(distance>>8+7<<5), byte(n-2-7))
	}
	r.out = append(r.out, byte(distance))
	r.pos += n
	r.open()
	return true
}

// matchLen returns how many bytes at ref equal those at pos, of which three are
// known to. It stops where liblzf does: it compares sixteen more at once where at
// least that many are left, and then up to two short of the longest possible.
func matchLen(src []byte, ref, pos int) int {
	n := 2
	longest := min(len(src)-pos-2, maxMatch)
	if longest > 16 {
		for n < 18 {
			n++
			if src[ref+n] != src[pos+n] {
				return n
			}
		}
	}
	for {
		n++
		if n >= longest || src[ref+n] != src[pos+n] {
			return n
		}
	}
}
