package command

import (
	"math"
	"math/rand/v2"

	"github.com/vedette-ha/vedette/internal/intset"
	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/set"
)

// random returns a member of a set that has some, each as likely as any other.
func (v *setValue) random(r rand.Source) member {
	switch v.enc {
	case keyspace.Hashtable:
		return member{Str: v.big.Random(r)}
	case keyspace.Intset:
		return intMember(intset.At(v.blob, rand.IntN(intset.Len(v.blob))))
	}
	return listpack.Get(v.blob, listpack.Seek(v.blob, rand.IntN(listpack.Len(v.blob))))
}

// draw divides the members of a set into n that are drawn, all sets of n equally
// likely, and the others, in one walk.
func (v *setValue) draw(n int, drawn, other func(member)) {
	left := v.len()
	v.each(func(m member) bool {
		if rand.IntN(left) < n {
			n--
			drawn(m)
		} else if other != nil {
			other(m)
		}
		left--
		return n > 0 || other != nil
	})
}

// SPOP key [count]
func cmdSPop(c *Ctx) error {
	switch len(c.Args) {
	case 2:
		return c.popMember()
	case 3:
		return c.popMembers()
	}
	return resp.ErrSyntax
}

// popMember is SPOP without a count.
func (c *Ctx) popMember() error {
	key := c.Args[1]
	e, there, err := c.FindKind(key, keyspace.Set)
	if err != nil {
		return err
	}
	if !there {
		c.Out.Null()
		return nil
	}
	v := setOf(e, there)
	c.makeMutable(e, &v)
	m := v.random(c.Space.Draws())
	c.writeElement(m)
	c.words = [...][]byte{wordSREM, key, m.Bytes(c.digits[:]), nil}
	c.Effect(c.words[:3]...)
	v.removeOwn(m)
	return c.shrunk(key, &v, "spop", 1)
}

// popMembers is SPOP with a count. Popping nearly all is done by keeping the others:
// what is kept is a new set, in a form of its own.
func (c *Ctx) popMembers() error {
	n, err := c.positive(c.Args[2])
	if err != nil {
		return err
	}
	key := c.Args[1]
	e, there, err := c.FindKind(key, keyspace.Set)
	if err != nil {
		return err
	}
	v := setOf(e, there)
	size := v.len()
	switch {
	case !there || n == 0:
		c.Out.Set(0)
		return nil
	case n >= size:
		return c.popAll(key)
	}
	c.Out.Set(n)
	effect := batchedSRem{c: c, key: key}
	pop := func(m member) {
		c.writeElement(m)
		effect.add(m)
	}
	c.makeMutable(e, &v)
	const nearlyAll = 5 // times as many as stay
	if (size-n)*nearlyAll > n {
		v.popSome(c.Space.Draws(), n, pop)
	} else {
		v = v.popMost(c.Opt, n, pop)
	}
	effect.flush()
	return c.shrunk(key, &v, "spop", n)
}

// popAll is SPOP of all members: it counts as a read, and deletes the key.
func (c *Ctx) popAll(key []byte) error {
	v, _, err := c.readSet(key)
	if err != nil {
		return err
	}
	n := v.len()
	c.writeSet(&v)
	c.remove(key, c.Opt.LazyServerDel)
	c.Host.Notify(Set, "spop", key, c.DBIndex)
	if c.Opt.LazyServerDel {
		c.Effect(wordUNLINK, key)
	} else {
		c.Effect(wordDEL, key)
	}
	c.Changed(Generic, "del", key)
	c.AddDirty(n - 1)
	return nil
}

// popSome removes n members, few against those that stay.
func (v *setValue) popSome(r rand.Source, n int, pop func(member)) {
	if v.enc == keyspace.Listpack {
		kept := listpack.New()
		v.draw(n, pop, func(m member) { kept = appendMember(kept, m) })
		v.blob = kept
		return
	}
	for range n {
		m := v.random(r)
		pop(m)
		v.removeOwn(m)
	}
}

// removeOwn removes a member that v handed out.
func (v *setValue) removeOwn(m member) {
	var buf [64]byte
	v.remove(member{Str: append(buf[:0], m.Str...), Int: m.Int, IsInt: m.IsInt})
}

// popMost takes n members of a set out and returns a new set with the others, which
// are few. The old one is of no use any more.
func (v *setValue) popMost(o *Options, n int, pop func(member)) setValue {
	var kept setValue
	switch v.enc {
	case keyspace.Intset:
		kept = setValue{enc: keyspace.Intset, blob: intset.New()}
		v.draw(n, pop, func(m member) { kept.blob, _ = intset.Add(kept.blob, m.Int) })
	case keyspace.Listpack:
		kept = setValue{enc: keyspace.Listpack, blob: listpack.New()}
		v.draw(n, pop, func(m member) { kept.blob = appendMember(kept.blob, m) })
	default:
		kept = setValue{enc: keyspace.Listpack, blob: listpack.New()}
		v.draw(n, pop, func(m member) { kept.add(o, m) })
	}
	return kept
}

