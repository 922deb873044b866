package stream

import (
	"errors"
	"slices"
	"unsafe"

	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// Stream is a stream with its consumer groups: a keyspace.Object. It is made by
// New. Methods that change it, or what they return, are for its owner alone.
type Stream struct {
	owner *token
	nodes tree[node]
	bytes int64 // capacity of all nodes

	gone gone

	length     uint64
	last       ID
	first      ID
	maxDeleted ID
	added      uint64

	groups      []*Group // by name
	groupsOwner *token   // who may change the slice
}

// gone says that the first node begins with entries that were deleted: those up to so
// many bytes behind its master entry. They are passed over at once, so that a stream
// that is trimmed with each addition does not read them all again and again.
type gone struct {
	node  ID
	bytes int // 0: nothing is known
}

// begin returns where the entries of the node of id first begin, as far as they may be
// valid; -1 if there are none.
func (s *Stream) begin(lp []byte, m *master, first ID) int {
	if s.gone.bytes > 0 && s.gone.node == first {
		return orEnd(lp, m.end+s.gone.bytes)
	}
	return listpack.Next(lp, m.end)
}

// New returns an empty stream.
func New() *Stream { return &Stream{owner: new(token)} }

// Kind implements keyspace.Object.
func (s *Stream) Kind() keyspace.Kind { return keyspace.Stream }

// Encoding implements keyspace.Object.
func (s *Stream) Encoding() keyspace.Encoding { return keyspace.StreamTree }

// Len returns the number of entries.
func (s *Stream) Len() int { return int(s.length) }

// Freeze implements keyspace.Object.
func (s *Stream) Freeze() keyspace.Object {
	f := *s
	s.owner, f.owner = new(token), new(token)
	return &f
}

// MemoryUsage implements keyspace.Object. It is not sampled: nodes are counted as
// they change.
func (s *Stream) MemoryUsage(int) int64 {
	n := int64(unsafe.Sizeof(*s)) + s.bytes + s.nodes.memory()
	for _, g := range s.groups {
		n += g.memory()
	}
	return n
}

// memory is about what a tree takes, in bytes.
func (t *tree[V]) memory() int64 {
	var p page[V]
	var v V
	pages := (int64(t.count) + pageMax - 1) / pageMax
	return int64(t.count)*int64(IDLen+unsafe.Sizeof(v)) + pages*int64(unsafe.Sizeof(p)+IDLen+8)
}

// FreeEffort implements keyspace.Object: what Redis estimates.
func (s *Stream) FreeEffort() int {
	effort := 2 * s.nodes.count
	if len(s.groups) > 0 {
		effort += len(s.groups) * (1 + s.groups[0].pel.count)
	}
	return effort
}

// LastID returns the highest id the stream ever had.
func (s *Stream) LastID() ID { return s.last }

// FirstID returns the id of the first entry, zero if there is none.
func (s *Stream) FirstID() ID { return s.first }

// MaxDeletedID returns the highest id that was deleted from within the stream.
func (s *Stream) MaxDeletedID() ID { return s.maxDeleted }

// Added returns how many entries were ever added.
func (s *Stream) Added() uint64 { return s.added }

// Nodes returns the number of nodes.
func (s *Stream) Nodes() int { return s.nodes.count }

// SetIDs is what XSETID does: last is the new last id; the others are left as they
// are if nil.
func (s *Stream) SetIDs(last ID, added *uint64, maxDeleted *ID) {
	s.last = last
	if added != nil {
		s.added = *added
	}
	if maxDeleted != nil {
		s.maxDeleted = *maxDeleted
	}
}

// Limits are when a node is full: stream-node-max-bytes and
// stream-node-max-entries. Zero is no limit.
type Limits struct{ NodeBytes, NodeEntries int }

func (l Limits) bytes() int {
	if l.NodeBytes <= 0 || l.NodeBytes > listpack.SizeMax {
		return listpack.SizeMax
	}
	return l.NodeBytes
}

// ErrTooLarge means that an entry does not fit into a node.
var ErrTooLarge = errors.New("stream: elements are too large to be stored")

// Add appends an entry. pairs are its fields and values in turn; id must be after
// LastID. The only error is ErrTooLarge.
func (s *Stream) Add(p *Packer, l Limits, id ID, pairs [][]byte) error {
	payload := 0
	for _, e := range pairs {
		payload += len(e)
	}
	const perElement, perEntry = 10, 256 // more than what comes on top
	encoded := payload + 2*perElement*len(pairs) + perEntry
	if payload > listpack.SizeMax || encoded > listpack.SizeMax {
		return ErrTooLarge
	}
	first, n := s.nodes.editLast(s.owner)
	if n == nil || s.isFull(p, n, l, payload, encoded) {
		if n != nil {
			s.pack(p, n)
		}
		s.nodes.put(s.owner, id, node{owner: s.owner, lp: newNode(pairs)})
		first, n = s.nodes.editLast(s.owner)
		s.bytes += int64(cap(n.lp))
	}
	lp := s.open(p, n)
	s.set(n, appendEntry(lp, first, id, pairs))
	s.added++
	s.last = id
	if s.length++; s.length == 1 {
		s.first = id
	}
	return nil
}

// isFull reports whether an entry of so many bytes must begin a node of its own.
func (s *Stream) isFull(p *Packer, n *node, l Limits, payload, encoded int) bool {
	if size := n.size(); size+payload >= l.bytes() || size+encoded > listpack.SizeMax {
		return true
	}
	if l.NodeEntries <= 0 {
		return false
	}
	lp := p.read(n)
	at := listpack.First(lp)
	valid, at := intAt(lp, at)
	deleted, _ := intAt(lp, at)
	return valid+deleted >= int64(l.NodeEntries)
}

// open returns the listpack of n, a node that is ours, to be edited and set.
func (s *Stream) open(p *Packer, n *node) []byte {
	if n.form == asListpack && n.owner == s.owner {
		return n.lp
	}
	lp := p.read(n)
	return append(make([]byte, 0, len(lp)+len(lp)/8), lp...)
}

// set makes lp, which is ours, the listpack of n.
func (s *Stream) set(n *node, lp []byte) {
	s.bytes += int64(cap(lp)) - int64(cap(n.lp))
	*n = node{owner: s.owner, lp: lp}
}

func (s *Stream) pack(p *Packer, n *node) {
	was := cap(n.lp)
	p.pack(n)
	s.bytes += int64(cap(n.lp)) - int64(was)
}

// drop removes the node of that id.
func (s *Stream) drop(id ID) {
	n, _ := s.nodes.get(id)
	s.bytes -= int64(cap(n.lp))
	if s.gone.node == id {
		s.gone = gone{}
	}
	s.nodes.remove(s.owner, id)
}

// Delete deletes entries and returns how many there were.
func (s *Stream) Delete(p *Packer, ids []ID) int {
	n, wasFirst := 0, false
	for _, id := range ids {
		if !s.deleteOne(p, id) {
			continue
		}
		n++
		wasFirst = wasFirst || id == s.first
		if s.maxDeleted.Less(id) {
			s.maxDeleted = id
		}
	}
	if wasFirst {
		s.findFirst(p)
	}
	return n
}

func (s *Stream) deleteOne(p *Packer, id ID) bool {
	e, first, m, ok := s.find(p, id)
	if !ok {
		return false
	}
	s.length--
	if m.valid == 1 {
		s.drop(first)
		return true
	}
	n, _ := s.nodes.edit(s.owner, first)
	lp := listpack.ReplaceInt(s.open(p, n), e.at, e.flags|flagDeleted)
	s.set(n, setCounts(lp, m.valid-1, m.deleted+1))
	return true
}

// findFirst finds the first entry again, after deletions.
func (s *Stream) findFirst(p *Packer) {
	s.first = ID{}
	if c := s.nodes.first(); c.valid() && c.val().form == asColumns {
		s.first = p.columns.firstID(c.val().lp, c.id())
		return
	}
	it := s.Range(p, ID{}, MaxID)
	if !it.Next() {
		return
	}
	s.first = it.id
	if c := s.nodes.first(); it.first == c.id() {
		s.gone = gone{it.first, it.at - it.m.end}
	}
}

// LastValid returns the id of the last entry, false if there is none. Unlike LastID
// it is that of an entry that is there.
func (s *Stream) LastValid(p *Packer) (ID, bool) {
	it := s.RevRange(p, ID{}, MaxID)
	if !it.Next() {
		return ID{}, false
	}
	return it.ID(), true
}

// FirstStored returns the id of the first entry in the first node, be it deleted or
// not; the last possible id if there is none.
func (s *Stream) FirstStored() ID {
	c := s.nodes.first()
	if !c.valid() {
		return MaxID
	}
	return c.id()
}

// Has reports whether there is an entry of that id.
func (s *Stream) Has(p *Packer, id ID) bool {
	_, _, _, ok := s.find(p, id)
	return ok
}

// find returns the entry of that id, if it is valid, with the id and the master entry of
// its node.
func (s *Stream) find(p *Packer, id ID) (e entry, first ID, m master, ok bool) {
	if id.Less(s.first) || s.last.Less(id) {
		return e, first, m, false
	}
	c := s.nodes.floor(id)
	if !c.valid() {
		return e, first, m, false
	}
	first = c.id()
	lp := p.read(c.val())
	m = masterOf(lp)
	e, ok = findIn(lp, &m, first, id, s.begin(lp, &m, first))
	return e, first, m, ok
}

// group finds the place of a group, and whether it is there.
func (s *Stream) group(name []byte) (int, bool) {
	return slices.BinarySearchFunc(s.groups, name, func(g *Group, name []byte) int {
		return compare(g.name, name)
	})
}
