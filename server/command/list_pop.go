package command

import (
	"time"

	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/list"
)

func listPopCommands() []Row {
	return []Row{
		{Name: "LPOP", Run: func(c *Ctx) error { return cmdPop(c, true) }},
		{Name: "RPOP", Run: func(c *Ctx) error { return cmdPop(c, false) }},
		{Name: "LMPOP", Run: cmdLMPop},
		{Name: "LMOVE", Run: cmdLMove},
		{Name: "RPOPLPUSH", Run: func(c *Ctx) error { return c.move(false, true) }},
		{Name: "BLPOP", Run: func(c *Ctx) error { return cmdBlockingPop(c, true) }},
		{Name: "BRPOP", Run: func(c *Ctx) error { return cmdBlockingPop(c, false) }},
		{Name: "BLMPOP", Run: cmdBLMPop},
		{Name: "BLMOVE", Run: cmdBLMove},
		{Name: "BRPOPLPUSH", Run: func(c *Ctx) error { return c.blockingMove(3, false, true, c.effectOfRPopLPush) }},
	}
}

// LPOP key [count], and RPOP alike
func cmdPop(c *Ctx, front bool) error {
	if len(c.Args) > 3 {
		return resp.Errorf("ERR wrong number of arguments for '%s' command", c.Cmd.Full)
	}
	count, hasCount := int64(1), len(c.Args) == 3
	if hasCount {
		var ok bool
		if count, ok = resp.ParseInt(c.Args[2]); !ok || count < 0 {
			return resp.Errorf("ERR value is out of range, must be positive")
		}
	}
	e, there, err := c.FindKind(c.Args[1], keyspace.List)
	switch {
	case err != nil:
		return err
	case !there && hasCount:
		c.Out.NullArray()
		return nil
	case !there:
		c.Out.Null()
		return nil
	case count == 0:
		c.Out.Array(0)
		return nil
	}
	if !hasCount {
		c.writeElement(endOf(e, front))
	}
	return c.pop(c.Args[1], e, front, count, hasCount)
}

// endOf is the first element of a list, or the last.
func endOf(e keyspace.Entry, front bool) listpack.Element {
	lp := e.Bytes()
	switch {
	case lp == nil && front:
		return viewList(e).At(0)
	case lp == nil:
		return viewList(e).At(listLen(e) - 1)
	case front:
		return listpack.Get(lp, listpack.First(lp))
	}
	return listpack.Get(lp, listpack.Last(lp))
}

// pop takes elements away from one end, at most count of them; reply says whether to
// write them, as an array.
func (c *Ctx) pop(key []byte, e keyspace.Entry, front bool, count int64, reply bool) error {
	had := listLen(e)
	n := int(min(count, int64(had)))
	first := 0
	if !front {
		first = had - n
	}
	if reply {
		c.writeRange(e, first, n, !front)
	}
	c.AddDirty(n - 1)
	if n == had {
		c.Changed(List, popEvent(front), key)
		c.DropEmpty(key)
		return nil
	}
	if err := c.deleteRange(key, e, first, n); err != nil {
		return err
	}
	c.Changed(List, popEvent(front), key)
	return nil
}

func popEvent(front bool) string {
	if front {
		return "lpop"
	}
	return "rpop"
}

// deleteRange removes n elements, not all, from first on.
func (c *Ctx) deleteRange(key []byte, e keyspace.Entry, first, n int) error {
	if lp := e.Bytes(); lp != nil {
		c.Scratch = append(c.Scratch[:0], lp...)
		c.Scratch = listpack.Delete(c.Scratch, listpack.Seek(c.Scratch, first), n)
		return c.StoreBlob(key, keyspace.List, keyspace.Listpack, c.Scratch)
	}
	l := c.openList(key, e)
	l.Delete(first, n)
	l.Shrink(c.Opt.ListMaxSize, false)
	return c.storeList(&l)
}

// mpopOptions are what LMPOP and BLMPOP take.
type mpopOptions struct {
	keys  [][]byte
	front bool
	count int64
}

