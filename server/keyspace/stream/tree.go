package stream

import "slices"

// token is whose a page is: the value that may change it in place. It has a size so
// that each has an address of its own.
type token struct{ _ byte }

// pageMax is how many items, or pages, a page holds.
const pageMax = 64

// tree maps ids to values, in order. Pages are shared between a tree and the copies
// of its struct: whoever changes one that has another token copies it first. The
// zero tree is empty.
type tree[V any] struct {
	root  *page[V]
	count int
}

// page is a leaf, with items, or a branch, with pages. ids are the items' keys, or
// lower bounds of the pages: what page i holds is from ids[i] up to below ids[i+1].
type page[V any] struct {
	owner *token
	ids   []ID
	vals  []V
	kids  []*page[V] // nil in a leaf
}

// find is the place of id in a leaf, and whether it is there.
func (p *page[V]) find(id ID) (int, bool) {
	lo, hi := 0, len(p.ids)
	if hi > 0 && p.ids[hi-1].Less(id) {
		return hi, false // most often something is appended
	}
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if p.ids[mid].Less(id) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < len(p.ids) && p.ids[lo] == id
}

// kidFor is the place of the page of a branch that holds id if any does.
func (p *page[V]) kidFor(id ID) int {
	i, there := p.find(id)
	if there {
		return i
	}
	return max(i-1, 0)
}

// own is p if o may change it, else a copy that o may change.
func (p *page[V]) own(o *token) *page[V] {
	if p.owner == o {
		return p
	}
	return &page[V]{owner: o, ids: slices.Clone(p.ids), vals: slices.Clone(p.vals), kids: slices.Clone(p.kids)}
}

// get returns the value of id. It may be read until the tree changes.
func (t *tree[V]) get(id ID) (*V, bool) {
	p := t.root
	if p == nil {
		return nil, false
	}
	for p.kids != nil {
		p = p.kids[p.kidFor(id)]
	}
	i, ok := p.find(id)
	if !ok {
		return nil, false
	}
	return &p.vals[i], true
}

// edit returns the value of id to be changed in place, good until the next change
// of the tree or a freeze.
func (t *tree[V]) edit(o *token, id ID) (*V, bool) {
	if _, ok := t.get(id); !ok {
		return nil, false
	}
	t.root = t.root.own(o)
	p := t.root
	for p.kids != nil {
		i := p.kidFor(id)
		p.kids[i] = p.kids[i].own(o)
		p = p.kids[i]
	}
	i, _ := p.find(id)
	return &p.vals[i], true
}

// put makes v the value of id and reports whether id is new.
func (t *tree[V]) put(o *token, id ID, v V) bool {
	if t.root == nil {
		t.root = &page[V]{owner: o}
	}
	t.root = t.root.own(o)
	right, isNew := t.root.put(o, id, v)
	if right != nil {
		t.root = &page[V]{owner: o, ids: []ID{t.root.ids[0], right.ids[0]}, kids: []*page[V]{t.root, right}}
	}
	if isNew {
		t.count++
	}
	return isNew
}

// put is tree.put below p, which o owns. What does not fit is split off to the
// right.
func (p *page[V]) put(o *token, id ID, v V) (right *page[V], isNew bool) {
	if p.kids == nil {
		i, there := p.find(id)
		if there {
			p.vals[i] = v
			return nil, false
		}
		return p.insert(o, i, id, v, nil), true
	}
	i := p.kidFor(id)
	kid := p.kids[i].own(o)
	p.kids[i] = kid
	if id.Less(p.ids[i]) {
		p.ids[i] = id
	}
	split, isNew := kid.put(o, id, v)
	if split == nil {
		return nil, isNew
	}
	var none V
	return p.insert(o, i+1, split.ids[0], none, split), isNew
}

// insert puts an item, or a page, at place i. A full page is split: in the middle,
// but where something is appended, so that trees that only grow have full pages.
func (p *page[V]) insert(o *token, i int, id ID, v V, kid *page[V]) (right *page[V]) {
	if len(p.ids) == pageMax {
		at := pageMax / 2
		if i == pageMax {
			at = pageMax
		}
		right = p.split(o, at)
		if i >= at {
			right.place(i-at, id, v, kid)
			return right
		}
	}
	p.place(i, id, v, kid)
	return right
}

func (p *page[V]) place(i int, id ID, v V, kid *page[V]) {
	p.ids = slices.Insert(p.ids, i, id)
	if kid != nil {
		p.kids = slices.Insert(p.kids, i, kid)
		return
	}
	p.vals = slices.Insert(p.vals, i, v)
}

// split moves what is from at on to a page of its own.
func (p *page[V]) split(o *token, at int) *page[V] {
	r := &page[V]{owner: o, ids: slices.Clone(p.ids[at:])}
	p.ids = p.ids[:at]
	if p.kids != nil {
		r.kids = append(make([]*page[V], 0, pageMax-at+1), p.kids[at:]...)
		clear(p.kids[at:])
		p.kids = p.kids[:at]
		return r
	}
	r.vals = slices.Clone(p.vals[at:])
	clear(p.vals[at:])
	p.vals = p.vals[:at]
	return r
}

