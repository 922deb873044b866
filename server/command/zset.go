package command

import (
	"math"
	"strings"

	"github.com/vedette-ha/vedette/internal/resp"
)

// ZSetCommands: https://redis.io/docs/latest/commands/?group=sorted-set
func ZSetCommands() []Row {
	return []Row{
		{Name: "ZADD", Run: func(c *Ctx) error { return c.zadd(false) }},
		{Name: "ZINCRBY", Run: func(c *Ctx) error { return c.zadd(true) }},
		{Name: "ZREM", Run: cmdZRem},
		{Name: "ZCARD", Run: cmdZCard},
		{Name: "ZSCORE", Run: cmdZScore},
		{Name: "ZMSCORE", Run: cmdZMScore},
		{Name: "ZRANK", Run: func(c *Ctx) error { return c.zrank(false) }},
		{Name: "ZREVRANK", Run: func(c *Ctx) error { return c.zrank(true) }},
		{Name: "ZCOUNT", Run: func(c *Ctx) error { return c.zcount(byScore) }},
		{Name: "ZLEXCOUNT", Run: func(c *Ctx) error { return c.zcount(byLex) }},
		{Name: "ZRANGE", Run: func(c *Ctx) error { return c.zrange(rangeForm{by: byAny}) }},
		{Name: "ZRANGESTORE", Run: func(c *Ctx) error { return c.zrange(rangeForm{by: byAny, store: true}) }},
		{Name: "ZREVRANGE", Run: func(c *Ctx) error { return c.zrange(rangeForm{reverse: true}) }},
		{Name: "ZRANGEBYSCORE", Run: func(c *Ctx) error { return c.zrange(rangeForm{by: byScore}) }},
		{Name: "ZREVRANGEBYSCORE", Run: func(c *Ctx) error { return c.zrange(rangeForm{by: byScore, reverse: true}) }},
		{Name: "ZRANGEBYLEX", Run: func(c *Ctx) error { return c.zrange(rangeForm{by: byLex}) }},
		{Name: "ZREVRANGEBYLEX", Run: func(c *Ctx) error { return c.zrange(rangeForm{by: byLex, reverse: true}) }},
		{Name: "ZREMRANGEBYRANK", Run: func(c *Ctx) error { return c.zremRange(byRank, "zremrangebyrank") }},
		{Name: "ZREMRANGEBYSCORE", Run: func(c *Ctx) error { return c.zremRange(byScore, "zremrangebyscore") }},
		{Name: "ZREMRANGEBYLEX", Run: func(c *Ctx) error { return c.zremRange(byLex, "zremrangebylex") }},
		{Name: "ZPOPMIN", Run: func(c *Ctx) error { return c.zpop(false) }},
		{Name: "ZPOPMAX", Run: func(c *Ctx) error { return c.zpop(true) }},
		{Name: "ZMPOP", Run: cmdZMPop},
		{Name: "BZPOPMIN", Run: func(c *Ctx) error { return c.bzpop(false) }},
		{Name: "BZPOPMAX", Run: func(c *Ctx) error { return c.bzpop(true) }},
		{Name: "BZMPOP", Run: cmdBZMPop},
		{Name: "ZRANDMEMBER", Run: cmdZRandMember},
		{Name: "ZSCAN", Run: cmdZScan},
		{Name: "ZUNION", Run: func(c *Ctx) error { return c.zcombine(algebra{op: opUnion}) }},
		{Name: "ZINTER", Run: func(c *Ctx) error { return c.zcombine(algebra{op: opInter}) }},
		{Name: "ZDIFF", Run: func(c *Ctx) error { return c.zcombine(algebra{op: opDiff}) }},
		{Name: "ZUNIONSTORE", Run: func(c *Ctx) error { return c.zcombine(algebra{op: opUnion, store: true}) }},
		{Name: "ZINTERSTORE", Run: func(c *Ctx) error { return c.zcombine(algebra{op: opInter, store: true}) }},
		{Name: "ZDIFFSTORE", Run: func(c *Ctx) error { return c.zcombine(algebra{op: opDiff, store: true}) }},
		{Name: "ZINTERCARD", Run: func(c *Ctx) error { return c.zcombine(algebra{op: opInter, cardinality: true}) }},
	}
}

var (
	errScoreNaN = resp.Errorf("ERR resulting score is not a number (NaN)")
	errNXAndXX  = resp.Errorf("ERR XX and NX options at the same time are not compatible")
	errGTLTNX   = resp.Errorf("ERR GT, LT, and/or NX options at the same time are not compatible")
	errIncrOne  = resp.Errorf("ERR INCR option supports a single increment-element pair")
)

// zaddOptions are the words of ZADD before its pairs.
type zaddOptions struct{ nx, xx, gt, lt, ch, incr bool }

// parseZAdd reads the options of ZADD and returns its pairs of score and member.
func parseZAdd(args [][]byte, o *zaddOptions) (pairs [][]byte, err error) {
	for len(args) > 0 && o.word(args[0]) {
		args = args[1:]
	}
	switch {
	case len(args) == 0 || len(args)%2 != 0:
		return nil, resp.ErrSyntax
	case o.nx && o.xx:
		return nil, errNXAndXX
	case o.gt && o.nx, o.lt && o.nx, o.gt && o.lt:
		return nil, errGTLTNX
	case o.incr && len(args) > 2:
		return nil, errIncrOne
	}
	return args, nil
}

func (o *zaddOptions) word(arg []byte) bool {
	switch {
	case fold(arg, "NX"):
		o.nx = true
	case fold(arg, "XX"):
		o.xx = true
	case fold(arg, "GT"):
		o.gt = true
	case fold(arg, "LT"):
		o.lt = true
	case fold(arg, "CH"):
		o.ch = true
	case fold(arg, "INCR"):
		o.incr = true
	default:
		return false
	}
	return true
}