// parseMPop reads numkeys key [key ...] LEFT | RIGHT [COUNT count].
func parseMPop(args [][]byte) (o mpopOptions, err error) {
	n, ok := resp.ParseInt(args[0])
	if !ok || n < 1 {
		return o, resp.Errorf("ERR numkeys should be greater than 0")
	}
	if n >= int64(len(args)-1) {
		return o, resp.ErrSyntax
	}
	o.keys, args = args[1:1+n], args[1+n:]
	if o.front, err = parseEnd(args[0]); err != nil {
		return o, err
	}
	for args = args[1:]; len(args) > 0; args = args[2:] {
		if len(args) < 2 || o.count != 0 || !fold(args[0], "COUNT") {
			return o, resp.ErrSyntax
		}
		if o.count, ok = resp.ParseInt(args[1]); !ok || o.count < 1 {
			return o, resp.Errorf("ERR count should be greater than 0")
		}
	}
	o.count = max(o.count, 1)
	return o, nil
}

// parseEnd reads LEFT or RIGHT.
func parseEnd(arg []byte) (front bool, err error) {
	switch {
	case fold(arg, "LEFT"):
		return true, nil
	case fold(arg, "RIGHT"):
		return false, nil
	}
	return false, resp.ErrSyntax
}

// LMPOP numkeys key [key ...] LEFT | RIGHT [COUNT count]
func cmdLMPop(c *Ctx) error {
	o, err := parseMPop(c.Args[1:])
	if err != nil {
		return err
	}
	key, e, there, err := c.firstList(o.keys)
	if err != nil {
		return err
	}
	if !there {
		c.Out.NullArray()
		return nil
	}
	return c.popWithKey(key, e, o.front, o.count)
}

// firstList is the first of the keys that has a list.
func (c *Ctx) firstList(keys [][]byte) (key []byte, e keyspace.Entry, there bool, err error) {
	for _, key = range keys {
		if e, there, err = c.FindKind(key, keyspace.List); there || err != nil {
			return key, e, there, err
		}
	}
	return nil, e, false, nil
}

// popWithKey is pop that replies with the key, too, and propagates as LPOP or RPOP.
func (c *Ctx) popWithKey(key []byte, e keyspace.Entry, front bool, count int64) error {
	n := min(count, int64(listLen(e)))
	c.Effect(popWord(front), key, decimal(int(n)))
	c.Out.Array(2)
	c.Out.Bulk(key)
	return c.pop(key, e, front, n, true)
}

func popWord(front bool) []byte {
	if front {
		return wordLPOP
	}
	return wordRPOP
}

// BLPOP key [key ...] timeout, and BRPOP alike
func cmdBlockingPop(c *Ctx, front bool) error {
	last := len(c.Args) - 1
	timeout, err := c.TimeoutSeconds(c.Args[last])
	if err != nil {
		return err
	}
	keys := c.Args[1:last]
	key, e, there, err := c.firstList(keys)
	if err != nil {
		return err
	}
	if !there {
		return c.awaitList(keys, timeout)
	}
	c.Effect(popWord(front), key)
	c.Out.Array(2)
	c.Out.Bulk(key)
	c.writeElement(endOf(e, front))
	return c.pop(key, e, front, 1, false)
}

// awaitList waits for one of the keys to get a list.
func (c *Ctx) awaitList(keys [][]byte, timeout time.Duration) error {
	if !c.Block(Wait{Kind: keyspace.List, Keys: keys, Timeout: timeout}) {
		c.Out.NullArray()
	}
	return nil
}

// BLMPOP timeout numkeys key [key ...] LEFT | RIGHT [COUNT count]
func cmdBLMPop(c *Ctx) error {
	o, err := parseMPop(c.Args[2:])
	if err != nil {
		return err
	}
	timeout, err := c.TimeoutSeconds(c.Args[1])
	if err != nil {
		return err
	}
	key, e, there, err := c.firstList(o.keys)
	if err != nil {
		return err
	}
	if !there {
		return c.awaitList(o.keys, timeout)
	}
	return c.popWithKey(key, e, o.front, o.count)
}

// LMOVE source destination LEFT | RIGHT LEFT | RIGHT
func cmdLMove(c *Ctx) error {
	from, to, err := parseEnds(c.Args[3], c.Args[4])
	if err != nil {
		return err
	}
	return c.move(from, to)
}

func parseEnds(a, b []byte) (from, to bool, err error) {
	if from, err = parseEnd(a); err != nil {
		return false, false, err
	}
	to, err = parseEnd(b)
	return from, to, err
}

