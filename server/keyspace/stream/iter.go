package stream

import "github.com/vedette-ha/vedette/internal/listpack"

// Iter walks over the entries of a range. It is good until the stream changes, or
// its Packer reads another node.
type Iter struct {
	stream   *Stream
	packer   *Packer
	cur      cursor[node]
	from, to ID
	backward bool
	begun    bool

	lp    []byte // the current node
	first ID
	m     master
	entry // the current one

	left  int // pairs of it not taken yet
	field int // the next of the master's fields, where they are the entry's
	data  int // the next element of the entry
}

// Range returns an Iter over the entries from from to to, both included.
func (s *Stream) Range(p *Packer, from, to ID) Iter {
	it := Iter{stream: s, packer: p, from: from, to: to}
	it.cur = s.nodes.floor(from)
	if !it.cur.valid() {
		it.cur = s.nodes.first()
	}
	return it
}

// RevRange is Range from the end.
func (s *Stream) RevRange(p *Packer, from, to ID) Iter {
	return Iter{stream: s, packer: p, from: from, to: to, backward: true, cur: s.nodes.floor(to)}
}

// ID returns the id of the current entry.
func (it *Iter) ID() ID { return it.id }

// Pairs returns how many pairs of fields and values the current entry has.
func (it *Iter) Pairs() int { return it.pairs }

// Next goes to the next entry and reports whether there is one.
func (it *Iter) Next() bool {
	for it.cur.valid() {
		at := it.step()
		for ; at >= 0; at = it.step() {
			it.entry = entryAt(it.lp, &it.m, it.first, at)
			it.left, it.field, it.data = it.pairs, it.m.fieldsAt, it.dataAt
			if !it.backward && it.to.Less(it.id) || it.backward && it.id.Less(it.from) {
				it.cur.depth = -1
				return false
			}
			if !it.deleted() && !it.id.Less(it.from) && !it.to.Less(it.id) {
				return true
			}
		}
		it.begun = false
		if it.backward {
			it.cur.prev()
		} else {
			it.cur.next()
		}
	}
	return false
}

// step returns the place of the next entry of the node, -1 if there is none.
func (it *Iter) step() int {
	switch {
	case !it.begun:
		it.lp, it.first = it.packer.read(it.cur.val()), it.cur.id()
		it.m = masterOf(it.lp)
		it.begun = true
		if it.backward {
			return before(it.lp, len(it.lp)-1)
		}
		return it.stream.begin(it.lp, &it.m, it.first)
	case it.backward:
		return before(it.lp, it.at)
	}
	elements := it.left
	if !it.same() {
		elements *= 2
	}
	return skip(it.lp, it.data, elements+1)
}

// Pair returns the next field of the current entry, and its value. There are as
// many as Pairs says.
func (it *Iter) Pair() (field, value listpack.Element) {
	it.left--
	if it.same() {
		field = listpack.Get(it.lp, it.field)
		it.field = listpack.Next(it.lp, it.field)
	} else {
		field = listpack.Get(it.lp, it.data)
		it.data = listpack.Next(it.lp, it.data)
	}
	value = listpack.Get(it.lp, it.data)
	it.data = listpack.Next(it.lp, it.data)
	return field, value
}
