package zset

import (
	"hash/maphash"
	"math"

	"github.com/vedette-ha/vedette/server/keyspace"
)

// Set is a big sorted set. One goroutine at a time may use it; a frozen copy is
// another's to use. It implements [keyspace.Object].
type Set struct {
	gen    uint64
	seed   maphash.Seed
	n      int
	root   *inner
	leaves paged[byte]
	index  index

	free    []uint32 // numbers of leaves that are nil
	freeGen uint64   // of free: another's must not be appended to

	leafBytes int64 // capacity of all leaves
	inners    int
}

var _ keyspace.Object = (*Set)(nil)

// New returns an empty Set.
func New() *Set {
	z := &Set{gen: 1, freeGen: 1, seed: maphash.MakeSeed()}
	z.root = z.newInner(false)
	z.root.n = 1
	z.root.ids[0] = z.newLeaf(newLeaf(0, z.gen))
	return z
}

// Kind returns [keyspace.ZSet].
func (z *Set) Kind() keyspace.Kind { return keyspace.ZSet }

// Encoding returns [keyspace.Skiplist]: the name clients know.
func (z *Set) Encoding() keyspace.Encoding { return keyspace.Skiplist }

// Len returns the number of members.
func (z *Set) Len() int { return z.n }

// setBytes is about what a Set takes without what it refers to.
const setBytes = 256

// MemoryUsage returns the bytes used. Nothing is sampled.
func (z *Set) MemoryUsage(int) int64 {
	return setBytes + z.leafBytes + z.index.bytes + z.leaves.bytes() + z.index.pages.bytes() +
		int64(z.inners)*innerBytes + 4*int64(cap(z.free))
}

// FreeEffort returns the number of members, which Redis goes by.
func (z *Set) FreeEffort() int { return z.Len() }

// Freeze returns the Set as it is now, in constant time.
func (z *Set) Freeze() keyspace.Object {
	z.gen++
	frozen := *z
	return &frozen
}

// Place is where a member is, or that it is not there: good until the next change.
type Place struct {
	Found bool
	Score float64 // if found

	hash uint32
	tag  byte
	leaf uint32
	pos  int
}

// Locate looks a member up.
func (z *Set) Locate(member []byte) Place {
	h := maphash.Bytes(z.seed, member)
	p := Place{hash: uint32(h >> 32), tag: byte(h)}
	for _, entry := range z.index.candidates(p.hash) {
		id := uint32(entry)
		l := leaf(z.leaves.get(int(id)))
		if i := l.find(member, p.tag); i >= 0 {
			p.Found, p.leaf, p.pos, p.Score = true, id, i, l.score(i)
			return p
		}
	}
	return p
}

// Warm implements [keyspace.Warmer]: what lies on the way to members is read for all of
// them, one station after the other.
func (z *Set) Warm(members [][]byte) (sink byte) {
	var (
		hashes [keyspace.WarmMax]uint32
		leaves [keyspace.WarmMax]leaf
	)
	members = members[:min(len(members), keyspace.WarmMax)]
	for i, m := range members {
		hashes[i] = uint32(maphash.Bytes(z.seed, m) >> 32)
		sink ^= z.index.warm(hashes[i])
	}
	for i := range members {
		if entries := z.index.candidates(hashes[i]); len(entries) > 0 {
			leaves[i] = leaf(z.leaves.get(int(uint32(entries[0]))))
		}
	}
	for _, l := range leaves[:len(members)] {
		if l != nil {
			sink ^= l[0]
		}
	}
	for _, l := range leaves[:len(members)] {
		if l != nil {
			if tags := l.tags(l.len()); len(tags) > 0 {
				sink ^= tags[0] ^ tags[len(tags)-1]
			}
		}
	}
	return sink
}

// Score returns the score of a member.
func (z *Set) Score(member []byte) (float64, bool) {
	p := z.Locate(member)
	return p.Score, p.Found
}

// Set gives a member a score; it need not be there. The score is not NaN.
func (z *Set) Set(member []byte, score float64) { z.SetAt(z.Locate(member), member, score) }

// SetAt is [Set.Set] of a member that was just located.
func (z *Set) SetAt(p Place, member []byte, score float64) {
	if p.Found {
		if z.setInPlace(p, score) {
			return
		}
		z.take(p, member) // the index is told when it is in its new leaf
	} else {
		z.n++
	}
	k := newKey(score, member)
	if right := z.insert(z.mutableRoot(), &k, p, bothEdges); right != nil {
		z.grow(right)
	}
}