// remove takes id out and reports whether it was there.
func (t *tree[V]) remove(o *token, id ID) bool {
	if _, ok := t.get(id); !ok {
		return false
	}
	t.root = t.root.own(o)
	t.root.remove(o, id)
	t.count--
	for t.root != nil && t.root.kids != nil && len(t.root.kids) == 1 {
		t.root = t.root.kids[0]
	}
	if t.count == 0 {
		t.root = nil
	}
	return true
}

// remove takes id, which is there, out of what is below p, which o owns.
func (p *page[V]) remove(o *token, id ID) {
	if p.kids == nil {
		i, _ := p.find(id)
		p.ids = slices.Delete(p.ids, i, i+1)
		p.vals = slices.Delete(p.vals, i, i+1)
		return
	}
	i := p.kidFor(id)
	kid := p.kids[i].own(o)
	p.kids[i] = kid
	kid.remove(o, id)
	switch n := len(kid.ids); {
	case n == 0:
		p.dropKid(i)
	case n >= pageMax/4:
	case i > 0 && len(p.kids[i-1].ids)+n <= pageMax*3/4:
		p.merge(o, i-1)
	case i+1 < len(p.kids) && len(p.kids[i+1].ids)+n <= pageMax*3/4:
		p.merge(o, i)
	}
}

func (p *page[V]) dropKid(i int) {
	p.ids = slices.Delete(p.ids, i, i+1)
	p.kids = slices.Delete(p.kids, i, i+1)
}

// merge makes one of the pages i and i+1.
func (p *page[V]) merge(o *token, i int) {
	left, right := p.kids[i].own(o), p.kids[i+1]
	left.ids = append(left.ids, right.ids...)
	left.vals = append(left.vals, right.vals...)
	left.kids = append(left.kids, right.kids...)
	p.kids[i] = left
	p.dropKid(i + 1)
}

// depthMax is deeper than any tree gets: two neighbouring pages hold three quarters
// of pageMax at least.
const depthMax = 10

// cursor is a place in a tree. It is good until the tree changes.
type cursor[V any] struct {
	path  [depthMax]step[V]
	depth int // of the leaf; -1: no place
}

type step[V any] struct {
	page *page[V]
	at   int
}

// seek returns a cursor at the first item from id on; it is invalid if there is
// none.
func (t *tree[V]) seek(id ID) (c cursor[V]) {
	c.descend(t.root, func(p *page[V]) int { return p.kidFor(id) })
	if c.valid() {
		leaf := &c.path[c.depth]
		leaf.at, _ = leaf.page.find(id)
		if leaf.at == len(leaf.page.ids) {
			leaf.at--
			c.next()
		}
	}
	return c
}

// floor returns a cursor at the last item up to id; it is invalid if there is none.
func (t *tree[V]) floor(id ID) (c cursor[V]) {
	c.descend(t.root, func(p *page[V]) int { return p.kidFor(id) })
	if c.valid() {
		leaf := &c.path[c.depth]
		i, there := leaf.page.find(id)
		leaf.at = i
		if !there {
			c.prev()
		}
	}
	return c
}

// first returns a cursor at the first item.
func (t *tree[V]) first() (c cursor[V]) {
	c.descend(t.root, func(*page[V]) int { return 0 })
	return c
}

// last returns a cursor at the last item.
func (t *tree[V]) last() (c cursor[V]) {
	c.descend(t.root, func(p *page[V]) int { return len(p.ids) - 1 })
	return c
}

func (c *cursor[V]) descend(p *page[V], choose func(*page[V]) int) {
	c.depth = -1
	for p != nil {
		c.depth++
		s := &c.path[c.depth]
		s.page, s.at = p, choose(p)
		if p.kids == nil {
			return
		}
		p = p.kids[s.at]
	}
}

func (c *cursor[V]) valid() bool { return c.depth >= 0 }

func (c *cursor[V]) id() ID { s := &c.path[c.depth]; return s.page.ids[s.at] }

// val returns the value at the cursor, to be read.
func (c *cursor[V]) val() *V { s := &c.path[c.depth]; return &s.page.vals[s.at] }

// next goes to the next item; behind the last the cursor becomes invalid.
func (c *cursor[V]) next() { c.move(1) }

// prev goes to the item before; before the first the cursor becomes invalid.
func (c *cursor[V]) prev() { c.move(-1) }

func (c *cursor[V]) move(by int) {
	for d := c.depth; d >= 0; d-- {
		s := &c.path[d]
		s.at += by
		if s.at < 0 || s.at >= len(s.page.ids) {
			continue
		}
		for ; d < c.depth; d++ {
			kid := s.page.kids[s.at]
			s = &c.path[d+1]
			s.page, s.at = kid, 0
			if by < 0 {
				s.at = len(kid.ids) - 1
			}
		}
		return
	}
	c.depth = -1
}

// editLast returns the last item, its value to be changed in place; nil if there is
// none.
func (t *tree[V]) editLast(o *token) (ID, *V) {
	if t.root == nil {
		return ID{}, nil
	}
	t.root = t.root.own(o)
	p := t.root
	for p.kids != nil {
		i := len(p.kids) - 1
		p.kids[i] = p.kids[i].own(o)
		p = p.kids[i]
	}
	i := len(p.ids) - 1
	return p.ids[i], &p.vals[i]
}