// zadd is:
//
//	ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]
//	ZINCRBY key increment member, which takes the same options
func (c *Ctx) zadd(incr bool) error {
	o := zaddOptions{incr: incr}
	pairs, err := parseZAdd(c.Args[2:], &o)
	if err != nil {
		return err
	}
	var few [8]float64
	scores := few[:0]
	for i := 0; i < len(pairs); i += 2 {
		score, ok := resp.ParseFloat(pairs[i])
		if !ok {
			return errNotFloat
		}
		scores = append(scores, score)
	}
	key := c.Args[1]
	z, there, err := c.editZSet(key)
	if err != nil {
		return err
	}
	if !there && o.xx {
		o.reply(c, &zaddResult{})
		return nil
	}
	if !there {
		z = c.newZSet(c.Scratch[:0], len(scores), len(pairs[1]), len(pairs[1]))
	} else {
		z.widen(c, len(scores))
	}
	return c.zaddTo(key, &z, &o, scores, pairs)
}

// zaddResult is what became of the pairs of a ZADD.
type zaddResult struct {
	added, updated int
	processed      bool    // of the last pair
	score          float64 // of its member
}

// zaddTo adds pairs to the set at key and replies.
func (c *Ctx) zaddTo(key []byte, z *sortedSet, o *zaddOptions, scores []float64, pairs [][]byte) error {
	var r zaddResult
	for i, score := range scores {
		if err := z.add(c, o, pairs[2*i+1], score, &r); err != nil {
			return err
		}
	}
	if changes := r.added + r.updated; changes > 0 || z.set != nil && !z.stored {
		if err := z.keep(c, key); err != nil {
			return err
		}
		if changes > 0 {
			event := "zadd"
			if o.incr {
				event = "zincr"
			}
			c.Changed(ZSet, event, key)
			c.AddDirty(changes - 1)
		}
	}
	o.reply(c, &r)
	return nil
}

// add gives one member a score, or adds to the one it has, as far as the options
// allow it.
func (z *sortedSet) add(c *Ctx, o *zaddOptions, member []byte, score float64, r *zaddResult) error {
	p := z.locate(member)
	r.processed = false
	if !p.found {
		if !o.xx {
			z.put(c, &p, member, score)
			r.added++
			r.processed, r.score = true, score
		}
		return nil
	}
	if o.nx {
		return nil
	}
	if o.incr {
		score += p.score
		if math.IsNaN(score) {
			return errScoreNaN
		}
	}
	if o.lt && score >= p.score || o.gt && score <= p.score {
		return nil
	}
	r.processed, r.score = true, score
	if score != p.score {
		z.put(c, &p, member, score)
		r.updated++
	}
	return nil
}

func (o *zaddOptions) reply(c *Ctx, r *zaddResult) {
	switch {
	case o.incr && r.processed:
		c.Out.Double(r.score)
	case o.incr:
		c.Out.Null()
	case o.ch:
		c.Out.Int(int64(r.added + r.updated))
	default:
		c.Out.Int(int64(r.added))
	}
}

// ZREM key member [member ...]
func cmdZRem(c *Ctx) error {
	key := c.Args[1]
	z, there, err := c.editZSet(key)
	if err != nil {
		return err
	}
	removed := 0
	if there {
		for _, member := range c.Args[2:] {
			if z.remove(member) {
				removed++
			}
		}
	}
	if removed > 0 {
		if err := z.settle(c, key, "zrem"); err != nil {
			return err
		}
		c.AddDirty(removed - 1)
	}
	c.Out.Int(int64(removed))
	return nil
}

// ZCARD key
func cmdZCard(c *Ctx) error {
	v, _, err := c.readZSet(c.Args[1])
	if err != nil {
		return err
	}
	c.Out.Int(int64(v.Len()))
	return nil
}

// ZSCORE key member
func cmdZScore(c *Ctx) error {
	v, _, err := c.readZSet(c.Args[1])
	if err != nil {
		return err
	}
	c.doubleOrNull(v.Score(c.Args[2]))
	return nil
}

func (c *Ctx) doubleOrNull(f float64, ok bool) {
	if !ok {
		c.Out.Null()
		return
	}
	c.Out.Double(f)
}

// ZMSCORE key member [member ...]
func cmdZMScore(c *Ctx) error {
	v, _, err := c.readZSet(c.Args[1])
	if err != nil {
		return err
	}
	members := c.Args[2:]
	c.Out.Array(len(members))
	for _, m := range members {
		c.doubleOrNull(v.Score(m))
	}
	return nil
}

// zrank is ZRANK and ZREVRANK key member [WITHSCORE]
func (c *Ctx) zrank(reverse bool) error {
	if len(c.Args) > 4 {
		return resp.Errorf("ERR wrong number of arguments for '%s' command", strings.ToLower(c.Cmd.Full))
	}
	withScore := len(c.Args) == 4
	if withScore && !fold(c.Args[3], "WITHSCORE") {
		return resp.ErrSyntax
	}
	v, _, err := c.readZSet(c.Args[1])
	if err != nil {
		return err
	}
	rank, score, ok := v.Rank(c.Args[2])
	switch {
	case !ok && withScore:
		c.Out.NullArray()
		return nil
	case !ok:
		c.Out.Null()
		return nil
	}
	if reverse {
		rank = v.Len() - 1 - rank
	}
	if withScore {
		c.Out.Array(2)
	}
	c.Out.Int(int64(rank))
	if withScore {
		c.Out.Double(score)
	}
	return nil
}
