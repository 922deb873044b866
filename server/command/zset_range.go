package command

import (
	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace/zset"
)

var (
	errLimitByRank = resp.Errorf("ERR syntax error, LIMIT is only supported in combination" +
		" with either BYSCORE or BYLEX")
	errScoresByLex = resp.Errorf("ERR syntax error, WITHSCORES not supported in combination with BYLEX")
)

// zcount is ZCOUNT and ZLEXCOUNT key min max
func (c *Ctx) zcount(by rangeBy) error {
	b, err := parseBounds(by, c.Args[2], c.Args[3])
	if err != nil {
		return err
	}
	v, _, err := c.readZSet(c.Args[1])
	if err != nil {
		return err
	}
	lo, hi := b.ranks(v, false)
	c.Out.Int(int64(max(hi-lo, 0)))
	return nil
}

// zremRange is ZREMRANGEBYRANK, ZREMRANGEBYSCORE and ZREMRANGEBYLEX key min max
func (c *Ctx) zremRange(by rangeBy, event string) error {
	key := c.Args[1]
	b, err := parseBounds(by, c.Args[2], c.Args[3])
	if err != nil {
		return err
	}
	z, there, err := c.editZSet(key)
	if err != nil {
		return err
	}
	removed := 0
	if there {
		lo, hi := b.ranks(z.view(), false)
		if removed = max(hi-lo, 0); removed > 0 {
			z.removeRange(lo, hi)
			if err := z.settle(c, key, event); err != nil {
				return err
			}
			c.AddDirty(removed - 1)
		}
	}
	c.Out.Int(int64(removed))
	return nil
}

// rangeForm is how a command of the ZRANGE family asks, by its name and options.
type rangeForm struct {
	by         rangeBy
	reverse    bool
	store      bool // into another key
	withScores bool
	offset     int64
	limit      int64 // -1: none
}

// zrange is:
//
//	ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]
//	ZRANGESTORE dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]
//	ZREVRANGE key start stop [WITHSCORES]
//	ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]
//	ZRANGEBYLEX key min max [LIMIT offset count]
//
// and ZREVRANGEBYSCORE and ZREVRANGEBYLEX key max min.
func (c *Ctx) zrange(f rangeForm) error {
	args := c.Args[1:]
	if f.store {
		args = args[1:]
	}
	if err := f.parse(args[3:]); err != nil {
		return err
	}
	lo, hi := args[1], args[2]
	if f.reverse && f.by != byRank {
		lo, hi = hi, lo
	}
	b, err := parseBounds(f.by, lo, hi)
	if err != nil {
		return err
	}
	v, _, err := c.readZSet(args[0])
	if err != nil {
		return err
	}
	from, to := b.ranks(v, f.reverse)
	from, to = f.cut(from, to)
	if f.store {
		return c.zrangeStore(v, from, to)
	}
	c.zrangeReply(v, from, to, &f)
	return nil
}

// parse reads the options; which there are depends on the command.
func (f *rangeForm) parse(args [][]byte) error {
	fixed, fixedReverse := f.by != byAny, f.by != byAny
	f.limit = -1
	for ; len(args) > 0; args = args[1:] {
		switch {
		case !f.store && fold(args[0], "WITHSCORES"):
			f.withScores = true
		case fold(args[0], "LIMIT") && len(args) > 2:
			var ok1, ok2 bool
			f.offset, ok1 = resp.ParseInt(args[1])
			f.limit, ok2 = resp.ParseInt(args[2])
			if !ok1 || !ok2 {
				return resp.ErrNotInteger
			}
			args = args[2:]
		case !fixedReverse && fold(args[0], "REV"):
			f.reverse, fixedReverse = true, true
		case !fixed && fold(args[0], "BYLEX"):
			f.by, fixed = byLex, true
		case !fixed && fold(args[0], "BYSCORE"):
			f.by, fixed = byScore, true
		default:
			return resp.ErrSyntax
		}
	}
	if f.by == byAny {
		f.by = byRank
	}
	switch {
	case f.limit != -1 && f.by == byRank:
		return errLimitByRank
	case f.withScores && f.by == byLex:
		return errScoresByLex
	}
	return nil
}

// cut applies LIMIT.
func (f *rangeForm) cut(from, to int) (int, int) {
	n := max(to-from, 0)
	skip := 0
	if f.by != byRank {
		if skip = int(min(f.offset, int64(n))); skip < 0 {
			skip = n // a negative offset is past all
		}
		n -= skip
		if f.limit >= 0 {
			n = int(min(f.limit, int64(n)))
		}
	}
	if f.reverse {
		return to - skip - n, to - skip
	}
	return from + skip, from + skip + n
}

// zrangeReply replies with the members of ranks from to to (exclusive).
func (c *Ctx) zrangeReply(v zset.View, from, to int, f *rangeForm) {
	r := zsetReply{c, f.withScores}
	n := to - from
	r.begin(n)
	if n > 0 && !f.reverse && !f.withScores {
		if set := v.Set(); set != nil {
			set.Members(from, n, c.Out.Bulk)
		} else {
			c.writeElements(v.Packed(), listpack.Seek(v.Packed(), 2*from), n, true)
		}
		return
	}
	if f.reverse {
		for it, more := v.From(to - 1); more && n > 0; more = it.Prev() {
			r.addAt(&it)
			n--
		}
		return
	}
	for it, more := v.From(from); more && n > 0; more = it.Next() {
		r.addAt(&it)
		n--
	}
}

// zrangeStore makes the members of ranks from to to (exclusive) the value of the
// destination.
func (c *Ctx) zrangeStore(v zset.View, from, to int) error {
	n := to - from
	longest, total := 0, 0
	for it, more := v.From(from); more && from < to; more = it.Next() {
		size := it.Element().Len()
		longest, total = max(longest, size), total+size
		from++
	}
	dst := c.newZSet(c.Scratch[:0], n, longest, total)
	from = to - n
	var digits [20]byte
	for it, more := v.From(from); more && from < to; more = it.Next() {
		dst.append(it.Element().Bytes(digits[:]), it.Score())
		from++
	}
	return c.replaceZSet(c.Args[1], &dst, "zrangestore")
}
