package list

import "slices"

const (
	kidsMax = 64
	// heightMax is beyond what memory can hold: a branch splits after at least half
	// of kidsMax insertions.
	heightMax = 10
)

// branch is an inner node of the tree. None is empty.
type branch struct {
	owner *owner
	kids  []kid
}

// kid is a branch, or, at height 0, a node.
type kid struct {
	count  int // elements in it
	node   *node
	branch *branch
}

// path is the way from the root to a node: at each height the branch, and which of
// its kids leads on.
type path struct {
	branch [heightMax]*branch
	kid    [heightMax]int
}

func (p *path) node() *node { return p.branch[0].kids[p.kid[0]].node }

// seek finds the node of element i, which must be there, and where in it.
func (l *List) seek(i int, p *path) (offset int) {
	b, total := l.root, l.count
	for h := l.height; ; h-- {
		k := 0
		if i < total/2 {
			for i >= b.kids[k].count {
				i -= b.kids[k].count
				k++
			}
		} else {
			back := total - i // from the end, at least 1
			k = len(b.kids) - 1
			for back > b.kids[k].count {
				back -= b.kids[k].count
				k--
			}
			i = b.kids[k].count - back
		}
		p.branch[h], p.kid[h] = b, k
		if h == 0 {
			return i
		}
		b, total = b.kids[k].branch, b.kids[k].count
	}
}

// nodeOf returns the node of element i and the index of its first; nil if there is
// no such element.
func (l *List) nodeOf(i int) (n *node, first int) {
	if i < 0 || i >= l.count {
		return nil, 0
	}
	var p path
	offset := l.seek(i, &p)
	return p.node(), i - offset
}

// ownBranches makes the branches on a path the list's own.
func (l *List) ownBranches(p *path) {
	l.root = l.ownBranch(l.root)
	b := l.root
	for h := l.height; ; h-- {
		p.branch[h] = b
		if h == 0 {
			return
		}
		k := &b.kids[p.kid[h]]
		k.branch = l.ownBranch(k.branch)
		b = k.branch
	}
}

func (l *List) ownBranch(b *branch) *branch {
	if b.owner == l.own {
		return b
	}
	return &branch{owner: l.own, kids: slices.Clone(b.kids)}
}

// ownNode makes everything on a path the list's own, and returns the node.
func (l *List) ownNode(p *path) *node {
	l.ownBranches(p)
	k := &p.branch[0].kids[p.kid[0]]
	if n := k.node; n.owner != l.own {
		k.node = &node{owner: l.own, data: slices.Clone(n.data), count: n.count, raw: n.raw, plain: n.plain}
	}
	return k.node
}

// settle counts what has changed in the node a path leads to since edit.
func (l *List) settle(p *path, was books) {
	n := p.node()
	l.bytes += len(n.data) - was.bytes
	if by := n.count - was.count; by != 0 {
		l.count += by
		p.add(0, l.height, by)
	}
}

// addNode inserts a node so that its first element has the index at, which is that
// of another node's first, or the length.
func (l *List) addNode(at int, n *node) {
	add := kid{count: n.count, node: n}
	defer func() {
		l.count += n.count
		l.nodes++
		l.bytes += n.size()
	}()
	if l.root == nil {
		l.root, l.height = &branch{owner: l.own, kids: []kid{add}}, 0
		return
	}
	var p path
	after := 0
	if at == l.count {
		after = 1
	}
	l.seek(at-after, &p)
	l.ownBranches(&p)
	for h := 0; ; h++ {
		b := p.branch[h]
		i := p.kid[h] + after
		b.kids = slices.Insert(b.kids, i, add)
		if len(b.kids) <= kidsMax {
			p.add(h+1, l.height, n.count)
			return
		}
		right := l.split(b, i, h)
		add, after = kid{count: right.count(), branch: right}, 1
		if h == l.height {
			left := kid{count: b.count(), branch: b}
			l.root, l.height = &branch{owner: l.own, kids: []kid{left, add}}, l.height+1
			return
		}
		p.branch[h+1].kids[p.kid[h+1]].count = b.count()
	}
}

// add adds to the counts on a path, from one height to another.
func (p *path) add(from, to, by int) {
	for h := from; h <= to; h++ {
		p.branch[h].kids[p.kid[h]].count += by
	}
}

// split moves the last kids of a branch that has too many to a new one. Where kid i
// was added at an end (a branch at the front: behind what is left of its first), the
// others stay together: so does a list grow that is pushed to, and its branches are full.
func (l *List) split(b *branch, i, height int) *branch {
	cut := len(b.kids) / 2
	switch {
	case i == 0, i == 1 && height > 0:
		cut = 1
	case i == len(b.kids)-1:
		cut = i
	}
	right := &branch{owner: l.own, kids: slices.Clone(b.kids[cut:])}
	clear(b.kids[cut:])
	b.kids = b.kids[:cut]
	return right
}

func (b *branch) count() (n int) {
	for i := range b.kids {
		n += b.kids[i].count
	}
	return n
}

// dropNode removes the node a path leads to. The path is good no more.
func (l *List) dropNode(p *path) {
	l.ownBranches(p)
	n := p.node()
	l.count -= n.count
	l.nodes--
	l.bytes -= n.size()
	l.saved -= n.size() - len(n.data)
	for h := 0; ; h++ {
		b := p.branch[h]
		b.kids = slices.Delete(b.kids, p.kid[h], p.kid[h]+1)
		if len(b.kids) > 0 {
			p.add(h+1, l.height, -n.count)
			break
		}
		if h == l.height {
			l.root, l.height = nil, 0
			return
		}
	}
	for l.height > 0 && len(l.root.kids) == 1 {
		l.root, l.height = l.root.kids[0].branch, l.height-1
	}
}
