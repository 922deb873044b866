package zset

import (
	"bytes"
	"encoding/binary"
	"unsafe"
)

// fanout is how many children an inner node has at most.
const fanout = 64

// inner is a node whose children are leaves, named by number, or other inner
// nodes. For each child it knows how many entries are below it, and of the first
// of them the score and the beginning of the member.
type inner struct {
	gen    uint64
	n      int
	kids   *[fanout]*inner // nil: the children are leaves
	ids    [fanout]uint32
	counts [fanout]uint32
	scores [fanout]float64
	prefix [fanout]uint64
}

const innerBytes = int64(unsafe.Sizeof(inner{}))

// key is a place in the order.
type key struct {
	score  float64
	prefix uint64 // of member
	member []byte
}

func newKey(score float64, member []byte) key {
	return key{score, prefixOf(member), member}
}

// prefixOf is the beginning of a member as a number: unequal ones are ordered as
// their members are.
func prefixOf(member []byte) uint64 {
	if len(member) >= 8 {
		return binary.BigEndian.Uint64(member)
	}
	var p [8]byte
	copy(p[:], member)
	return binary.BigEndian.Uint64(p[:])
}

func (z *Set) newInner(withKids bool) *inner {
	z.inners++
	nd := &inner{gen: z.gen}
	if withKids {
		nd.kids = new([fanout]*inner)
	}
	return nd
}

// mutable returns nd, to be written to, or a copy.
func (z *Set) mutable(nd *inner) *inner {
	if nd.gen == z.gen {
		return nd
	}
	mine := *nd
	mine.gen = z.gen
	if nd.kids != nil {
		kids := *nd.kids
		mine.kids = &kids
	}
	return &mine
}

func (z *Set) mutableRoot() *inner {
	z.root = z.mutable(z.root)
	return z.root
}

func (z *Set) mutableKid(nd *inner, i int) *inner {
	nd.kids[i] = z.mutable(nd.kids[i])
	return nd.kids[i]
}

// first returns the first member below child i.
func (z *Set) first(nd *inner, i int) []byte {
	for nd.kids != nil {
		nd, i = nd.kids[i], 0
	}
	l := leaf(z.leaves.get(int(nd.ids[i])))
	return l.member(l.len(), 0)
}

// route returns the child where k belongs.
func (z *Set) route(nd *inner, k *key) int {
	lo, hi := 1, nd.n // the answer is lo-1
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if z.startsAfter(nd, mid, k) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo - 1
}

// startsAfter reports whether the first entry of child i comes after k.
func (z *Set) startsAfter(nd *inner, i int, k *key) bool {
	if s := nd.scores[i]; s != k.score {
		return s > k.score
	}
	if p := nd.prefix[i]; p != k.prefix {
		return p > k.prefix
	}
	return bytes.Compare(z.first(nd, i), k.member) > 0
}

// refresh notes the first entry of child i, which is a leaf.
func (nd *inner) refresh(i int, l leaf) {
	if n := l.len(); n > 0 {
		nd.scores[i], nd.prefix[i] = l.score(0), prefixOf(l.member(n, 0))
	}
}

// adopt notes what child i, an inner node, has below it.
func (nd *inner) adopt(i int, kid *inner) {
	nd.kids[i] = kid
	nd.scores[i], nd.prefix[i] = kid.scores[0], kid.prefix[0]
	nd.counts[i] = kid.total()
}

func (nd *inner) total() uint32 {
	sum := uint32(0)
	for _, c := range nd.counts[:nd.n] {
		sum += c
	}
	return sum
}

// edges tells whether nothing lies left or right of a node: where all inserts
// come at one end, nodes are left full.
type edges uint8

const (
	leftEdge edges = 1 << iota
	rightEdge
	bothEdges = leftEdge | rightEdge
)

// of returns the edges of child i of nd.
func (e edges) of(nd *inner, i int) edges {
	if i > 0 {
		e &^= leftEdge
	}
	if i < nd.n-1 {
		e &^= rightEdge
	}
	return e
}

// grow puts a root above the old one and what was split off it.
func (z *Set) grow(right *inner) {
	root := z.newInner(true)
	root.n = 2
	root.adopt(0, z.root)
	root.adopt(1, right)
	z.root = root
}

// insert adds an entry below nd, which is writable, and to the index. If nd had to
// be split it returns the new node to the right of it.
func (z *Set) insert(nd *inner, k *key, p Place, e edges) *inner {
	i := z.route(nd, k)
	if nd.kids == nil {
		return z.insertLeaf(nd, i, k, p, e.of(nd, i))
	}
	kid := z.mutableKid(nd, i)
	right := z.insert(kid, k, p, e.of(nd, i))
	if right == nil {
		nd.scores[i], nd.prefix[i] = kid.scores[0], kid.prefix[0]
		nd.counts[i]++
		return nil
	}
	nd.adopt(i, kid)
	in, at, split := z.room(nd, i+1)
	in.adopt(at, right)
	return split
}

