package zset

import (
	"bytes"
	"encoding/binary"
	"math"
)

// leaf is a run of entries in order: the generation of its writer in eight bytes,
// the number of entries in four, then for all entries in turn their scores (8
// bytes each), the ends of their members (4), tags (1) and members.
type leaf []byte

const (
	leafHead  = 12
	entryHead = 8 + 4 + 1

	// leafMax is the size in bytes beyond which a leaf is split, unless it has one
	// entry only: a write moves half a leaf, a read wants few levels.
	leafMax = 2048

	// leafMin is the size below which a leaf is merged with its neighbour, if both
	// together have room to grow.
	leafMin   = leafMax / 4
	mergedMax = leafMax * 3 / 4
)

var le = binary.LittleEndian

func (l leaf) gen() uint64 { return le.Uint64(l) }
func (l leaf) len() int    { return int(le.Uint32(l[8:])) }

func (l leaf) score(i int) float64 {
	return math.Float64frombits(le.Uint64(l[leafHead+8*i:]))
}

func (l leaf) setScore(i int, score float64) {
	le.PutUint64(l[leafHead+8*i:], math.Float64bits(score))
}

// bodyAt is where the members of a leaf of n entries begin.
func bodyAt(n int) int { return leafHead + entryHead*n }

// end is where member i ends, counted from the first member on.
func (l leaf) end(n, i int) int {
	if i < 0 {
		return 0
	}
	return int(le.Uint32(l[leafHead+8*n+4*i:]))
}

func (l leaf) tags(n int) []byte { return l[leafHead+12*n : leafHead+13*n] }

// member returns member i of n. It aliases the leaf.
func (l leaf) member(n, i int) []byte {
	body := bodyAt(n)
	from, to := body+l.end(n, i-1), body+l.end(n, i)
	return l[from:to:to]
}

// find returns the place of member, whose tag is given, or -1.
func (l leaf) find(member []byte, tag byte) int {
	n := l.len()
	tags := l.tags(n)
	for from := 0; ; from++ {
		i := bytes.IndexByte(tags[from:], tag)
		if i < 0 {
			return -1
		}
		from += i
		if bytes.Equal(l.member(n, from), member) {
			return from
		}
	}
}

