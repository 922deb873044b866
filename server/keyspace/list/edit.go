package list

import "github.com/vedette-ha/vedette/internal/listpack"

// Push adds an element at the front, or at the end.
func (l *List) Push(s []byte, front bool) {
	at := 0
	if !front {
		at = max(l.count-1, 0)
	}
	if l.count > 0 {
		var p path
		l.seek(at, &p)
		if l.takes(p.node(), len(s)) {
			l.add(&p, s, front)
			return
		}
		if !front {
			at = l.count
		}
	}
	l.addNode(at, l.newNode(s, !front))
	l.packBehindEnd(front)
}

// books is what the list knows of a node: to be brought up to date with settle.
type books struct{ count, bytes int }

// edit returns the node a path leads to, for the caller to change: the list's own,
// with room for so many bytes more. settle follows.
func (l *List) edit(p *path, more int) (*node, books) {
	n := l.ownNode(p)
	was := books{n.count, n.size()}
	if n.raw > 0 {
		l.saved -= n.raw - len(n.data)
		n.data = n.unpack(make([]byte, 0, n.raw+more))
		n.raw = 0
	}
	if more > 0 {
		n.data = l.room(n.data, more)
	}
	return n, was
}

// add adds an element at an end of the node a path leads to, which has room for it.
func (l *List) add(p *path, s []byte, front bool) {
	if front {
		n, was := l.edit(p, 0)
		l.prepend(n, s)
		n.count++
		l.settle(p, was)
		return
	}
	n, was := l.edit(p, listpack.SizeOf(s))
	n.data = listpack.Append(n.data, s)
	n.count++
	l.settle(p, was)
}

// lead is memory with room before the node that was pushed to at the front, so that
// the next push moves nothing.
type lead struct {
	mem []byte
	at  int // where the node begins
}

// of reports whether a node lies in that memory, where it was last.
func (f *lead) of(n *node) bool {
	return f.at < len(f.mem) && &f.mem[f.at] == &n.data[0]
}

// prepend adds an element at the front of a node, into the memory before it.
func (l *List) prepend(n *node, s []byte) {
	f, size := &l.front, listpack.SizeOf(s)
	if !f.of(n) || f.at < size {
		l.makeLead(n, size)
	}
	end := f.at + len(n.data)
	f.at = listpack.PrependBefore(f.mem, f.at, s)
	n.data = f.mem[f.at:end]
}

// makeLead moves a node to where there are so many bytes before it, and some more. A
// node that is all of the list gets room behind it, too.
func (l *List) makeLead(n *node, size int) {
	old := n.data
	mem := l.ample(old[:len(old):len(old)], size)
	mem = mem[:cap(mem)]
	behind := 0
	if l.nodes <= 1 {
		behind = (len(mem) - len(old) - size) / 2
	}
	at := len(mem) - behind - len(old)
	n.data = mem[at : at+copy(mem[at:], old)]
	l.front = lead{mem, at}
}

// Insert adds an element before or after the one of index i, which must be there.
func (l *List) Insert(i int, s []byte, after bool) {
	var p path
	offset := l.seek(i, &p)
	n := p.node()
	atTail, atHead := after && offset == n.count-1, !after && offset == 0
	first := i - offset
	switch {
	case l.takes(n, len(s)):
		n, was := l.edit(&p, listpack.SizeOf(s))
		n.data = insert(n.data, offset, s, after)
		n.count++
		l.settle(&p, was)
	case atTail && l.nodeTakes(first+n.count, s):
		l.seek(first+n.count, &p)
		l.add(&p, s, true)
	case atHead && l.nodeTakes(first-1, s):
		l.seek(first-1, &p)
		l.add(&p, s, false)
	case n.plain && after || atTail:
		l.addNode(first+n.count, l.newNode(s, false))
	case n.plain || atHead:
		l.addNode(first, l.newNode(s, false))
	default:
		l.insertSplitting(&p, first, offset, s, after)
	}
	l.packAround(i)
}

// nodeTakes reports whether there is a node of element i that has room for s.
func (l *List) nodeTakes(i int, s []byte) bool {
	n, _ := l.nodeOf(i)
	return l.takes(n, len(s))
}

// insertSplitting splits a full node where s goes, and adds s to the part that did
// not hold the element it was to be next to.
func (l *List) insertSplitting(p *path, first, offset int, s []byte, after bool) {
	cut := offset
	if after {
		cut++
	}
	l.cut(p, first, cut)
	at := first + cut
	if len(s) >= l.Large {
		l.addNode(at, l.newNode(s, false))
		return
	}
	into, center := at-1, at+1
	if after {
		into, center = at, first
	}
	l.seek(into, p)
	l.add(p, s, after)
	l.mergeAround(center)
}

// cut splits the node a path leads to, whose first element has the index first, so
// that the elements from the one at offset on get a node of their own.
func (l *List) cut(p *path, first, offset int) {
	n, was := l.edit(p, 0)
	at := listpack.Seek(n.data, offset)
	lp := append(l.room(nil, len(n.data)), n.data...)
	right := &node{owner: l.own, count: n.count - offset, data: listpack.Delete(lp, listpack.First(lp), offset)}
	n.data = listpack.Delete(n.data, at, right.count)
	n.count = offset
	l.settle(p, was)
	l.addNode(first+offset, right)
}

// insert adds s before or after an element of a listpack.
func insert(lp []byte, i int, s []byte, after bool) []byte {
	at := listpack.Seek(lp, i)
	if after {
		if at = listpack.Next(lp, at); at < 0 {
			return listpack.Append(lp, s)
		}
	}
	return listpack.Insert(lp, at, s)
}

