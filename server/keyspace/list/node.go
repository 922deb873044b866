package list

import (
	"math"

	"github.com/vedette-ha/vedette/internal/listpack"
)

const (
	// sizeSafe is the size in bytes of a node that is limited by a number of elements.
	sizeSafe = 8192
	// overhead is what an element is taken to need besides its bytes.
	overhead = 8
)

// limits is what a node may have by list-max-listpack-size: bytes, elements.
func limits(fill int) (bytes, elements int) {
	if fill >= 0 {
		return math.MaxInt, max(fill, 1)
	}
	level := min(-fill, 5)
	return 2048 << level, math.MaxInt
}

// exceeds reports whether a node may not have so many bytes and elements.
func exceeds(fill, bytes, elements int) bool {
	maxBytes, maxElements := limits(fill)
	if fill < 0 {
		return bytes > maxBytes
	}
	return bytes > sizeSafe || elements > maxElements
}

// takes reports whether a node, nil for none, has room for an element of size bytes.
func (l *List) takes(n *node, size int) bool {
	if n == nil || n.plain || size >= l.Large {
		return false
	}
	if l.packed {
		return true
	}
	return !exceeds(l.fill, n.size()+size+overhead, n.count+1)
}

// mayMerge reports whether two nodes, nil for none, fit into one.
func (l *List) mayMerge(a, b *node) bool {
	if a == nil || b == nil || a.plain || b.plain {
		return false
	}
	return !exceeds(l.fill, a.size()+b.size()-listpack.Empty, a.count+b.count)
}

// newNode is a node with one element; filled says that more will be appended.
func (l *List) newNode(s []byte, filled bool) *node {
	if len(s) >= l.Large {
		return &node{owner: l.own, data: append([]byte(nil), s...), count: 1, plain: true}
	}
	size := listpack.Empty + listpack.SizeOf(s)
	room := l.room
	if filled {
		room = l.ample
	}
	lp := listpack.AppendEmpty(room(nil, size))
	return &node{owner: l.own, data: listpack.Append(lp, s), count: 1}
}

// room gives b place for more bytes. A node among others will be filled, so it gets
// that by doubling; one that is alone may stay as it is.
func (l *List) room(b []byte, more int) []byte {
	need := len(b) + more
	if need <= cap(b) {
		return b
	}
	want, limit := need+need/4, sizeSafe
	if l.nodes > 1 {
		want = 2 * need
	}
	if l.fill < 0 {
		limit, _ = limits(l.fill)
	}
	if want > limit && !l.packed {
		want = max(need, limit)
	}
	return grown(b, want)
}

// ampleNodes is how many nodes a list must have for a new one at an end to get all of
// its memory at once: it will be filled, and what it does not need weighs little.
const ampleNodes = 8

// ample is room for a node that elements are pushed to.
func (l *List) ample(b []byte, more int) []byte {
	if limit, _ := limits(l.fill); l.fill < 0 && l.nodes >= ampleNodes && len(b)+more <= limit {
		return grown(b, limit)
	}
	return l.room(b, more)
}

func grown(b []byte, to int) []byte {
	g := append([]byte(nil), make([]byte, to)...)
	return g[:copy(g, b)]
}

// Fits reports whether a listpack of so many bytes and elements is within fill, and a
// list need not be a quicklist.
func Fits(fill, bytes, elements int) bool { return !exceeds(fill, bytes, elements) }