func appendMember(lp []byte, m member) []byte {
	if m.IsInt {
		return listpack.AppendInt(lp, m.Int)
	}
	return listpack.Append(lp, m.Str)
}

// batchedSRem propagates removals as SREM commands of bounded length.
type batchedSRem struct {
	c     *Ctx
	key   []byte
	text  []byte // of the members since the last command
	ends  []int  // where each of them ends
	words [][]byte
}

const membersPerSRem = 1024

var wordSREM = []byte("SREM")

func (b *batchedSRem) add(m member) {
	b.text = m.Append(b.text)
	if b.ends = append(b.ends, len(b.text)); len(b.ends) == membersPerSRem {
		b.flush()
	}
}

func (b *batchedSRem) flush() {
	if len(b.ends) == 0 {
		return
	}
	b.words = append(b.words[:0], wordSREM, b.key)
	from := 0
	for _, end := range b.ends {
		b.words = append(b.words, b.text[from:end])
		from = end
	}
	b.c.Effect(b.words...)
	b.text, b.ends = b.text[:0], b.ends[:0]
}

// positive reads a count that must not be negative.
func (c *Ctx) positive(arg []byte) (int, error) {
	n, ok := resp.ParseInt(arg)
	if !ok || n < 0 {
		return 0, resp.Errorf("ERR value is out of range, must be positive")
	}
	return int(n), nil
}

// SRANDMEMBER key [count]
func cmdSRandMember(c *Ctx) error {
	switch len(c.Args) {
	case 2:
		v, there, err := c.readSet(c.Args[1])
		if err != nil {
			return err
		}
		if !there {
			c.Out.Null()
			return nil
		}
		c.writeElement(v.random(c.Space.Draws()))
		return nil
	case 3:
		return c.randomMembers()
	}
	return resp.ErrSyntax
}

// randomMembers is SRANDMEMBER with a count; a negative one may name members twice.
func (c *Ctx) randomMembers() error {
	n, ok := resp.ParseInt(c.Args[2])
	if !ok {
		return resp.ErrNotInteger
	}
	if n == math.MinInt64 {
		return resp.Errorf("ERR value is out of range, value must between %d and %d", -math.MaxInt64, math.MaxInt64)
	}
	v, there, err := c.readSet(c.Args[1])
	if err != nil {
		return err
	}
	size := v.len()
	switch {
	case !there || n == 0:
		c.Out.Array(0)
	case n < 0:
		return c.withRepeats(&v, -n)
	case int(n) >= size:
		c.Out.Array(size)
		c.writeMembers(&v)
	default:
		c.distinct(&v, int(n))
	}
	return nil
}

// repliesMax is how many bytes a reply of repeated members may have: the count alone
// does not bound it.
const repliesMax = 1 << 30

// bounded replies with n elements, which may be the same ones again and again, as long
// as the reply does not get too long; then with an error.
func (c *Ctx) bounded(n int64, begin, one func()) error {
	const smallest = int64(len("$0\r\n\r\n"))
	if n > repliesMax/smallest {
		return errOutOfRange
	}
	start := len(c.Out.Buf)
	begin()
	for range n {
		one()
		if len(c.Out.Buf)-start > repliesMax {
			c.Out.Buf = c.Out.Buf[:start]
			return errOutOfRange
		}
	}
	return nil
}

// withRepeats replies with n members, which may be the same.
func (c *Ctx) withRepeats(v *setValue, n int64) error {
	offsets := v.offsets(n)
	return c.bounded(n, func() { c.Out.Array(int(n)) }, func() {
		if offsets != nil {
			c.writeElement(listpack.Get(v.blob, offsets[rand.IntN(len(offsets))]))
		} else {
			c.writeElement(v.random(c.Space.Draws()))
		}
	})
}

// offsets are where the members of a listpack are, where it pays to know them to look
// up n; otherwise nil.
func (v *setValue) offsets(n int64) []int {
	if v.enc != keyspace.Listpack || n == 1 {
		return nil
	}
	all := make([]int, 0, v.len())
	for at := listpack.First(v.blob); at >= 0; at = listpack.Next(v.blob, at) {
		all = append(all, at)
	}
	return all
}

// distinct replies with n different members of a set that has more.
func (c *Ctx) distinct(v *setValue, n int) {
	c.Out.Array(n)
	const few = 3 // a third of the members: drawing them one by one hits new ones
	if v.enc != keyspace.Hashtable || n*few > v.len() {
		v.draw(n, c.writeElement, nil)
		return
	}
	for seen := set.New(); seen.Len() < n; {
		if m := v.random(c.Space.Draws()); seen.Add(m.Str) {
			c.writeElement(m)
		}
	}
}
