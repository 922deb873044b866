package codec

import (
	"math"

	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/lzf"
	"github.com/vedette-ha/vedette/internal/rdb"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/list"
)

// writeList writes the layout of TypeListQuicklist2; a packed list is one node.
func writeList(w *rdb.Writer, v keyspace.Value) {
	if v.Object == nil {
		w.PutLen(1)
		w.PutListNode(rdb.ListNode{Bytes: v.Bytes})
		return
	}
	writeListObject(w, v.Object)
}

// readList keeps a list packed that is one packed node within list-max-listpack-size.
func readList(v *rdb.Value, l *Limits) (keyspace.Value, error) {
	if v.Type == rdb.TypeList {
		return readPlainList(v.Elements, l)
	}
	nodes := v.Nodes
	if len(nodes) > 0 && !nodes[0].Plain && listpack.Len(nodes[0].Bytes) == 0 {
		nodes = nodes[1:] // a ziplist's: the only empty one there can be
	}
	if len(nodes) == 0 {
		return keyspace.Value{}, ErrEmpty
	}
	bytes, most := listNodeLimit(l)
	if lp := nodes[0].Bytes; len(nodes) == 1 && !nodes[0].Plain && len(lp) <= bytes && listpack.Len(lp) <= most {
		return packed(keyspace.List, lp), nil
	}
	return big(listOfNodes(nodes, l))
}

func readPlainList(elements [][]byte, l *Limits) (keyspace.Value, error) {
	if len(elements) == 0 {
		return keyspace.Value{}, ErrEmpty
	}
	bytes, most := listNodeLimit(l)
	if len(elements) <= most && packedMax(elements)-listpack.Empty <= min(bytes, safeNodeBytes) {
		return packed(keyspace.List, listpackOf(elements)), nil
	}
	return listOfElements(elements, l)
}

// safeNodeBytes bounds a node that is limited by its number of elements.
const safeNodeBytes = 8 << 10

// listNodeLimit is how many bytes and elements a packed list may have by
// list-max-listpack-size.
func listNodeLimit(l *Limits) (bytes, elements int) {
	if n := l.ListMaxSize; n >= 0 {
		return math.MaxInt, max(n, 1)
	}
	return 4 << 10 << min(-l.ListMaxSize-1, 4), math.MaxInt
}

// The structure.

// writeListObject writes the layout of TypeListQuicklist2: the number of nodes, then
// those (PutListNode).
func writeListObject(w *rdb.Writer, o keyspace.Object) {
	l := o.(*list.List)
	w.PutLen(uint64(l.Nodes()))
	l.EachNode(func(data []byte, plain bool) { w.PutListNode(rdb.ListNode{Bytes: data, Plain: plain}) })
}

// eachOfListObject visits the elements in order.
func eachOfListObject(o keyspace.Object, visit func([]byte)) {
	o.(*list.List).EachNode(func(data []byte, plain bool) {
		if plain {
			visit(data)
			return
		}
		eachOfListpack(data, visit)
	})
}

// ListNodes tells of how many nodes a big list is made, and how many bytes they have
// uncompressed; false if v is none.
func ListNodes(v keyspace.Value) (nodes int, bytes int64, ok bool) {
	l, ok := v.Object.(*list.List)
	if !ok {
		return 0, 0, false
	}
	l.EachNode(func(data []byte, _ bool) { bytes += int64(len(data)) })
	return l.Nodes(), bytes, true
}

// listOfNodes makes an Object of nodes as Redis had them, none empty. It may keep
// their memory.
func listOfNodes(nodes []rdb.ListNode, l *Limits) (keyspace.Object, error) {
	o := list.New(l.ListMaxSize)
	o.Depth = l.ListCompressDepth
	if o.Depth > 0 && len(nodes) > 2*o.Depth {
		o.Compressor = new(lzf.Compressor)
	}
	for _, n := range nodes {
		o.AppendNode(n.Bytes, n.Plain)
	}
	o.Compressor = nil
	return o, nil
}

// listOfElements makes what becomes of a list to which the elements are pushed one
// after the other; few short ones do not come here. It keeps nothing of them.
func listOfElements(elements [][]byte, l *Limits) (keyspace.Value, error) {
	o := list.New(l.ListMaxSize)
	o.Depth = l.ListCompressDepth
	for _, e := range elements {
		o.Push(e, false)
	}
	if o.Shrink(l.ListMaxSize, true) {
		return packed(keyspace.List, o.Listpack()), nil
	}
	return big(o, nil)
}