// setInPlace changes a score where that does not change the order, nor the first
// entry of a leaf.
func (z *Set) setInPlace(p Place, score float64) bool {
	l := leaf(z.leaves.get(int(p.leaf)))
	if math.Float64bits(p.Score) == math.Float64bits(score) {
		return true
	}
	if p.pos == 0 || p.pos == l.len()-1 || !(l.score(p.pos-1) < score && score < l.score(p.pos+1)) {
		return false
	}
	if l.gen() != z.gen {
		l = l.slice(0, l.len(), z.gen)
		z.setLeaf(p.leaf, l)
	}
	l.setScore(p.pos, score)
	return true
}

// Delete removes a member and reports whether it was there.
func (z *Set) Delete(member []byte) bool {
	p := z.Locate(member)
	if p.Found {
		z.remove(p, member)
	}
	return p.Found
}

// DeleteAt is [Set.Delete] of a member that was just located and found.
func (z *Set) DeleteAt(p Place, member []byte) { z.remove(p, member) }

func (z *Set) remove(p Place, member []byte) {
	z.index.remove(p.hash, p.leaf, z.gen)
	z.take(p, member)
	z.n--
}

// take takes a member out of its leaf.
func (z *Set) take(p Place, member []byte) {
	k := newKey(p.Score, member)
	z.delete(z.mutableRoot(), &k, p.pos)
	z.lower()
}

// indexed tells the index that the member of p is now in a leaf.
func (z *Set) indexed(p Place, leaf uint32) {
	if p.Found {
		z.index.move(p.hash, p.leaf, leaf, z.gen)
		return
	}
	z.index.add(p.hash, leaf, z.gen)
}

// lower takes roots away that have one child.
func (z *Set) lower() {
	for z.root.kids != nil && z.root.n == 1 {
		z.root = z.root.kids[0]
		z.inners--
	}
}

// DeleteRange removes the members of ranks from to to (exclusive).
func (z *Set) DeleteRange(from, to int) {
	for from < to {
		n := z.deleteRun(z.mutableRoot(), from, to-from)
		z.n -= n
		to -= n
		z.lower()
	}
}

func (z *Set) hash(member []byte) uint32 { return uint32(maphash.Bytes(z.seed, member) >> 32) }

// Scan calls visit with members and scores from a place on that is zero for the
// begin, at least count of them if there are so many. It returns the place to go
// on from, or zero at the end. A member that is there all the time is visited at
// least once, whatever changes between the calls.
func (z *Set) Scan(from uint32, count int, visit func(member []byte, score float64)) uint32 {
	last := uint64(0)
	first := true
	return z.index.scan(from, count, func(entry uint64) {
		if !first && entry == last {
			return // two members with one hash in one leaf: both were visited
		}
		first, last = false, entry
		l := leaf(z.leaves.get(int(uint32(entry))))
		n := l.len()
		for i := range n {
			if m := l.member(n, i); z.hash(m) == uint32(entry>>32) {
				visit(m, l.score(i))
			}
		}
	})
}

func (z *Set) newLeaf(l leaf) uint32 {
	z.leafBytes += int64(cap(l))
	if last := len(z.free) - 1; last >= 0 {
		id := z.free[last]
		z.free = z.free[:last]
		z.leaves.set(int(id), l, z.gen)
		return id
	}
	z.leaves.push(l, z.gen)
	return uint32(z.leaves.n - 1)
}

func (z *Set) setLeaf(id uint32, l leaf) {
	z.leafBytes += int64(cap(l) - cap(z.leaves.get(int(id))))
	z.leaves.set(int(id), l, z.gen)
}

func (z *Set) dropLeaf(id uint32) {
	z.setLeaf(id, nil)
	if z.freeGen != z.gen {
		z.free = append([]uint32(nil), z.free...)
		z.freeGen = z.gen
	}
	z.free = append(z.free, id)
}

// moved tells the index that entries from to to (exclusive) of l, which was leaf
// was, are in another.
func (z *Set) moved(l leaf, from, to int, was, now uint32) {
	n := l.len()
	for i := from; i < to; i++ {
		z.index.move(z.hash(l.member(n, i)), was, now, z.gen)
	}
}