// insertLeaf is insert where child i of nd is a leaf.
func (z *Set) insertLeaf(nd *inner, i int, k *key, p Place, e edges) *inner {
	id := nd.ids[i]
	l := leaf(z.leaves.get(int(id)))
	pos, n := l.search(k), l.len()
	if n == 0 || len(l)+entryHead+len(k.member) <= leafMax {
		z.put(nd, i, l, pos, k, p)
		return nil
	}
	if pos == n && (n == 1 || e&rightEdge != 0) {
		return z.insertAlone(nd, i+1, k, p)
	}
	if pos == 0 && (n == 1 || e&leftEdge != 0) {
		return z.insertAlone(nd, i, k, p)
	}
	cut := l.middle()
	left, right := l.slice(0, cut, z.gen), l.slice(cut, n, z.gen)
	z.setLeaf(id, left)
	nd.counts[i] = uint32(cut)
	newID := z.newLeaf(right)
	z.moved(right, 0, n-cut, id, newID)
	in, at, split := z.room(nd, i+1)
	in.ids[at], in.counts[at] = newID, uint32(n-cut)
	in.refresh(at, right)
	if pos > cut {
		z.put(in, at, right, pos-cut, k, p)
		return split
	}
	if split != nil && i >= nd.n {
		nd, i = split, i-nd.n
	}
	z.put(nd, i, left, pos, k, p)
	return split
}

// put adds an entry at place pos of l, child i of nd.
func (z *Set) put(nd *inner, i int, l leaf, pos int, k *key, p Place) {
	l = l.inserted(pos, k, p.tag, z.gen)
	id := nd.ids[i]
	z.setLeaf(id, l)
	z.indexed(p, id)
	nd.counts[i]++
	if pos == 0 {
		nd.refresh(i, l)
	}
}

// insertAlone adds an entry as a leaf of its own, child at of nd.
func (z *Set) insertAlone(nd *inner, at int, k *key, p Place) *inner {
	l := newLeaf(leafHead+entryHead+len(k.member), z.gen).inserted(0, k, p.tag, z.gen)
	id := z.newLeaf(l)
	z.indexed(p, id)
	in, at, split := z.room(nd, at)
	in.ids[at], in.counts[at] = id, 1
	in.refresh(at, l)
	return split
}

// middle returns where to split a leaf of at least two entries.
func (l leaf) middle() int {
	n := l.len()
	half := (len(l) - leafHead) / 2
	size := 0
	for i := range n - 1 {
		if size += l.sizeOf(n, i, i+1); size > half {
			return max(i, 1)
		}
	}
	return n - 1
}

// room makes room for a child at place at of nd. If nd is full it is split, and
// split is what lies to the right of it; in and place say where the room is.
func (z *Set) room(nd *inner, at int) (in *inner, place int, split *inner) {
	if nd.n < fanout {
		nd.open(at)
		return nd, at, nil
	}
	split = z.newInner(nd.kids != nil)
	cut := fanout / 2
	if at == fanout {
		cut = fanout
	}
	split.take(nd, cut, nd.n)
	nd.cut(cut)
	if at <= cut && cut < fanout {
		nd.open(at)
		return nd, at, split
	}
	split.open(at - cut)
	return split, at - cut, split
}

// open moves the children from place at on to the right.
func (nd *inner) open(at int) {
	n := nd.n
	copy(nd.ids[at+1:n+1], nd.ids[at:n])
	copy(nd.counts[at+1:n+1], nd.counts[at:n])
	copy(nd.scores[at+1:n+1], nd.scores[at:n])
	copy(nd.prefix[at+1:n+1], nd.prefix[at:n])
	if nd.kids != nil {
		copy(nd.kids[at+1:n+1], nd.kids[at:n])
	}
	nd.n++
}

// take appends children from to to (exclusive) of src.
func (nd *inner) take(src *inner, from, to int) {
	n := nd.n
	copy(nd.ids[n:], src.ids[from:to])
	copy(nd.counts[n:], src.counts[from:to])
	copy(nd.scores[n:], src.scores[from:to])
	copy(nd.prefix[n:], src.prefix[from:to])
	if nd.kids != nil {
		copy(nd.kids[n:], src.kids[from:to])
	}
	nd.n += to - from
}

