package rdb

import (
	"encoding/binary"
	"strconv"

	"github.com/vedette-ha/vedette/internal/listpack"
)

// A stream's entries lie in nodes. A node has the id of its first entry as its key
// and a listpack that begins with a master entry: how many entries are valid, how
// many deleted, how many fields the first had, those fields, and 0. Each entry is:
// flags, its id as a difference to the node's, the number of fields (not with
// entrySameFields), fields and values (with entrySameFields: values only), and how
// many elements of the listpack these were.
const (
	entryDeleted    = 1
	entrySameFields = 2
)

// less reports whether a comes before b.
func (a StreamID) less(b StreamID) bool {
	return a.MS < b.MS || a.MS == b.MS && a.Seq < b.Seq
}

// stream reads a stream of one of its three types.
func (in *input) stream(t Type) *Stream {
	s := &Stream{}
	var w nodeWalk
	for n := in.count(); n > 0 && in.err == nil; n-- {
		in.streamNode(s, &w)
	}
	at := in.offset()
	s.Length = in.count()
	s.LastID = in.streamID()
	s.EntriesAdded = s.Length
	if t >= TypeStreamListpacks2 {
		in.streamID() // that of the first entry, which we have seen
		s.MaxDeletedID = in.streamID()
		s.EntriesAdded = in.count()
	}
	s.FirstID = w.oldest
	if in.err == nil && s.Length != w.valid {
		in.failf(at, "a stream of %d entries says it has %d", w.valid, s.Length)
	}
	if in.err == nil && s.LastID.less(w.last) {
		in.fail(at, "a stream whose last id is before its last entry")
	}
	for n := in.count(); n > 0 && in.err == nil; n-- {
		s.Groups = append(s.Groups, in.streamGroup(t))
	}
	return s
}

// streamID reads an id as two lengths.
func (in *input) streamID() StreamID {
	return StreamID{MS: in.count(), Seq: in.count()}
}

// rawStreamID reads an id as 16 bytes, big endian so that they sort.
func (in *input) rawStreamID() StreamID {
	p := in.take(16)
	if p == nil {
		return StreamID{}
	}
	return StreamID{MS: binary.BigEndian.Uint64(p), Seq: binary.BigEndian.Uint64(p[8:])}
}

// streamNode reads a node of s.
func (in *input) streamNode(s *Stream, w *nodeWalk) {
	at := in.offset()
	key := in.string(nil)
	if in.err == nil && len(key) != 16 {
		in.failf(at, "a node of a stream with a key of %d bytes", len(key))
	}
	lp := in.listpack(nil)
	if in.err != nil {
		return
	}
	node := StreamNode{
		ID:       StreamID{MS: binary.BigEndian.Uint64(key), Seq: binary.BigEndian.Uint64(key[8:])},
		Listpack: lp,
	}
	if !w.node(node) {
		in.fail(at, "a node of a stream is corrupt")
	}
	s.Nodes = append(s.Nodes, node)
}

// nodeWalk goes through the nodes of a stream, entry by entry, to check them.
type nodeWalk struct {
	valid        uint64 // entries so far
	seen         bool   // whether there was an entry, valid or not
	last, oldest StreamID

	lp   []byte
	at   int // of the next element in lp; -1: none
	left int // elements from there on
	bad  bool
}

func (w *nodeWalk) next() listpack.Element {
	if w.at < 0 {
		w.bad = true
		return listpack.Element{}
	}
	e := listpack.Get(w.lp, w.at)
	w.at = listpack.Next(w.lp, w.at)
	w.left--
	return e
}

func (w *nodeWalk) int() int64 {
	e := w.next()
	if e.IsInt {
		return e.Int
	}
	n, err := strconv.ParseInt(string(e.Str), 10, 64)
	w.bad = w.bad || err != nil
	return n
}

// count is an int that tells how many elements follow.
func (w *nodeWalk) count() int {
	n := w.int()
	if n < 0 || n > int64(w.left) {
		w.bad = true
		return 0
	}
	return int(n)
}

func (w *nodeWalk) skip(n int) {
	for ; n > 0 && !w.bad; n-- {
		w.next()
	}
}

// node checks a node whose listpack is sound and counts its entries.
func (w *nodeWalk) node(n StreamNode) bool {
	w.lp, w.at, w.left, w.bad = n.Listpack, listpack.First(n.Listpack), listpack.Len(n.Listpack), false
	valid, deleted := w.int(), w.int()
	fields := w.count()
	w.skip(fields)
	if w.int() != 0 || w.bad {
		return false
	}
	for w.at >= 0 {
		id, gone := w.entry(n.ID, fields)
		if w.bad || id.less(n.ID) || w.seen && !w.last.less(id) {
			return false
		}
		w.seen, w.last = true, id
		if gone {
			deleted--
			continue
		}
		if valid--; w.valid == 0 {
			w.oldest = id
		}
		w.valid++
	}
	return valid == 0 && deleted == 0
}

// entry passes over one entry of a node whose master entry has so many fields; gone
// says that it was deleted.
func (w *nodeWalk) entry(first StreamID, fields int) (id StreamID, gone bool) {
	before := w.left
	flags := w.int()
	id = StreamID{MS: first.MS + uint64(w.int()), Seq: first.Seq + uint64(w.int())}
	if flags&entrySameFields != 0 {
		w.skip(fields)
	} else {
		w.skip(2 * w.count())
	}
	took := before - w.left
	w.bad = w.bad || w.int() != int64(took)
	return id, flags&entryDeleted != 0
}

// streamGroup reads a consumer group.
func (in *input) streamGroup(t Type) StreamGroup {
	g := StreamGroup{Name: in.string(nil), LastID: in.streamID(), EntriesRead: -1}
	if t >= TypeStreamListpacks2 {
		g.EntriesRead = int64(in.count())
	}
	pending := make(map[StreamID]bool) // value: whether a consumer has it
	for n := in.count(); n > 0 && in.err == nil; n-- {
		at := in.offset()
		p := StreamPending{ID: in.rawStreamID(), DeliveredAt: int64(in.uint64()), Deliveries: in.count()}
		if _, twice := pending[p.ID]; twice {
			in.fail(at, "a stream group with the same entry pending twice")
		}
		pending[p.ID] = false
		g.Pending = append(g.Pending, p)
	}
	for n := in.count(); n > 0 && in.err == nil; n-- {
		g.Consumers = append(g.Consumers, in.streamConsumer(t, pending))
	}
	return g
}

// streamConsumer reads a consumer, who has each of its entries alone.
func (in *input) streamConsumer(t Type, pending map[StreamID]bool) StreamConsumer {
	c := StreamConsumer{Name: in.string(nil), SeenAt: int64(in.uint64())}
	c.ActiveAt = c.SeenAt
	if t >= TypeStreamListpacks3 {
		c.ActiveAt = int64(in.uint64())
	}
	for n := in.count(); n > 0 && in.err == nil; n-- {
		at := in.offset()
		id := in.rawStreamID()
		if taken, known := pending[id]; in.err == nil && (!known || taken) {
			in.fail(at, "a stream consumer with an entry its group does not have pending, or another has")
		}
		pending[id] = true
		c.Pending = append(c.Pending, id)
	}
	return c
}
