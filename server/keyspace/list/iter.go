package list

import "github.com/vedette-ha/vedette/internal/listpack"

// At returns the element of index i, which must be there.
func (l *List) At(i int) listpack.Element {
	var p path
	offset := l.seek(i, &p)
	n := p.node()
	if n.plain {
		return listpack.Element{Str: n.data}
	}
	var buf []byte
	lp := n.open(&buf)
	return listpack.Get(lp, listpack.Seek(lp, offset))
}

// Iter walks through a list that does not change meanwhile. What it returns is good
// until it goes on.
type Iter struct {
	list      *List
	data      []byte // of the node it is in
	buf       []byte // for nodes that are compressed
	plain     bool
	at        int // in the node; -1 when it is through
	index     int // of the next node's nearest element
	backwards bool
}

// Iter returns an iterator that begins at index i.
func (l *List) Iter(i int, backwards bool) Iter {
	it := Iter{list: l, index: i, backwards: backwards, at: -1}
	return it
}

// Next returns the next element; false at the end.
func (it *Iter) Next() (e listpack.Element, ok bool) {
	if it.at < 0 && !it.enter() {
		return e, false
	}
	switch {
	case it.plain:
		e.Str, it.at = it.data, -1
	case it.backwards:
		e, it.at = listpack.Get(it.data, it.at), listpack.Prev(it.data, it.at)
	default:
		e, it.at = listpack.Step(it.data, it.at)
	}
	return e, true
}

// Rest returns what is left of the node the iterator, which goes forwards, has come
// to, and goes to the next: a listpack and where in it, or a plain element. It
// returns false at the end.
func (it *Iter) Rest() (data []byte, at int, plain, ok bool) {
	if it.at < 0 && !it.enter() {
		return nil, 0, false, false
	}
	at, it.at = it.at, -1
	return it.data, at, it.plain, true
}

// enter goes to the next node.
func (it *Iter) enter() bool {
	if it.index < 0 || it.index >= it.list.count {
		return false
	}
	var p path
	offset := it.list.seek(it.index, &p)
	n := p.node()
	it.data, it.plain, it.at = n.open(&it.buf), n.plain, 0
	if !n.plain {
		it.at = listpack.Seek(it.data, offset)
	}
	if it.backwards {
		it.index -= offset + 1
	} else {
		it.index += n.count - offset
	}
	return true
}
