package codec

import (
	"github.com/vedette-ha/vedette/internal/rdb"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/stream"
)

// The structure. A stream is always an Object, and may be empty.

// writeStream writes the layout of a stream in w.Version().
func writeStream(w *rdb.Writer, o keyspace.Object) {
	s := o.(*stream.Stream)
	w.PutLen(uint64(s.Nodes()))
	var p stream.Packer
	for id, n := range s.EachNode() {
		w.PutLen(stream.IDLen)
		w.PutRawStreamID(rdb.StreamID(id))
		if n.LZF == nil || !w.PutCompressed(n.LZF, n.Size) {
			w.PutString(p.Unpack(n))
		}
	}
	h := s.Head()
	w.PutLen(h.Length)
	w.PutStreamID(rdb.StreamID(h.LastID))
	w.PutStreamID(rdb.StreamID(h.FirstID))
	w.PutStreamID(rdb.StreamID(h.MaxDeletedID))
	w.PutLen(h.Added)
	groups := s.Groups()
	w.PutLen(uint64(len(groups)))
	for _, g := range groups {
		writeGroup(w, g)
	}
}

func writeGroup(w *rdb.Writer, g *stream.Group) {
	w.PutString(g.Name())
	w.PutStreamID(rdb.StreamID(g.LastID))
	w.PutLen(uint64(g.EntriesRead))
	w.PutLen(uint64(g.PendingCount()))
	for id, p := range g.All(stream.ID{}) {
		w.PutRawStreamID(rdb.StreamID(id))
		w.PutTime(p.DeliveredAt)
		w.PutLen(p.Deliveries)
	}
	w.PutLen(uint64(g.ConsumerCount()))
	for c := range g.Consumers() {
		w.PutString(c.Name())
		w.PutTime(c.SeenAt)
		if w.Version() >= 11 {
			w.PutTime(c.ActiveAt)
		}
		w.PutLen(uint64(c.PendingCount()))
		for id := range c.All(stream.ID{}) {
			w.PutRawStreamID(rdb.StreamID(id))
		}
	}
}

// packedNodes is how many nodes a stream must have to be compressed when it is read:
// with fewer, what that takes to begin with does not pay.
const packedNodes = 16

// readStream makes an Object of v.Stream, whose memory it keeps.
func readStream(v *rdb.Value) (keyspace.Value, error) {
	in, s := v.Stream, stream.New()
	var p *stream.Packer
	if len(in.Nodes) >= packedNodes {
		p = new(stream.Packer)
	}
	for i, n := range in.Nodes {
		if err := s.LoadNode(p, stream.ID(n.ID), n.Listpack); err != nil {
			return keyspace.Value{}, err
		}
		in.Nodes[i].Listpack = nil // may be compressed now: let go of it
	}
	head := stream.Head{Length: in.Length, LastID: stream.ID(in.LastID), FirstID: stream.ID(in.FirstID),
		MaxDeletedID: stream.ID(in.MaxDeletedID), Added: in.EntriesAdded}
	if err := s.LoadHead(head); err != nil {
		return keyspace.Value{}, err
	}
	for i := range in.Groups {
		if err := readGroup(s, &in.Groups[i], v.Type != rdb.TypeStreamListpacks); err != nil {
			return keyspace.Value{}, err
		}
	}
	return big(s, nil)
}

func readGroup(s *stream.Stream, in *rdb.StreamGroup, counted bool) error {
	g, err := s.LoadGroup(in.Name, stream.ID(in.LastID), in.EntriesRead, counted)
	if err != nil {
		return err
	}
	for _, p := range in.Pending {
		if err := g.LoadPending(stream.ID(p.ID), p.DeliveredAt, p.Deliveries); err != nil {
			return err
		}
	}
	for _, c := range in.Consumers {
		consumer, err := g.LoadConsumer(c.Name, c.SeenAt, c.ActiveAt)
		if err != nil {
			return err
		}
		for _, id := range c.Pending {
			if err := g.LoadHeld(consumer, stream.ID(id)); err != nil {
				return err
			}
		}
	}
	return g.LoadDone()
}
