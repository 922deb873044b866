package command

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/vedette-ha/vedette/internal/glob"
	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace/zset"
)

var errOutOfRange = resp.Errorf("ERR value is out of range")

// ZRANDMEMBER key [count [WITHSCORES]]
func cmdZRandMember(c *Ctx) error {
	if len(c.Args) == 2 {
		v, there, err := c.readZSet(c.Args[1])
		if err != nil {
			return err
		}
		if !there {
			c.Out.Null()
			return nil
		}
		it, _ := v.From(rand.IntN(v.Len()))
		c.writeElement(it.Element())
		return nil
	}
	count, ok := resp.ParseInt(c.Args[2])
	if !ok {
		return resp.ErrNotInteger
	}
	if count == math.MinInt64 {
		return resp.Errorf("ERR value is out of range, value must between %d and %d", -math.MaxInt64, math.MaxInt64)
	}
	withScores := len(c.Args) == 4
	if len(c.Args) > 4 || withScores && !fold(c.Args[3], "WITHSCORES") {
		return resp.ErrSyntax
	}
	if withScores && (count < -math.MaxInt64/2 || count > math.MaxInt64/2) {
		return errOutOfRange
	}
	v, _, err := c.readZSet(c.Args[1])
	if err != nil {
		return err
	}
	return c.zrandReply(v, count, zsetReply{c, withScores})
}

// zrandReply replies with count members, all different; with -count, drawn one by
// one.
func (c *Ctx) zrandReply(v zset.View, count int64, r zsetReply) error {
	size := v.Len()
	switch {
	case count == 0 || size == 0:
		c.Out.Array(0)
	case count < 0:
		return c.zrandRepeated(v, -count, r)
	case count >= int64(size):
		r.begin(size)
		for it, more := v.From(size - 1); more; more = it.Prev() {
			r.addAt(&it)
		}
	case count > int64(size)/3:
		zrandWalk(v, int(count), r)
	default:
		zrandDraw(v, int(count), r)
	}
	return nil
}

// zrandRepeated draws n members that need not be different.
func (c *Ctx) zrandRepeated(v zset.View, n int64, r zsetReply) error {
	const smallest = len("$0\r\n\r\n")
	if n > int64(repliesMax/smallest) {
		return errOutOfRange
	}
	start := len(c.Out.Buf)
	r.begin(int(n))
	for ; n > 0; n-- {
		it, _ := v.From(rand.IntN(v.Len()))
		r.addAt(&it)
		if len(c.Out.Buf)-start > repliesMax {
			c.Out.Buf = c.Out.Buf[:start]
			return errOutOfRange
		}
	}
	return nil
}

// zrandWalk goes through all members and takes n of them, each with equal chance.
func zrandWalk(v zset.View, n int, r zsetReply) {
	r.begin(n)
	left := v.Len()
	for it, more := v.From(0); more && n > 0; more = it.Next() {
		if rand.IntN(left) < n {
			r.addAt(&it)
			n--
		}
		left--
	}
}

// zrandDraw draws n different members, few of all.
func zrandDraw(v zset.View, n int, r zsetReply) {
	r.begin(n)
	drawn := make(map[int]struct{}, n)
	for len(drawn) < n {
		rank := rand.IntN(v.Len())
		if _, again := drawn[rank]; again {
			continue
		}
		drawn[rank] = struct{}{}
		it, _ := v.From(rank)
		r.addAt(&it)
	}
}

// ZSCAN key cursor [MATCH pattern] [COUNT count]
func cmdZScan(c *Ctx) error {
	cursor, ok := parseCursor(c.Args[2])
	if !ok {
		return resp.Errorf("ERR invalid cursor")
	}
	v, there, err := c.readZSet(c.Args[1])
	if err != nil {
		return err
	}
	var o scanOptions
	if there {
		if o, err = parseScanOptions(c.Args[3:], false); err != nil {
			return err
		}
	}
	if z := v.Set(); z != nil {
		c.zscanSet(z, cursor, &o)
		return nil
	}
	out := c.Scratch[:0]
	n := 0
	if lp := v.Packed(); lp != nil {
		out, n = c.zscanPacked(out, lp, o.match)
	}
	c.zscanReply(0, out, n)
	return nil
}

// zscanReply replies with n bulk strings that are already encoded.
func (c *Ctx) zscanReply(next uint64, encoded []byte, n int) {
	c.Out.Array(2)
	c.Out.BulkString(strconv.FormatUint(next, 10))
	c.Out.Array(n)
	c.Out.Raw(encoded)
	c.Scratch = encoded
}

// zscanPacked encodes all of a packed set that matches.
func (c *Ctx) zscanPacked(out, lp, match []byte) ([]byte, int) {
	w := resp.Writer{Buf: out}
	n := 0
	var digits [20]byte
	for at := listpack.First(lp); at >= 0; {
		member := listpack.Get(lp, at).Bytes(digits[:])
		fits := match == nil || glob.Match(match, member)
		if fits {
			w.Bulk(member)
		}
		at = listpack.Next(lp, at)
		if fits {
			w.Bulk(listpack.Get(lp, at).Bytes(digits[:]))
			n += 2
		}
		at = listpack.Next(lp, at)
	}
	return w.Buf, n
}

// zscanSet is one step through a big set. Cursors are the places of Set.Scan.
func (c *Ctx) zscanSet(z *zset.Set, cursor uint64, o *scanOptions) {
	w := resp.Writer{Buf: c.Scratch[:0]}
	n := 0
	var digits [40]byte
	next := z.Scan(uint32(cursor), o.count, func(member []byte, score float64) {
		if o.match != nil && !glob.Match(o.match, member) {
			return
		}
		w.Bulk(member)
		w.Bulk(appendG17(digits[:0], score))
		n += 2
	})
	c.zscanReply(uint64(next), w.Buf, n)
}

// appendG17 prints as C's %.17g does: ZSCAN's form for big sets.
func appendG17(dst []byte, f float64) []byte {
	if math.IsInf(f, 0) {
		return resp.AppendDouble(dst, f)
	}
	text := strconv.AppendFloat(dst, f, 'g', 17, 64)
	if e := bytes.IndexByte(text[len(dst):], 'e'); e < 0 && bytes.IndexByte(text[len(dst):], '.') >= 0 {
		text = bytes.TrimRight(text, "0")
		text = bytes.TrimSuffix(text, []byte("."))
	}
	return text
}
