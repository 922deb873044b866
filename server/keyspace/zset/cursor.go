package zset

import "bytes"

// depthMax is more levels than a tree can have.
const depthMax = 16

// Cursor is a place in a Set, good until its next change.
type Cursor struct {
	z     *Set
	leaf  leaf
	pos   int // in leaf
	n     int // of leaf
	depth int // of path in use
	path  [depthMax]step
}

type step struct {
	nd *inner
	i  int
}

// At returns the place of the member of a rank, which there must be.
func (z *Set) At(rank int) Cursor {
	c := Cursor{z: z}
	for nd := z.root; ; {
		i := 0
		for rank >= int(nd.counts[i]) && i < nd.n-1 {
			rank -= int(nd.counts[i])
			i++
		}
		c.path[c.depth] = step{nd, i}
		c.depth++
		if nd.kids == nil {
			break
		}
		nd = nd.kids[i]
	}
	c.enter()
	c.pos = rank
	return c
}

// enter takes the leaf the path leads to.
func (c *Cursor) enter() {
	s := c.path[c.depth-1]
	c.leaf = leaf(c.z.leaves.get(int(s.nd.ids[s.i])))
	c.n = c.leaf.len()
}

// Member returns the member. It aliases the Set: read only.
func (c *Cursor) Member() []byte { return c.leaf.member(c.n, c.pos) }

// Score returns the score.
func (c *Cursor) Score() float64 { return c.leaf.score(c.pos) }

// Next goes to the next member and reports whether there is one.
func (c *Cursor) Next() bool {
	if c.pos+1 < c.n {
		c.pos++
		return true
	}
	if !c.climb(1) {
		return false
	}
	c.pos = 0
	return true
}

// Prev goes to the member before and reports whether there is one.
func (c *Cursor) Prev() bool {
	if c.pos > 0 {
		c.pos--
		return true
	}
	if !c.climb(-1) {
		return false
	}
	c.pos = c.n - 1
	return true
}

// climb goes to the neighbouring leaf in direction by.
func (c *Cursor) climb(by int) bool {
	d := c.depth - 1
	for ; d >= 0; d-- {
		if i := c.path[d].i + by; i >= 0 && i < c.path[d].nd.n {
			c.path[d].i = i
			break
		}
	}
	if d < 0 {
		return false
	}
	for ; d < c.depth-1; d++ {
		nd := c.path[d].nd.kids[c.path[d].i]
		i := 0
		if by < 0 {
			i = nd.n - 1
		}
		c.path[d+1] = step{nd, i}
	}
	c.enter()
	return true
}

// Members calls visit for n members in order, from the one of a rank on, which there
// must be. They alias the Set: read only.
func (z *Set) Members(rank, n int, visit func(m []byte)) {
	for c := z.At(rank); ; c.pos = 0 {
		body, ends := c.leaf[bodyAt(c.n):], c.leaf[leafHead+8*c.n:bodyAt(c.n)]
		from := c.leaf.end(c.n, c.pos-1)
		for ; c.pos < c.n; c.pos++ {
			to := int(le.Uint32(ends[4*c.pos:]))
			visit(body[from:to:to])
			from = to
			if n--; n == 0 {
				return
			}
		}
		if !c.climb(1) {
			return
		}
	}
}

// Rank returns the rank of a member, counted from zero, and its score.
func (z *Set) Rank(member []byte) (rank int, score float64, ok bool) {
	p := z.Locate(member)
	if !p.Found {
		return 0, 0, false
	}
	k := newKey(p.Score, member)
	for nd := z.root; ; {
		i := z.route(nd, &k)
		for _, c := range nd.counts[:i] {
			rank += int(c)
		}
		if nd.kids == nil {
			return rank + p.pos, p.Score, true
		}
		nd = nd.kids[i]
	}
}

// SeekScore returns how many members have a score less than x, or, with after,
// less than or equal to it.
func (z *Set) SeekScore(x float64, after bool) int {
	before := func(s float64) bool { return s < x || after && s == x }
	return z.seek(
		func(nd *inner, i int) bool { return before(nd.scores[i]) },
		func(l leaf, _, i int) bool { return before(l.score(i)) })
}

// SeekMember returns how many members come before m in the order of members, or,
// with after, are m or come before it. All scores must be equal.
func (z *Set) SeekMember(m []byte, after bool) int {
	prefix := prefixOf(m)
	before := func(s []byte) bool {
		c := bytes.Compare(s, m)
		return c < 0 || after && c == 0
	}
	return z.seek(
		func(nd *inner, i int) bool {
			if p := nd.prefix[i]; p != prefix {
				return p < prefix
			}
			return before(z.first(nd, i))
		},
		func(l leaf, n, i int) bool { return before(l.member(n, i)) })
}

// seek counts the entries for which a condition holds that holds for none behind
// one for which it does not. It is asked of the first entry of a child, and of an
// entry of a leaf of n.
func (z *Set) seek(child func(nd *inner, i int) bool, entry func(l leaf, n, i int) bool) int {
	rank := 0
	for nd := z.root; ; {
		lo, hi := 1, nd.n
		for lo < hi {
			if mid := int(uint(lo+hi) / 2); child(nd, mid) {
				lo = mid + 1
			} else {
				hi = mid
			}
		}
		for _, c := range nd.counts[:lo-1] {
			rank += int(c)
		}
		if nd.kids != nil {
			nd = nd.kids[lo-1]
			continue
		}
		l := leaf(z.leaves.get(int(nd.ids[lo-1])))
		n := l.len()
		lo, hi = 0, n
		for lo < hi {
			if mid := int(uint(lo+hi) / 2); entry(l, n, mid) {
				lo = mid + 1
			} else {
				hi = mid
			}
		}
		return rank + lo
	}
}
