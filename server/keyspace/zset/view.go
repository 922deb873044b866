package zset

import (
	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// View reads a sorted set in either form. It is good until the next change. The
// zero View is an empty one.
type View struct {
	lp  []byte // nil if set
	set *Set
}

// ViewOf returns a view of what an entry of kind ZSet holds.
func ViewOf(e keyspace.Entry) View {
	if o := e.Object(); o != nil {
		return View{set: o.(*Set)}
	}
	return View{lp: e.Bytes()}
}

// ViewPacked returns a view of a packed set.
func ViewPacked(lp []byte) View { return View{lp: lp} }

// ViewSet returns a view of a Set.
func ViewSet(z *Set) View { return View{set: z} }

// Packed returns the listpack of a packed set, else nil.
func (v View) Packed() []byte { return v.lp }

// Set returns the Set of one that is not packed, else nil.
func (v View) Set() *Set { return v.set }

// Len returns the number of members.
func (v View) Len() int {
	switch {
	case v.set != nil:
		return v.set.n
	case v.lp == nil:
		return 0
	}
	return listpack.Len(v.lp) / 2
}

// Score returns the score of a member.
func (v View) Score(member []byte) (float64, bool) {
	switch {
	case v.set != nil:
		return v.set.Score(member)
	case v.lp == nil:
		return 0, false
	}
	at, score := PackedFind(v.lp, member)
	return score, at >= 0
}

// Rank returns the rank of a member, counted from zero, and its score.
func (v View) Rank(member []byte) (rank int, score float64, ok bool) {
	if v.set != nil {
		return v.set.Rank(member)
	}
	for it, more := v.From(0); more; more = it.Next() {
		if it.Element().Equal(member) {
			return rank, it.Score(), true
		}
		rank++
	}
	return 0, 0, false
}

// SeekScore returns how many members have a score less than x, or, with after,
// less than or equal to it.
func (v View) SeekScore(x float64, after bool) int {
	if v.set != nil {
		return v.set.SeekScore(x, after)
	}
	n := 0
	for it, more := v.From(0); more; more = it.Next() {
		if s := it.Score(); s > x || s == x && !after {
			break
		}
		n++
	}
	return n
}

// SeekMember returns how many members come before m in the order of members, or,
// with after, are m or come before it. All scores must be equal.
func (v View) SeekMember(m []byte, after bool) int {
	if v.set != nil {
		return v.set.SeekMember(m, after)
	}
	n := 0
	for it, more := v.From(0); more; more = it.Next() {
		if c := compare(it.Element(), m); c > 0 || c == 0 && !after {
			break
		}
		n++
	}
	return n
}

// Iter is a place in a View, good until the next change.
type Iter struct {
	lp []byte
	at int
	c  Cursor
}

// From returns the place of the member of a rank, and whether there is one.
func (v View) From(rank int) (Iter, bool) {
	if rank < 0 || rank >= v.Len() {
		return Iter{}, false
	}
	if v.set != nil {
		return Iter{c: v.set.At(rank)}, true
	}
	return Iter{lp: v.lp, at: listpack.Seek(v.lp, 2*rank)}, true
}

// Element returns the member. It aliases what the View looks at.
func (it *Iter) Element() listpack.Element {
	if it.lp != nil {
		return listpack.Get(it.lp, it.at)
	}
	return listpack.Element{Str: it.c.Member()}
}

// Score returns the score.
func (it *Iter) Score() float64 {
	if it.lp != nil {
		return packedScore(it.lp, listpack.Next(it.lp, it.at))
	}
	return it.c.Score()
}

// Next goes to the next member and reports whether there is one.
func (it *Iter) Next() bool {
	if it.lp == nil {
		return it.c.Next()
	}
	it.at = listpack.Next(it.lp, listpack.Next(it.lp, it.at))
	return it.at >= 0
}

// Prev goes to the member before and reports whether there is one.
func (it *Iter) Prev() bool {
	if it.lp == nil {
		return it.c.Prev()
	}
	if it.at = listpack.Prev(it.lp, it.at); it.at >= 0 {
		it.at = listpack.Prev(it.lp, it.at)
	}
	return it.at >= 0
}
