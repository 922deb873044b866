package rdb

import (
	"encoding/binary"

	"github.com/vedette-ha/vedette/internal/listpack"
)

// In returns the type to write a value as that has been read as t, so that readers
// of the given version of the format know it.
func (t Type) In(version int) Type {
	switch {
	case t == TypeStreamListpacks, t == TypeStreamListpacks2, t == TypeStreamListpacks3:
		return StreamType(version)
	case t == TypeSetListpack && version < 11:
		return TypeSet
	case t == TypeHashListpackEx:
		return TypeHashMetadata
	}
	return t
}

// StreamType is the type of streams in a version of the format.
func StreamType(version int) Type {
	if version < 11 {
		return TypeStreamListpacks2
	}
	return TypeStreamListpacks3
}

// PutValue writes the layout of v that Key has announced: that of v.Type.In.
func (w *Writer) PutValue(v Value) {
	switch t := v.Type.In(w.o.Version); t {
	case TypeString:
		w.PutString(v.String)
	case TypeHash:
		w.putElements(v.Elements, 2)
	case TypeHashMetadata:
		w.putTimedHash(&v)
	case TypeList:
		w.putElements(v.Elements, 1)
	case TypeSet:
		if v.Type == TypeSetListpack {
			w.PutListpackElements(v.Blob)
			return
		}
		w.putElements(v.Elements, 1)
	case TypeZSet2:
		w.PutLen(uint64(len(v.Elements)))
		for i, member := range v.Elements {
			w.PutString(member)
			w.PutScore(v.Scores[i])
		}
	case TypeListQuicklist2:
		w.PutLen(uint64(len(v.Nodes)))
		for _, n := range v.Nodes {
			w.PutListNode(n)
		}
	case TypeStreamListpacks2, TypeStreamListpacks3:
		w.PutStream(v.Stream)
	default:
		w.PutString(v.Blob)
	}
}

// putElements writes how many times per strings follow, and the strings.
func (w *Writer) putElements(all [][]byte, per int) {
	w.PutLen(uint64(len(all) / per))
	for _, e := range all {
		w.PutString(e)
	}
}

// PutListpackElements writes the elements of a listpack one by one, their number
// first.
func (w *Writer) PutListpackElements(lp []byte) {
	w.PutLen(uint64(listpack.Len(lp)))
	var text []byte
	for i := listpack.First(lp); i >= 0; i = listpack.Next(lp, i) {
		text = listpack.Get(lp, i).Append(text[:0])
		w.PutString(text)
	}
}

// PutListNode writes a node of a list of TypeListQuicklist2.
func (w *Writer) PutListNode(n ListNode) {
	container := uint64(nodePacked)
	if n.Plain {
		container = nodePlain
	}
	w.PutLen(container)
	w.PutString(n.Bytes)
}

// PutStream writes the layout of a stream as StreamType has it.
func (w *Writer) PutStream(s *Stream) {
	w.PutLen(uint64(len(s.Nodes)))
	for _, n := range s.Nodes {
		w.PutStreamNode(n)
	}
	w.PutLen(s.Length)
	w.PutStreamID(s.LastID)
	w.PutStreamID(s.FirstID)
	w.PutStreamID(s.MaxDeletedID)
	w.PutLen(s.EntriesAdded)
	w.PutLen(uint64(len(s.Groups)))
	for i := range s.Groups {
		w.putStreamGroup(&s.Groups[i])
	}
}

// PutStreamNode writes a node of a stream.
func (w *Writer) PutStreamNode(n StreamNode) {
	w.PutString(rawStreamID(n.ID))
	w.PutString(n.Listpack)
}

// PutStreamID writes an id as two lengths.
func (w *Writer) PutStreamID(id StreamID) {
	w.PutLen(id.MS)
	w.PutLen(id.Seq)
}

// PutRawStreamID writes an id as 16 bytes.
func (w *Writer) PutRawStreamID(id StreamID) {
	w.buf = binary.BigEndian.AppendUint64(w.buf, id.MS)
	w.buf = binary.BigEndian.AppendUint64(w.buf, id.Seq)
	w.spill()
}

func rawStreamID(id StreamID) []byte {
	p := binary.BigEndian.AppendUint64(make([]byte, 0, 16), id.MS)
	return binary.BigEndian.AppendUint64(p, id.Seq)
}

// PutTime writes a Unix time in ms.
func (w *Writer) PutTime(ms int64) {
	w.buf = binary.LittleEndian.AppendUint64(w.buf, uint64(ms))
	w.spill()
}

func (w *Writer) putStreamGroup(g *StreamGroup) {
	w.PutString(g.Name)
	w.PutStreamID(g.LastID)
	w.PutLen(uint64(g.EntriesRead))
	w.PutLen(uint64(len(g.Pending)))
	for _, p := range g.Pending {
		w.PutRawStreamID(p.ID)
		w.PutTime(p.DeliveredAt)
		w.PutLen(p.Deliveries)
	}
	w.PutLen(uint64(len(g.Consumers)))
	for _, c := range g.Consumers {
		w.PutString(c.Name)
		w.PutTime(c.SeenAt)
		if w.o.Version >= 11 {
			w.PutTime(c.ActiveAt)
		}
		w.PutLen(uint64(len(c.Pending)))
		for _, id := range c.Pending {
			w.PutRawStreamID(id)
		}
	}
}