// move takes an element from one end of a list and adds it to one of another; null if
// there is none.
func (c *Ctx) move(from, to bool) error {
	e, there, err := c.FindKind(c.Args[1], keyspace.List)
	if err != nil {
		return err
	}
	if !there {
		c.Out.Null()
		return nil
	}
	return c.moveElement(e, from, to)
}

// BLMOVE source destination LEFT | RIGHT LEFT | RIGHT timeout
func cmdBLMove(c *Ctx) error {
	from, to, err := parseEnds(c.Args[3], c.Args[4])
	if err != nil {
		return err
	}
	return c.blockingMove(5, from, to, func() {
		c.Effect(wordLMOVE, c.Args[1], c.Args[2], c.Args[3], c.Args[4])
	})
}

func (c *Ctx) effectOfRPopLPush() { c.Effect(wordRPOPLPUSH, c.Args[1], c.Args[2]) }

// blockingMove is move that waits for the source, until the timeout that is argument
// number at.
func (c *Ctx) blockingMove(at int, from, to bool, effect func()) error {
	timeout, err := c.TimeoutSeconds(c.Args[at])
	if err != nil {
		return err
	}
	e, there, err := c.FindKind(c.Args[1], keyspace.List)
	if err != nil {
		return err
	}
	if !there {
		if !c.Block(Wait{Kind: keyspace.List, Keys: c.Args[1:2], Timeout: timeout}) {
			c.Out.Null()
		}
		return nil
	}
	if err := c.moveElement(e, from, to); err != nil {
		return err
	}
	effect()
	return nil
}

// moveElement moves an element of the list at e, which is the first argument's, to the
// second's.
func (c *Ctx) moveElement(e keyspace.Entry, from, to bool) error {
	src, dst := c.Args[1], c.Args[2]
	target, there, err := c.FindKind(dst, keyspace.List)
	if err != nil {
		return err
	}
	elem := endOf(e, from)
	var buf [128]byte
	s, bytes := elem.Append(buf[:0]), elem.Len()
	if elem.IsInt {
		bytes = 0 // as Redis counts what it took out as a number
	}
	if string(src) == string(dst) {
		return c.rotate(e, s, from, to, bytes)
	}
	if _, err := c.push(dst, target, there, to, [][]byte{s}, bytes); err != nil {
		return err
	}
	c.Host.Touch(c.DBIndex, dst)
	c.Host.Notify(List, pushEvent(to), dst, c.DBIndex)
	c.Out.Bulk(s)
	e, _ = c.DB.Peek(src) // the push may have moved it
	return c.pop(src, e, from, 1, false)
}

// rotate moves an element within a list.
func (c *Ctx) rotate(e keyspace.Entry, s []byte, from, to bool, bytes int) error {
	key := c.Args[1]
	var err error
	if lp := e.Bytes(); lp != nil && list.Fits(c.Opt.ListMaxSize, len(lp)+bytes, listpack.Len(lp)) {
		err = c.rotateSmall(lp, s, from, to)
	} else {
		err = c.rotateBig(e, s, from, to, bytes)
	}
	if err != nil {
		return err
	}
	c.Host.Touch(c.DBIndex, key)
	c.Host.Notify(List, pushEvent(to), key, c.DBIndex)
	c.Changed(List, popEvent(from), key)
	c.Out.Bulk(s)
	return nil
}

// rotateSmall is rotate of a blob that stays one: it gets no longer.
func (c *Ctx) rotateSmall(blob, s []byte, from, to bool) error {
	lp := append(c.Scratch[:0], blob...)
	if from {
		lp = listpack.Delete(lp, listpack.First(lp), 1)
	} else {
		lp = listpack.Delete(lp, listpack.Last(lp), 1)
	}
	if to {
		lp = listpack.Prepend(lp, s)
	} else {
		lp = listpack.Append(lp, s)
	}
	c.Scratch = lp
	return c.StoreBlob(c.Args[1], keyspace.List, keyspace.Listpack, lp)
}

func (c *Ctx) rotateBig(e keyspace.Entry, s []byte, from, to bool, bytes int) error {
	l := c.openList(c.Args[1], e)
	if from {
		l.Delete(0, 1)
	} else {
		l.Delete(l.Len()-1, 1)
	}
	c.growList(&l, bytes, 1)
	l.Push(s, to)
	l.Shrink(c.Opt.ListMaxSize, false)
	return c.storeList(&l)
}
