package stream

import "github.com/vedette-ha/vedette/internal/listpack"

// Trim says which entries a stream is to lose: those before MinID, if ByID, else
// the oldest beyond MaxLen.
type Trim struct {
	ByID   bool
	MaxLen uint64
	MinID  ID
	Approx bool // whole nodes only
	Limit  int  // at most so many entries; 0: no limit
}

// Trim deletes entries at the begin and returns how many. Like Redis it removes
// whole nodes, then marks entries of the next one as deleted.
func (s *Stream) Trim(p *Packer, t Trim) int {
	gone := 0
	for s.nodes.count > 0 && (t.ByID || s.length > t.MaxLen) {
		c := s.nodes.first()
		first := c.id()
		valid := p.entries(c.val())
		if t.Limit > 0 && gone+int(valid) > t.Limit {
			break
		}
		if t.ByID && lastID(p.read(c.val()), first).Less(t.MinID) || !t.ByID && s.length-uint64(valid) >= t.MaxLen {
			s.drop(first)
			s.length -= uint64(valid)
			gone += int(valid)
			continue
		}
		if !t.Approx {
			gone += s.trimNode(p, first, &t)
		}
		break
	}
	if gone > 0 {
		s.findFirst(p)
	}
	return gone
}

// trimNode marks entries of the node of id first as deleted, and returns how many.
func (s *Stream) trimNode(p *Packer, first ID, t *Trim) (gone int) {
	n, _ := s.nodes.edit(s.owner, first)
	lp := s.open(p, n)
	m := masterOf(lp)
	for at := s.begin(lp, &m, first); at >= 0; {
		e := entryAt(lp, &m, first, at)
		if t.ByID && !e.id.Less(t.MinID) || !t.ByID && s.length <= t.MaxLen {
			break
		}
		at = e.after(lp)
		if e.deleted() {
			continue
		}
		lp = listpack.ReplaceInt(lp, e.at, e.flags|flagDeleted) // as long as before
		s.length--
		gone++
	}
	s.set(n, setCounts(lp, m.valid-int64(gone), m.deleted+int64(gone)))
	return gone
}