// search returns the place of the first entry that does not come before k.
func (l leaf) search(k *key) int {
	n := l.len()
	lo, hi := 0, n
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		s := l.score(mid)
		if s < k.score || s == k.score && bytes.Compare(l.member(n, mid), k.member) < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// newLeaf returns a leaf without entries that may grow to size bytes.
func newLeaf(size int, gen uint64) leaf {
	l := leaf(append([]byte(nil), make([]byte, max(size, leafHead))...))[:leafHead]
	le.PutUint64(l, gen)
	return l
}

// sizeOf is what the entries from to to (exclusive) of a leaf of n take.
func (l leaf) sizeOf(n, from, to int) int {
	return (to-from)*entryHead + l.end(n, to-1) - l.end(n, from-1)
}

// growth is how much a leaf gets beyond what it needs: little, as there are many;
// the allocator's size classes add to it.
const growth = 64

// inserted returns l with an entry at place i. It is l itself if l is of
// generation gen and has the room.
func (l leaf) inserted(i int, k *key, tag byte, gen uint64) leaf {
	n, size := l.len(), len(l)+entryHead+len(k.member)
	var to leaf
	if l.gen() == gen && size <= cap(l) {
		to = l[:size]
	} else {
		to = newLeaf(size+growth, gen)[:size]
	}
	oldBody, newBody := bodyAt(n), bodyAt(n+1)
	cut := l.end(n, i-1)
	src := l // regions are moved from the back to the front, so to may be l
	copy(to[newBody+cut+len(k.member):], src[oldBody+cut:])
	copy(to[newBody:newBody+cut], src[oldBody:oldBody+cut])
	copy(to[newBody+cut:], k.member)
	move(to, src, leafHead+12*(n+1), leafHead+12*n, i, n, 1)
	to[leafHead+12*(n+1)+i] = tag
	move(to, src, leafHead+8*(n+1), leafHead+8*n, i, n, 4)
	ends := to[leafHead+8*(n+1):]
	for j := i + 1; j <= n; j++ {
		le.PutUint32(ends[4*j:], le.Uint32(ends[4*j:])+uint32(len(k.member)))
	}
	le.PutUint32(ends[4*i:], uint32(cut+len(k.member)))
	move(to, src, leafHead, leafHead, i, n, 8)
	to.setScore(i, k.score)
	le.PutUint32(to[8:], uint32(n+1))
	return to
}

// move makes room for one item of width bytes at place i of an array of n, copying
// it from src[was:] to to[will:].
func move(to, src []byte, will, was, i, n, width int) {
	copy(to[will+(i+1)*width:], src[was+i*width:was+n*width])
	copy(to[will:will+i*width], src[was:was+i*width])
}

// slice returns a new leaf with the entries from to to (exclusive) of l.
func (l leaf) slice(from, to int, gen uint64) leaf {
	return newLeaf(leafHead+l.sizeOf(l.len(), from, to)+growth/4, gen).appended(l, from, to)
}

// appended adds entries of src behind those of l, which has the room.
func (l leaf) appended(src leaf, from, to int) leaf {
	sn, n, more := src.len(), l.len(), to-from
	size := len(l) + src.sizeOf(sn, from, to)
	all := n + more
	out := l[:size]
	if n > 0 { // the old entries' regions move apart, the last first
		copy(out[bodyAt(all):], l[bodyAt(n):])
		copy(out[leafHead+12*all:], l[leafHead+12*n:leafHead+13*n])
		copy(out[leafHead+8*all:], l[leafHead+8*n:leafHead+12*n])
	}
	base, begin := out.end(all, n-1), src.end(sn, from-1)
	copy(out[bodyAt(all)+base:], src[bodyAt(sn)+begin:bodyAt(sn)+src.end(sn, to-1)])
	copy(out[leafHead+12*all+n:], src.tags(sn)[from:to])
	ends := out[leafHead+8*all:]
	for j := range more {
		le.PutUint32(ends[4*(n+j):], uint32(base+src.end(sn, from+j)-begin))
	}
	copy(out[leafHead+8*n:], src[leafHead+8*from:leafHead+8*to])
	le.PutUint32(out[8:], uint32(all))
	return out
}

// removed returns l without the entries from to to (exclusive). It is l itself if
// l is of generation gen.
func (l leaf) removed(from, to int, gen uint64) leaf {
	n := l.len()
	if l.gen() != gen || len(l)-l.sizeOf(n, from, to) < cap(l)/2 {
		out := newLeaf(len(l)-l.sizeOf(n, from, to)+growth/4, gen)
		return out.appended(l, 0, from).appended(l, to, n)
	}
	left := n - (to - from)
	a, b := l.end(n, from-1), l.end(n, to-1)
	copy(l[leafHead+8*from:], l[leafHead+8*to:leafHead+8*n])
	ends := l[leafHead+8*left:]
	was := l[leafHead+8*n:]
	copy(ends, was[:4*from]) // forwards: the target is in front
	for j := from; j < left; j++ {
		le.PutUint32(ends[4*j:], le.Uint32(was[4*(j+to-from):])-uint32(b-a))
	}
	t := l[leafHead+12*left:]
	copy(t, l[leafHead+12*n:leafHead+12*n+from])
	copy(t[from:], l[leafHead+12*n+to:leafHead+13*n])
	body := l[bodyAt(left):]
	oldEnd := len(l)
	copy(body, l[bodyAt(n):bodyAt(n)+a])
	copy(body[a:], l[bodyAt(n)+b:oldEnd])
	le.PutUint32(l[8:], uint32(left))
	return l[:oldEnd-(to-from)*entryHead-(b-a)]
}
