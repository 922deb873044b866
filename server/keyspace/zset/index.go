package zset

import "math/bits"

// index finds the leaf of a member by the member's hash. It is an array of pages
// that grows by linear hashing: page i splits into i and n+i. A page holds all
// hashes with one beginning, sorted: the beginning's bits, read backwards, are the
// page's number. So pages, too, have an order, and a hash is a place to go on
// with a scan from.
//
// A page is the generation of its writer and then words of hash<<32 | leaf.
type index struct {
	pages paged[uint64]
	count int
	bytes int64 // capacity of all pages
}

// pageTarget is how many entries a page has on average when all have split.
const pageTarget = 192

// hashBits is how long hashes are.
const hashBits = 32

// pageOf returns the page where hash belongs, and how many leading bits its
// hashes share.
func (x *index) pageOf(hash uint32) (page, shared int) {
	n := x.pages.n
	level := bits.Len(uint(n)) - 1 // 1<<level <= n
	r := int(bits.Reverse32(hash))
	if i := r & (2<<level - 1); i < n {
		return i, level + 1
	}
	i := r & (1<<level - 1)
	return i, level
}

// guess returns about where hash is among n entries of a page: hashes are spread evenly.
func guess(hash uint64, n, shared int) int {
	return int(hash << shared & (1<<hashBits - 1) * uint64(n) >> hashBits)
}

// lower returns the place of the first entry of hash at least v, counted from the
// first entry of a page on.
func lower(entries []uint64, v uint64, shared int) int {
	n := len(entries)
	if n == 0 {
		return 0
	}
	i := guess(v>>32, n, shared)
	for i < n && entries[i] < v {
		i++
	}
	for i > 0 && entries[i-1] >= v {
		i--
	}
	return i
}

// candidates returns the entries of hash; usually there is one or none.
func (x *index) candidates(hash uint32) []uint64 {
	if x.pages.n == 0 {
		return nil
	}
	p, shared := x.pageOf(hash)
	entries := x.pages.get(p)[1:]
	i := lower(entries, uint64(hash)<<32, shared)
	j := i
	for j < len(entries) && uint32(entries[j]>>32) == hash {
		j++
	}
	return entries[i:j]
}

// warm reads where an entry of hash probably is.
func (x *index) warm(hash uint32) byte {
	if x.pages.n == 0 {
		return 0
	}
	p, shared := x.pageOf(hash)
	entries := x.pages.get(p)[1:]
	if len(entries) == 0 {
		return 0
	}
	return byte(entries[guess(uint64(hash), len(entries), shared)])
}

// mutable returns page p, to be written to.
func (x *index) mutable(p int, gen uint64) []uint64 {
	page := x.pages.get(p)
	if page[0] != gen {
		page = x.fresh(page[1:], gen)
		x.replace(p, page, gen)
	}
	return page
}

// fresh returns a page of its own with entries and a little room.
func (x *index) fresh(entries []uint64, gen uint64) []uint64 {
	n := len(entries) + 1
	page := append([]uint64(nil), make([]uint64, n+n/16+2)...)[:n]
	page[0] = gen
	copy(page[1:], entries)
	return page
}

func (x *index) replace(p int, page []uint64, gen uint64) {
	x.bytes += 8 * int64(cap(page)-cap(x.pages.get(p)))
	x.pages.set(p, page, gen)
}

// add notes that a member of hash is in a leaf.
func (x *index) add(hash, leaf uint32, gen uint64) {
	if x.pages.n == 0 {
		x.pages.push(x.fresh(nil, gen), gen)
		x.bytes += 8 * int64(cap(x.pages.get(0)))
	}
	p, shared := x.pageOf(hash)
	page := x.mutable(p, gen)
	v := uint64(hash)<<32 | uint64(leaf)
	i := 1 + lower(page[1:], v, shared)
	n := len(page)
	if n == cap(page) {
		page = x.fresh(page[1:], gen)
		x.bytes += 8 * int64(cap(page)-n)
	}
	page = page[:n+1]
	copy(page[i+1:], page[i:n])
	page[i] = v
	x.pages.set(p, page, gen)
	x.count++
	if x.count > x.pages.n*pageTarget {
		x.split(gen)
	}
}

// remove forgets a member of hash in a leaf.
func (x *index) remove(hash, leaf uint32, gen uint64) {
	p, shared := x.pageOf(hash)
	page := x.mutable(p, gen)
	i := 1 + lower(page[1:], uint64(hash)<<32|uint64(leaf), shared)
	page = page[:i+copy(page[i:], page[i+1:])]
	if len(page) < cap(page)/2 {
		page = x.fresh(page[1:], gen)
	}
	x.replace(p, page, gen)
	x.count--
	if x.pages.n > 1 && x.count < x.pages.n*pageTarget/4 {
		x.merge(gen)
	}
}

// move notes that a member of hash went from one leaf to another.
func (x *index) move(hash, from, to uint32, gen uint64) {
	p, shared := x.pageOf(hash)
	page := x.mutable(p, gen)
	i := 1 + lower(page[1:], uint64(hash)<<32|uint64(from), shared)
	v := uint64(hash)<<32 | uint64(to)
	for ; i+1 < len(page) && page[i+1] < v && uint32(page[i+1]>>32) == hash; i++ {
		page[i] = page[i+1]
	}
	for ; i > 1 && page[i-1] > v && uint32(page[i-1]>>32) == hash; i-- {
		page[i] = page[i-1]
	}
	page[i] = v
}

// split splits the next page in turn.
func (x *index) split(gen uint64) {
	n := x.pages.n
	level := bits.Len(uint(n)) - 1
	if level >= hashBits {
		return
	}
	p := n - 1<<level
	old := x.pages.get(p)
	cut := 1
	for cut < len(old) && old[cut]>>(63-level)&1 == 0 {
		cut++
	}
	upper := x.fresh(old[cut:], gen)
	x.replace(p, x.fresh(old[1:cut], gen), gen)
	x.pages.push(upper, gen)
	x.bytes += 8 * int64(cap(upper))
}

// merge undoes the last split.
func (x *index) merge(gen uint64) {
	last := x.pages.n - 1
	level := bits.Len(uint(last)) - 1
	p := last - 1<<level
	low, high := x.pages.get(p), x.pages.get(last)
	both := x.fresh(append(append(make([]uint64, 0, len(low)+len(high)), low[1:]...), high[1:]...), gen)
	x.bytes -= 8 * int64(cap(high))
	x.pages.pop(gen)
	x.replace(p, both, gen)
}

// scan calls visit with the entries of hashes from a given one on, hash by hash,
// until at least count were visited. It returns the hash to go on from, or zero
// at the end.
func (x *index) scan(from uint32, count int, visit func(entry uint64)) uint32 {
	for x.pages.n > 0 {
		p, shared := x.pageOf(from)
		entries := x.pages.get(p)[1:]
		for i := lower(entries, uint64(from)<<32, shared); i < len(entries); i++ {
			if h := uint32(entries[i] >> 32); count <= 0 && h != from {
				return h
			}
			from = uint32(entries[i] >> 32)
			visit(entries[i])
			count--
		}
		if shared == 0 {
			return 0
		}
		from = (from>>(hashBits-shared) + 1) << (hashBits - shared)
		if from == 0 {
			return 0
		}
		if count <= 0 {
			return from
		}
	}
	return 0
}