// cut drops the children from place n on.
func (nd *inner) cut(n int) {
	if nd.kids != nil {
		clear(nd.kids[n:nd.n])
	}
	nd.n = n
}

// close drops child i.
func (nd *inner) close(i int) {
	n := nd.n
	copy(nd.ids[i:], nd.ids[i+1:n])
	copy(nd.counts[i:], nd.counts[i+1:n])
	copy(nd.scores[i:], nd.scores[i+1:n])
	copy(nd.prefix[i:], nd.prefix[i+1:n])
	if nd.kids != nil {
		copy(nd.kids[i:], nd.kids[i+1:n])
	}
	nd.cut(n - 1)
}

// delete removes the entry of k, which is at place pos of its leaf, below nd, which is
// writable.
func (z *Set) delete(nd *inner, k *key, pos int) {
	i := z.route(nd, k)
	nd.counts[i]--
	if nd.kids == nil {
		l := leaf(z.leaves.get(int(nd.ids[i])))
		z.cutLeaf(nd, i, l, pos, pos+1)
		return
	}
	z.delete(z.mutableKid(nd, i), k, pos)
	z.shrunk(nd, i)
}

// deleteRun removes the entry of a rank below nd, which is writable, and those behind
// it in the same leaf, at most so many, from the index, too. It returns their number.
func (z *Set) deleteRun(nd *inner, rank, most int) int {
	i := 0
	for ; rank >= int(nd.counts[i]); i++ {
		rank -= int(nd.counts[i])
	}
	if nd.kids != nil {
		n := z.deleteRun(z.mutableKid(nd, i), rank, most)
		nd.counts[i] -= uint32(n)
		z.shrunk(nd, i)
		return n
	}
	id := nd.ids[i]
	l := leaf(z.leaves.get(int(id)))
	size := l.len()
	n := min(most, size-rank)
	for j := range n {
		z.index.remove(z.hash(l.member(size, rank+j)), id, z.gen)
	}
	nd.counts[i] -= uint32(n)
	z.cutLeaf(nd, i, l, rank, rank+n)
	return n
}

// shrunk looks after child i of nd, an inner node that has lost entries.
func (z *Set) shrunk(nd *inner, i int) {
	kid := nd.kids[i]
	if kid.n == 0 {
		z.inners--
		nd.close(i)
		return
	}
	nd.scores[i], nd.prefix[i] = kid.scores[0], kid.prefix[0]
	if kid.n < fanout/4 {
		z.mergeKid(nd, i)
	}
}

// cutLeaf removes the entries from to to (exclusive) of l, child i of nd.
func (z *Set) cutLeaf(nd *inner, i int, l leaf, from, to int) {
	id := nd.ids[i]
	l = l.removed(from, to, z.gen)
	z.setLeaf(id, l)
	if l.len() == 0 {
		if nd.n > 1 || nd != z.root {
			z.dropLeaf(id)
			nd.close(i)
		}
		return
	}
	if from == 0 {
		nd.refresh(i, l)
	}
	if len(l) < leafMin {
		z.mergeLeaf(nd, i)
	}
}

// mergeLeaf joins leaf i of nd with a neighbour, if together they are not too big.
func (z *Set) mergeLeaf(nd *inner, i int) {
	size := len(z.leaves.get(int(nd.ids[i])))
	fits := func(j int) bool {
		return j >= 0 && j < nd.n && size+len(z.leaves.get(int(nd.ids[j])))-leafHead <= mergedMax
	}
	switch {
	case fits(i + 1):
	case fits(i - 1):
		i--
	default:
		return
	}
	a, b := nd.ids[i], nd.ids[i+1]
	left, right := leaf(z.leaves.get(int(a))), leaf(z.leaves.get(int(b)))
	out := newLeaf(len(left)+len(right)-leafHead+growth, z.gen)
	out = out.appended(left, 0, left.len()).appended(right, 0, right.len())
	z.moved(right, 0, right.len(), b, a)
	z.setLeaf(a, out)
	z.dropLeaf(b)
	nd.counts[i] += nd.counts[i+1]
	nd.close(i + 1)
}

// mergeKid joins inner node i of nd with a neighbour, if together they are not too
// big.
func (z *Set) mergeKid(nd *inner, i int) {
	const most = fanout * 3 / 4
	n := nd.kids[i].n
	switch {
	case i+1 < nd.n && n+nd.kids[i+1].n <= most:
	case i > 0 && n+nd.kids[i-1].n <= most:
		i--
	default:
		return
	}
	left, right := z.mutableKid(nd, i), nd.kids[i+1]
	left.take(right, 0, right.n)
	z.inners--
	nd.counts[i] += nd.counts[i+1]
	nd.close(i + 1)
}
