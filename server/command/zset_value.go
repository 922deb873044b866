package command

import (
	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/zset"
)

// readZSet finds the sorted set at key for a command that reads it.
func (c *Ctx) readZSet(key []byte) (v zset.View, there bool, err error) {
	e, there, err := c.ReadKind(key, keyspace.ZSet)
	if there {
		v = zset.ViewOf(e)
	}
	return v, there, err
}

// sortedSet is a sorted set that a command changes: a listpack in scratch memory,
// or a Set.
type sortedSet struct {
	lp     []byte // nil if set
	set    *zset.Set
	stored bool // set is what the key holds: there is nothing to store
}

// editZSet finds the sorted set at key for a command that changes it.
func (c *Ctx) editZSet(key []byte) (z sortedSet, there bool, err error) {
	e, there, err := c.FindKind(key, keyspace.ZSet)
	if !there {
		return sortedSet{}, false, err
	}
	if lp := e.Bytes(); lp != nil {
		return sortedSet{lp: append(c.Scratch[:0], lp...)}, true, nil
	}
	o, _ := e.MutableObject()
	return sortedSet{set: o.(*zset.Set), stored: true}, true, nil
}

// packedBytes is how many bytes of members a listpack may have: with their scores
// they stay below what listpacks can hold.
const packedBytes = listpack.SizeMax / 2

// newZSet is an empty sorted set that is to have so many members, the longest and
// all of them of so many bytes. A listpack begins in lp.
func (c *Ctx) newZSet(lp []byte, members, longest, total int) sortedSet {
	if members <= c.Opt.ZSetMaxEntries && longest <= c.Opt.ZSetMaxValue && total <= packedBytes {
		return sortedSet{lp: listpack.AppendEmpty(lp)}
	}
	return sortedSet{set: zset.New()}
}

// append adds a member that comes behind all others.
func (z *sortedSet) append(member []byte, score float64) {
	if z.set != nil {
		z.set.Set(member, score)
		return
	}
	z.lp = zset.PackedAppend(z.lp, member, score)
}

// widen makes z a Set if it is to get more members at once than a listpack may have.
func (z *sortedSet) widen(c *Ctx, more int) {
	if z.set == nil && more > c.Opt.ZSetMaxEntries {
		z.unpack()
	}
}

func (z *sortedSet) unpack() {
	z.set = zset.Unpack(z.lp)
	z.lp = nil
}

func (z *sortedSet) view() zset.View {
	if z.set != nil {
		return zset.ViewSet(z.set)
	}
	return zset.ViewPacked(z.lp)
}

func (z *sortedSet) len() int { return z.view().Len() }

// zsetPlace is where a member is, good until the next change.
type zsetPlace struct {
	found bool
	score float64
	at    int        // of a listpack
	place zset.Place // of a Set
}

func (z *sortedSet) locate(member []byte) (p zsetPlace) {
	if z.set != nil {
		p.place = z.set.Locate(member)
		p.found, p.score = p.place.Found, p.place.Score
		return p
	}
	p.at, p.score = zset.PackedFind(z.lp, member)
	p.found = p.at >= 0
	return p
}

// put gives a member, which was just located, a score.
func (z *sortedSet) put(c *Ctx, p *zsetPlace, member []byte, score float64) {
	if z.set != nil {
		z.set.SetAt(p.place, member, score)
		return
	}
	if p.found {
		z.lp = zset.PackedDelete(z.lp, p.at, 1)
	} else if !c.fitsZSet(z.lp, member) {
		z.unpack()
		z.set.Set(member, score)
		return
	}
	z.lp = zset.PackedInsert(z.lp, member, score)
}

// fitsZSet reports whether a listpack may get one more member.
func (c *Ctx) fitsZSet(lp, member []byte) bool {
	return len(member) <= c.Opt.ZSetMaxValue && listpack.Len(lp)/2 < c.Opt.ZSetMaxEntries &&
		len(lp)+zset.PackedSize(member) <= listpack.SizeMax
}

// remove removes a member and reports whether it was there.
func (z *sortedSet) remove(member []byte) bool {
	if z.set != nil {
		return z.set.Delete(member)
	}
	at, _ := zset.PackedFind(z.lp, member)
	if at >= 0 {
		z.lp = zset.PackedDelete(z.lp, at, 1)
	}
	return at >= 0
}

// removeRange removes the members of ranks from to to (exclusive).
func (z *sortedSet) removeRange(from, to int) {
	if z.set != nil {
		z.set.DeleteRange(from, to)
		return
	}
	z.lp = zset.PackedDelete(z.lp, listpack.Seek(z.lp, 2*from), to-from)
}

// keep makes z, which has members, what key holds; the time to live stays.
func (z *sortedSet) keep(c *Ctx, key []byte) error {
	switch {
	case z.stored:
		return nil
	case z.set != nil:
		return c.StoreObject(key, z.set)
	}
	c.Scratch = z.lp
	return c.StoreBlob(key, keyspace.ZSet, keyspace.Listpack, z.lp)
}

// settle ends a removal: it keeps what is left, tells event, and deletes the key if
// nothing is left.
func (z *sortedSet) settle(c *Ctx, key []byte, event string) error {
	if z.len() == 0 {
		c.Changed(ZSet, event, key)
		c.DropEmpty(key)
		return nil
	}
	if err := z.keep(c, key); err != nil {
		return err
	}
	c.Changed(ZSet, event, key)
	return nil
}

// replaceZSet makes z the value of key in the place of whatever it holds, and
// replies with the number of members. Without members the key is deleted.
func (c *Ctx) replaceZSet(key []byte, z *sortedSet, event string) error {
	n := z.len()
	if n == 0 {
		if c.Replace(key) {
			c.Changed(Generic, "del", key)
		}
		c.Out.Int(0)
		return nil
	}
	isNew := c.isNew(c.DB, key)
	var err error
	if z.set != nil {
		err = c.DB.SetObject(key, z.set, keyspace.SetOpt{})
	} else {
		err = c.DB.SetBlob(key, keyspace.ZSet, keyspace.Listpack, z.lp, keyspace.SetOpt{})
	}
	if err != nil {
		return err
	}
	if isNew {
		c.Host.Notify(NewKey, "new", key, c.DBIndex)
	}
	c.Changed(ZSet, event, key)
	c.Out.Int(int64(n))
	return nil
}

// zsetReply replies with members, and with their scores if asked to: in RESP3 as
// pairs.
type zsetReply struct {
	c          *Ctx
	withScores bool
}

// begin announces n members.
func (r zsetReply) begin(n int) {
	if r.withScores && !r.c.Out.RESP3 {
		n *= 2
	}
	r.c.Out.Array(n)
}

func (r zsetReply) add(e listpack.Element, score float64) {
	if r.withScores && r.c.Out.RESP3 {
		r.c.Out.Array(2)
	}
	r.c.writeElement(e)
	if r.withScores {
		r.c.Out.Double(score)
	}
}

// addAt is add of what it stands at.
func (r zsetReply) addAt(it *zset.Iter) {
	score := 0.0
	if r.withScores {
		score = it.Score()
	}
	r.add(it.Element(), score)
}