// mergeAround merges the node of element i and its neighbours where they fit, in
// Redis's order: the two before it, the two after it, it with what is before it, then
// with what is after it.
func (l *List) mergeAround(i int) {
	center, first := l.nodeOf(i)
	if prev, at := l.nodeOf(first - 1); prev != nil {
		if before, _ := l.nodeOf(at - 1); l.mayMerge(before, prev) {
			l.merge(at)
		}
	}
	behind := first + center.count
	if next, _ := l.nodeOf(behind); next != nil {
		if second, _ := l.nodeOf(behind + next.count); l.mayMerge(next, second) {
			l.merge(behind + next.count)
		}
	}
	if prev, _ := l.nodeOf(first - 1); l.mayMerge(prev, center) {
		l.merge(first)
	}
	center, first = l.nodeOf(i)
	behind = first + center.count
	if next, _ := l.nodeOf(behind); l.mayMerge(center, next) {
		l.merge(behind)
	}
}

// merge appends the node whose first element has the index at to the one before it.
func (l *List) merge(at int) {
	var p path
	l.seek(at, &p)
	n := p.node()
	l.dropNode(&p)
	var buf []byte
	lp := n.open(&buf)
	l.seek(at-1, &p)
	into, was := l.edit(&p, len(lp))
	into.data = listpack.Merge(into.data, lp)
	into.count += n.count
	l.settle(&p, was)
}

// Replace puts s in the place of the element of index i, which must be there.
func (l *List) Replace(i int, s []byte) {
	var p path
	offset := l.seek(i, &p)
	n := p.node()
	large := len(s) >= l.Large
	switch {
	case n.plain && large:
		n, was := l.edit(&p, 0)
		n.data = append([]byte(nil), s...)
		l.settle(&p, was)
	case !n.plain && !large && n.size()+len(s) < listpack.SizeMax-overhead:
		n, was := l.edit(&p, listpack.SizeOf(s))
		n.data = listpack.Replace(n.data, listpack.Seek(n.data, offset), s)
		l.settle(&p, was)
	case n.plain:
		l.Insert(i, s, true)
		l.Delete(i, 1)
	default:
		l.replaceApart(&p, i, offset, s)
	}
	l.packAround(i)
}

// replaceApart gives the new element a node of its own, or one of its neighbours if
// it fits there, and then the old one goes.
func (l *List) replaceApart(p *path, i, offset int, s []byte) {
	first := i - offset
	if n := p.node(); offset < n.count-1 {
		l.cut(p, first, offset+1)
	}
	l.addNode(i+1, l.newNode(s, false))
	l.Delete(i, 1)
	if offset > 0 {
		l.mergeAround(i)
	}
}

// Delete removes n elements, which must be there, from index i on.
func (l *List) Delete(i, n int) {
	if n <= 0 {
		return
	}
	for n > 0 {
		var p path
		offset := l.seek(i, &p)
		has := p.node().count
		gone := min(n, has-offset)
		n -= gone
		if gone == has {
			l.dropNode(&p)
			continue
		}
		node, was := l.edit(&p, 0)
		if offset == 0 {
			l.deleteFirst(node, gone)
		} else {
			node.data = listpack.Delete(node.data, listpack.Seek(node.data, offset), gone)
		}
		node.count -= gone
		l.settle(&p, was)
	}
	l.pack(i - 1)
	l.pack(i)
}

// deleteFirst removes elements from the front of a node, whose memory then has room
// before it.
func (l *List) deleteFirst(n *node, gone int) {
	led := l.front.of(n)
	size := len(n.data)
	n.data = listpack.DeleteFirst(n.data, gone)
	if led {
		l.front.at += size - len(n.data)
	}
}

// Remove removes the first most elements equal to s, or the last if fromEnd, or all
// with a negative most, and returns how many.
func (l *List) Remove(s []byte, most int, fromEnd bool) (gone int) {
	next := 0
	if fromEnd {
		next = l.count - 1
	}
	for gone != most && next >= 0 && next < l.count {
		n, first := l.nodeOf(next)
		count := n.count
		left := most - gone
		removed := l.removeFrom(first, s, left, fromEnd)
		gone += removed
		if fromEnd {
			next = first - 1
		} else {
			next = first + count - removed
		}
	}
	return gone
}

// removeFrom is Remove within the node whose first element has the index first.
func (l *List) removeFrom(first int, s []byte, most int, fromEnd bool) (gone int) {
	var p path
	l.seek(first, &p)
	n := p.node()
	if n.plain {
		if !(listpack.Element{Str: n.data}).Equal(s) {
			return 0
		}
		l.dropNode(&p)
		return 1
	}
	var buf []byte
	lp := n.open(&buf)
	at := findIn(lp, edge(lp, fromEnd), s, fromEnd)
	if at < 0 {
		return 0
	}
	n, was := l.edit(&p, 0)
	for at >= 0 && gone != most {
		n.data = listpack.Delete(n.data, at, 1)
		n.count--
		gone++
		switch {
		case fromEnd:
			at = findIn(n.data, listpack.Prev(n.data, at), s, true)
		case at < len(n.data)-1:
			at = findIn(n.data, at, s, false)
		default:
			at = -1
		}
	}
	l.settle(&p, was)
	if n.count == 0 {
		l.dropNode(&p)
	} else {
		l.pack(first)
	}
	return gone
}

func edge(lp []byte, last bool) int {
	if last {
		return listpack.Last(lp)
	}
	return listpack.First(lp)
}

// findIn finds the next element equal to s from at on, in either direction.
func findIn(lp []byte, at int, s []byte, backwards bool) int {
	if !backwards {
		return listpack.Find(lp, at, s, 0)
	}
	for at >= 0 && !listpack.Get(lp, at).Equal(s) {
		at = listpack.Prev(lp, at)
	}
	return at
}
