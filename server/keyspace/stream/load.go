package stream

import (
	"errors"
	"iter"
)

// Head is what a stream is besides its entries and groups.
type Head struct {
	Length       uint64
	LastID       ID
	FirstID      ID
	MaxDeletedID ID
	Added        uint64
}

// Head returns the head of the stream.
func (s *Stream) Head() Head {
	return Head{Length: s.length, LastID: s.last, FirstID: s.first, MaxDeletedID: s.maxDeleted, Added: s.added}
}

// Node is a node as it is kept, see [Packer.Unpack].
type Node struct {
	LZF  []byte // the listpack, compressed, if that is how it is kept
	Size int    // of the listpack
	node *node
}

// EachNode returns the nodes in order.
func (s *Stream) EachNode() iter.Seq2[ID, Node] {
	return func(yield func(ID, Node) bool) {
		for id, n := range s.nodes.from(ID{}) {
			view := Node{Size: n.size(), node: n}
			if n.form == asLZF {
				view.LZF = n.lp
			}
			if !yield(id, view) {
				return
			}
		}
	}
}

// Unpack returns the listpack of n, good until the Packer is used again.
func (p *Packer) Unpack(n Node) []byte { return p.read(n.node) }

var (
	errNodeOrder = errors.New("the nodes of a stream are out of order")
	errLength    = errors.New("a stream has another number of entries than it says")
	errLastID    = errors.New("the last id of a stream is before that of its last entry")
	errTwice     = errors.New("a stream has something twice that it has once")
	errHolder    = errors.New("a consumer of a stream has an entry its group does not have pending, or another consumer has")
)

// LoadNode appends a node from outside, behind all others; lp is the stream's from
// then on. If p is not nil, the node before is compressed. When all are loaded,
// LoadHead has to be called.
func (s *Stream) LoadNode(p *Packer, first ID, lp []byte) error {
	valid, last, err := checkNode(lp, first)
	if err != nil {
		return err
	}
	if s.nodes.count > 0 && !s.last.Less(first) {
		return errNodeOrder
	}
	if _, n := s.nodes.editLast(s.owner); n != nil && p != nil {
		s.pack(p, n)
	}
	n := node{owner: s.owner, lp: lp}
	s.bytes += int64(cap(n.lp))
	s.nodes.put(s.owner, first, n)
	s.length += uint64(valid)
	s.last = last
	return nil
}

// LoadHead says what a stream whose nodes are loaded is besides.
func (s *Stream) LoadHead(h Head) error {
	if h.Length != s.length {
		return errLength
	}
	if h.LastID.Less(s.last) {
		return errLastID
	}
	s.last, s.first, s.maxDeleted, s.added = h.LastID, h.FirstID, h.MaxDeletedID, h.Added
	return nil
}

// LoadGroup adds a group from outside, to which LoadPending and LoadConsumer then
// add. Formats that do not know what it has read leave counted false.
func (s *Stream) LoadGroup(name []byte, last ID, read int64, counted bool) (*Group, error) {
	if !counted {
		read = s.readUpTo(last)
	}
	g := s.CreateGroup(name, last, read)
	if g == nil {
		return nil, errTwice
	}
	return g, nil
}

// nobody has an entry whose consumer is still to be loaded.
const nobody = ^uint32(0)

// LoadPending adds a pending entry whose consumer is not known yet.
func (g *Group) LoadPending(id ID, deliveredAt int64, deliveries uint64) error {
	if !g.pel.put(g.owner, id, Pending{DeliveredAt: deliveredAt, Deliveries: deliveries, slot: nobody}) {
		return errTwice
	}
	return nil
}

// LoadConsumer adds a consumer.
func (g *Group) LoadConsumer(name []byte, seenAt, activeAt int64) (*Consumer, error) {
	c := g.CreateConsumer(name, seenAt)
	if c == nil {
		return nil, errTwice
	}
	c.ActiveAt = activeAt
	return c, nil
}

// LoadHeld gives a consumer a pending entry of the group.
func (g *Group) LoadHeld(c *Consumer, id ID) error {
	p, ok := g.pel.edit(g.owner, id)
	if !ok || p.slot != nobody {
		return errHolder
	}
	p.slot = c.slot
	c.pel.put(g.owner, id, struct{}{})
	return nil
}

// LoadDone ends the loading of a group: no entry may be left without a consumer.
func (g *Group) LoadDone() error {
	for _, p := range g.pel.from(ID{}) {
		if p.slot == nobody {
			return errHolder
		}
	}
	return nil
}
