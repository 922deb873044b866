package command

import (
	"strconv"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/zset"
)

var (
	errNotPositive = resp.Errorf("ERR value is out of range, must be positive")
	errNumKeys     = resp.Errorf("ERR numkeys should be greater than 0")
	errCountZero   = resp.Errorf("ERR count should be greater than 0")
)

// zpopForm is how a command that pops asks and is answered.
type zpopForm struct {
	max    bool
	count  int64
	name   bool // the key is part of the reply
	nested bool // members are pairs
}

// zpop is ZPOPMIN and ZPOPMAX key [count]
func (c *Ctx) zpop(isMax bool) error {
	if len(c.Args) > 3 {
		return resp.ErrSyntax
	}
	f := zpopForm{max: isMax, count: 1}
	if len(c.Args) == 3 {
		n, ok := resp.ParseInt(c.Args[2])
		if !ok || n < 0 {
			return errNotPositive
		}
		f.count, f.nested = n, c.Out.RESP3
	}
	there, err := c.zpopFirst(c.Args[1:2], &f)
	if err == nil && !there {
		c.Out.Array(0)
	}
	return err
}

// zpopFirst pops from the first key that is there, and replies. Without one it does
// neither.
func (c *Ctx) zpopFirst(keys [][]byte, f *zpopForm) (there bool, err error) {
	for _, key := range keys {
		z, there, err := c.editZSet(key)
		if err != nil {
			return false, err
		}
		if there {
			return true, c.zpopFrom(key, &z, f)
		}
	}
	return false, nil
}

// zpopFrom pops from a sorted set and replies.
func (c *Ctx) zpopFrom(key []byte, z *sortedSet, f *zpopForm) error {
	size := z.len()
	n := int(min(f.count, int64(size)))
	if n == 0 {
		c.Out.Array(0)
		return nil
	}
	mark := len(c.Out.Buf)
	f.reply(c, key, z.view(), n)
	from, event := 0, "zpopmin"
	if f.max {
		from, event = size-n, "zpopmax"
	}
	z.removeRange(from, from+n)
	if err := z.settle(c, key, event); err != nil {
		c.Out.Buf = c.Out.Buf[:mark]
		return err
	}
	c.AddDirty(n - 1)
	c.zpopEffect(key, n, f)
	return nil
}

// reply names the n members that are popped.
func (f *zpopForm) reply(c *Ctx, key []byte, v zset.View, n int) {
	f.announce(c, key, n)
	at := 0
	if f.max {
		at = v.Len() - 1
	}
	it, _ := v.From(at)
	for ; n > 0; n-- {
		if f.nested {
			c.Out.Array(2)
		}
		c.writeElement(it.Element())
		c.Out.Double(it.Score())
		switch {
		case n == 1:
		case f.max:
			it.Prev()
		default:
			it.Next()
		}
	}
}

// announce begins the reply.
func (f *zpopForm) announce(c *Ctx, key []byte, n int) {
	switch {
	case f.name && f.nested:
		c.Out.Array(2)
		c.Out.Bulk(key)
		c.Out.Array(n)
	case f.name:
		c.Out.Array(2*n + 1)
		c.Out.Bulk(key)
	case f.nested:
		c.Out.Array(n)
	default:
		c.Out.Array(2 * n)
	}
}

var (
	wordZPOPMIN = []byte("ZPOPMIN")
	wordZPOPMAX = []byte("ZPOPMAX")
)

// zpopEffect propagates what names several keys as what it did to one of them.
func (c *Ctx) zpopEffect(key []byte, n int, f *zpopForm) {
	if !f.name {
		return
	}
	word := wordZPOPMIN
	if f.max {
		word = wordZPOPMAX
	}
	if !f.nested {
		c.Effect(word, key)
		return
	}
	c.Effect(word, key, strconv.AppendInt(nil, int64(n), 10))
}

// parseZMPop reads "numkeys key [key ...] MIN | MAX [COUNT count]".
func parseZMPop(args [][]byte) (keys [][]byte, f zpopForm, err error) {
	f = zpopForm{count: 1, name: true, nested: true}
	n, ok := resp.ParseInt(args[0])
	if !ok || n < 1 {
		return nil, f, errNumKeys
	}
	args = args[1:]
	if n >= int64(len(args)) {
		return nil, f, resp.ErrSyntax
	}
	keys, args = args[:n], args[n:]
	switch {
	case fold(args[0], "MAX"):
		f.max = true
	case !fold(args[0], "MIN"):
		return nil, f, resp.ErrSyntax
	}
	switch {
	case len(args) == 1:
		return keys, f, nil
	case len(args) == 2 || !fold(args[1], "COUNT"):
		return nil, f, resp.ErrSyntax
	}
	if f.count, ok = resp.ParseInt(args[2]); !ok || f.count < 1 {
		return nil, f, errCountZero
	}
	if len(args) > 3 {
		return nil, f, resp.ErrSyntax
	}
	return keys, f, nil
}

// ZMPOP numkeys key [key ...] MIN | MAX [COUNT count]
func cmdZMPop(c *Ctx) error {
	keys, f, err := parseZMPop(c.Args[1:])
	if err != nil {
		return err
	}
	there, err := c.zpopFirst(keys, &f)
	if err == nil && !there {
		c.Out.NullArray()
	}
	return err
}

// bzpop is BZPOPMIN and BZPOPMAX key [key ...] timeout
func (c *Ctx) bzpop(isMax bool) error {
	last := len(c.Args) - 1
	return c.zpopOrWait(c.Args[1:last], c.Args[last], &zpopForm{max: isMax, count: 1, name: true})
}

// BZMPOP timeout numkeys key [key ...] MIN | MAX [COUNT count]
func cmdBZMPop(c *Ctx) error {
	keys, f, err := parseZMPop(c.Args[2:])
	if err != nil {
		return err
	}
	return c.zpopOrWait(keys, c.Args[1], &f)
}

func (c *Ctx) zpopOrWait(keys [][]byte, timeout []byte, f *zpopForm) error {
	wait, err := c.TimeoutSeconds(timeout)
	if err != nil {
		return err
	}
	there, err := c.zpopFirst(keys, f)
	if err != nil || there {
		return err
	}
	if !c.Block(Wait{Kind: keyspace.ZSet, Keys: keys, Timeout: wait}) {
		c.Out.NullArray()
	}
	return nil
}
