package list

import (
	"slices"
	"unsafe"

	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/lzf"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// List is a list of elements. Elements that methods return alias the list: they are
// good until the next change. Make one with [New], [Of] or [View].
type List struct {
	// Large is the size in bytes from which an element gets a plain node.
	Large int
	// Depth is how many nodes at each end are not compressed, as list-compress-depth
	// has it: zero compresses none. It is set before the list has several nodes.
	Depth int
	// Compressor compresses nodes; none are without. The caller lends it, for as long
	// as it changes the list.
	Compressor *lzf.Compressor

	own    *owner
	root   *branch // nil when empty
	height int     // of the root; the kids of height 0 are nodes
	count  int     // elements
	nodes  int
	bytes  int // of all nodes, uncompressed
	saved  int // by compression
	fill   int // list-max-listpack-size when it became a quicklist
	packed bool
	front  lead
}

// LargeDefault is Redis's size in bytes from which elements get plain nodes.
const LargeDefault = 1 << 30

// owner tells branches and nodes of different lists apart.
type owner struct{ _ byte }

// node is some elements in a row. A plain one is a single element.
type node struct {
	owner *owner
	data  []byte // a listpack, or the element
	count int
	raw   int // the size of the listpack that data is compressed; 0 if it is not
	plain bool
}

// New returns an empty quicklist whose nodes are limited by fill, as
// list-max-listpack-size has it.
func New(fill int) *List { return &List{Large: LargeDefault, fill: fill} }

// Of returns the packed list whose elements are those of lp, which it owns from
// now on.
func Of(lp []byte) *List {
	var whole struct {
		list  List
		root  branch
		node  node
		first [1]kid
	}
	w := &whole
	w.list = List{Large: LargeDefault, packed: true}
	w.node = node{data: lp, count: listpack.Len(lp)}
	if w.node.count > 0 {
		w.first[0] = kid{count: w.node.count, node: &w.node}
		w.root.kids = w.first[:]
		w.list.root, w.list.count, w.list.nodes, w.list.bytes = &w.root, w.node.count, 1, len(lp)
	}
	return &w.list
}

// Kind implements keyspace.Object.
func (l *List) Kind() keyspace.Kind { return keyspace.List }

// Encoding implements keyspace.Object.
func (l *List) Encoding() keyspace.Encoding {
	if l.packed {
		return keyspace.Listpack
	}
	return keyspace.Quicklist
}

// Len returns the number of elements.
func (l *List) Len() int { return l.count }

// Nodes returns the number of nodes.
func (l *List) Nodes() int { return l.nodes }

// Bytes returns the size of all nodes, uncompressed.
func (l *List) Bytes() int { return l.bytes }

// FreeEffort implements keyspace.Object.
func (l *List) FreeEffort() int { return l.nodes }

// What a list and each of its nodes take besides their elements, in bytes.
const (
	listSize = int64(unsafe.Sizeof(List{}) + unsafe.Sizeof(branch{}))
	nodeSize = int64(unsafe.Sizeof(node{}) + unsafe.Sizeof(kid{}))
)

// MemoryUsage implements keyspace.Object.
func (l *List) MemoryUsage(samples int) int64 {
	n := listSize + int64(l.nodes)*nodeSize
	if samples == 0 || samples >= l.nodes {
		if l.root != nil {
			n += l.root.room(l.height)
		}
		return n
	}
	return n + int64(l.bytes-l.saved)
}

// room is what the nodes below a branch have reserved.
func (b *branch) room(height int) (n int64) {
	for i := range b.kids {
		if height > 0 {
			n += b.kids[i].branch.room(height - 1)
		} else {
			n += int64(cap(b.kids[i].node.data))
		}
	}
	return n
}

// Freeze implements keyspace.Object.
func (l *List) Freeze() keyspace.Object {
	f := *l
	l.own, f.own = new(owner), new(owner)
	f.Compressor = nil
	return &f
}

// Packed reports whether the list has the encoding listpack.
func (l *List) Packed() bool { return l.packed }

// Listpack returns the listpack that is all of a packed list.
func (l *List) Listpack() []byte {
	if l.count == 0 {
		return listpack.New()
	}
	return l.root.kids[0].node.data
}

// Detach gives a packed list memory of its own, where it was made of memory that
// was lent.
func (l *List) Detach() {
	if l.count > 0 {
		n := l.root.kids[0].node
		n.data = slices.Clip(slices.Clone(n.data))
	}
}

// Grow makes a packed list a quicklist if so many bytes in so many elements more
// would exceed fill, and reports whether it did.
func (l *List) Grow(fill, bytes, elements int) bool {
	if !l.packed || !exceeds(fill, max(l.bytes, listpack.Empty)+bytes, l.count+elements) {
		return false
	}
	l.packed, l.fill = false, fill
	return true
}

// Shrink makes a quicklist packed if it has one node, of half of what fill allows at
// most; all of it if the list is whole, as it was loaded. It reports whether it did.
func (l *List) Shrink(fill int, whole bool) bool {
	if l.packed || l.nodes != 1 || l.root.kids[0].node.plain {
		return false
	}
	bytes, elements := limits(fill)
	if !whole {
		bytes, elements = bytes/2, elements/2
	}
	if l.bytes > bytes || l.count > elements {
		return false
	}
	var p path
	l.seek(0, &p)
	l.edit(&p, 0) // uncompressed
	for l.height > 0 {
		l.root, l.height = l.root.kids[0].branch, l.height-1
	}
	l.packed = true
	return true
}

// AppendNode adds a listpack, not empty, or a plain element as a node at the end of
// a quicklist, which owns it from now on.
func (l *List) AppendNode(data []byte, plain bool) {
	n := &node{owner: l.own, data: data, plain: plain, count: 1}
	if !plain {
		n.count = listpack.Len(data)
	}
	l.addNode(l.count, n)
	l.packBehindEnd(false)
}

// EachNode calls fn for all nodes in order. What it gets is read only, and good until
// fn returns.
func (l *List) EachNode(fn func(data []byte, plain bool)) {
	if l.root != nil {
		var buf []byte
		l.root.each(l.height, &buf, fn)
	}
}

func (b *branch) each(height int, buf *[]byte, fn func(data []byte, plain bool)) {
	for i := range b.kids {
		if height > 0 {
			b.kids[i].branch.each(height-1, buf, fn)
		} else {
			n := b.kids[i].node
			fn(n.open(buf), n.plain)
		}
	}
}
