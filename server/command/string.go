package command

import (
	"math"
	"strconv"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// StringCommands: https://redis.io/docs/latest/commands/?group=string
func StringCommands() []Row {
	return []Row{
		{Name: "GET", Run: cmdGet},
		{Name: "SET", Run: cmdSet},
		{Name: "SETNX", Run: cmdSetNX},
		{Name: "SETEX", Run: func(c *Ctx) error { return cmdSetEX(c, timeForm{seconds: true}) }},
		{Name: "PSETEX", Run: func(c *Ctx) error { return cmdSetEX(c, timeForm{}) }},
		{Name: "GETSET", Run: cmdGetSet},
		{Name: "GETDEL", Run: cmdGetDel},
		{Name: "GETEX", Run: cmdGetEX},
		{Name: "MGET", Run: cmdMGet},
		{Name: "MSET", Run: cmdMSet},
		{Name: "MSETNX", Run: cmdMSetNX},
		{Name: "STRLEN", Run: cmdStrLen},
		{Name: "APPEND", Run: cmdAppend},
		{Name: "GETRANGE", Run: cmdGetRange},
		{Name: "SUBSTR", Run: cmdGetRange},
		{Name: "SETRANGE", Run: cmdSetRange},
		{Name: "INCR", Run: func(c *Ctx) error { return c.increment(1) }},
		{Name: "DECR", Run: func(c *Ctx) error { return c.increment(-1) }},
		{Name: "INCRBY", Run: cmdIncrBy},
		{Name: "DECRBY", Run: cmdDecrBy},
		{Name: "INCRBYFLOAT", Run: cmdIncrByFloat},
		{Name: "LCS", Run: cmdLCS},
	}
}

// GET key
func cmdGet(c *Ctx) error {
	val, ok, err := c.ReadString(c.Args[1])
	if err != nil {
		return err
	}
	c.bulkOrNull(val, ok)
	return nil
}

func (c *Ctx) bulkOrNull(val []byte, ok bool) {
	if ok {
		c.Out.Bulk(val)
	} else {
		c.Out.Null()
	}
}

// SET key value [NX | XX] [GET] [EX s | PX ms | EXAT unix-s | PXAT unix-ms | KEEPTTL]
func cmdSet(c *Ctx) error {
	key, val := c.Args[1], c.Args[2]
	if len(c.Args) == 3 {
		c.overwrites(key)
		if err := c.Store(key, val, keyspace.SetOpt{}); err != nil {
			return err
		}
		c.Changed(String, "set", key)
		c.Out.Status("OK")
		return nil
	}
	o, err := parseStringOptions(c.Args[3:], true)
	if err != nil {
		return err
	}
	return c.setWith(key, val, &o)
}

// setWith is SET with options.
func (c *Ctx) setWith(key, val []byte, o *stringOptions) error {
	var when int64
	if o.expireArg != nil {
		var err error
		if when, err = c.unixMS(o.expireArg, o.form, true); err != nil {
			return err
		}
	}
	there, err := c.replyOld(key, o)
	if err != nil {
		return err
	}
	if o.nx && there || o.xx && !there {
		if !o.get {
			c.Out.Null()
		}
		return nil
	}
	if err := c.Store(key, val, keyspace.SetOpt{KeepTTL: o.keepTTL, ExpireAt: when}); err != nil {
		return err
	}
	c.Changed(String, "set", key)
	if o.expireArg != nil {
		c.Host.Notify(Generic, "expire", key, c.DBIndex)
	}
	c.setEffect(key, val, when, o)
	if !o.get {
		c.Out.Status("OK")
	}
	return nil
}

// replyOld answers SET's GET and tells whether the key exists, where it matters.
func (c *Ctx) replyOld(key []byte, o *stringOptions) (there bool, err error) {
	if o.get {
		val, ok, err := c.ReadString(key)
		if err != nil {
			return false, err
		}
		c.bulkOrNull(val, ok)
		return ok, nil
	}
	if o.nx || o.xx {
		_, there = c.Find(key)
	} else {
		c.overwrites(key)
	}
	return there, nil
}

// overwrites notes that a key is used by a command that does not look at it.
func (c *Ctx) overwrites(key []byte) {
	if c.Opt.LFU {
		c.Find(key)
	}
}

// setEffect propagates SET with an absolute time and without GET.
func (c *Ctx) setEffect(key, val []byte, when int64, o *stringOptions) {
	switch {
	case o.expireArg != nil:
		c.Effect(wordSET, key, val, wordPXAT, strconv.AppendInt(nil, when, 10))
	case o.get:
		c.Effect(withoutGet(c.Args)...)
	}
}

// withoutGet is SET's arguments without GET, which only concerns the reply.
func withoutGet(args [][]byte) [][]byte {
	kept := append(make([][]byte, 0, len(args)), args[:3]...)
	for _, a := range args[3:] {
		if !fold(a, "GET") {
			kept = append(kept, a)
		}
	}
	return kept
}

// SETNX key value
func cmdSetNX(c *Ctx) error {
	key := c.Args[1]
	if _, there := c.Find(key); there {
		c.Out.Int(0)
		return nil
	}
	if err := c.Store(key, c.Args[2], keyspace.SetOpt{}); err != nil {
		return err
	}
	c.Changed(String, "set", key)
	c.Out.Int(1)
	return nil
}

// SETEX key seconds value, and PSETEX alike
func cmdSetEX(c *Ctx, f timeForm) error {
	return c.setWith(c.Args[1], c.Args[3], &stringOptions{expireArg: c.Args[2], form: f})
}

// GETSET key value
func cmdGetSet(c *Ctx) error {
	key := c.Args[1]
	val, ok, err := c.ReadString(key)
	if err != nil {
		return err
	}
	c.bulkOrNull(val, ok)
	c.overwrites(key)
	if err := c.Store(key, c.Args[2], keyspace.SetOpt{}); err != nil {
		return err
	}
	c.Effect(wordSET, key, c.Args[2])
	c.Changed(String, "set", key)
	return nil
}

// GETDEL key
func cmdGetDel(c *Ctx) error {
	key := c.Args[1]
	val, ok, err := c.ReadString(key)
	if err != nil {
		return err
	}
	c.bulkOrNull(val, ok)
	if !ok {
		return nil
	}
	c.DB.Delete(key)
	c.Effect(wordDEL, key)
	c.Changed(Generic, "del", key)
	return nil
}

// GETEX key [EX s | PX ms | EXAT unix-s | PXAT unix-ms | PERSIST]
func cmdGetEX(c *Ctx) error {
	key := c.Args[1]
	o, err := parseStringOptions(c.Args[2:], false)
	if err != nil {
		return err
	}
	val, ok, err := c.ReadString(key)
	if err != nil {
		return err
	}
	if !ok {
		c.Out.Null()
		return nil
	}
	var when int64
	if o.expireArg != nil {
		if when, err = c.unixMS(o.expireArg, o.form, true); err != nil {
			return err
		}
	}
	c.Out.Bulk(val)
	switch {
	case o.expireArg != nil:
		return c.expireAt(key, when)
	case o.persist && c.DB.Persist(key):
		c.Effect(wordPERSIST, key)
		c.Changed(Generic, "persist", key)
	}
	return nil
}

// MGET key [key ...]
func cmdMGet(c *Ctx) error {
	c.Out.Array(len(c.Args) - 1)
	for i, key := range c.Args[1:] {
		c.warm(1+i, 1)
		val, ok, err := c.ReadString(key)
		c.bulkOrNull(val, ok && err == nil)
	}
	return nil
}

// MSET key value [key value ...]
func cmdMSet(c *Ctx) error {
	if len(c.Args)%2 == 0 {
		return resp.Errorf("ERR wrong number of arguments for 'mset' command")
	}
	if err := c.storePairs(); err != nil {
		return err
	}
	c.Out.Status("OK")
	return nil
}

// MSETNX key value [key value ...]
func cmdMSetNX(c *Ctx) error {
	if len(c.Args)%2 == 0 {
		return resp.Errorf("ERR wrong number of arguments for 'msetnx' command")
	}
	for i := 1; i < len(c.Args); i += 2 {
		if _, there := c.Find(c.Args[i]); there {
			c.Out.Int(0)
			return nil
		}
	}
	if err := c.storePairs(); err != nil {
		return err
	}
	c.Out.Int(1)
	return nil
}

func (c *Ctx) storePairs() error {
	for i := 1; i < len(c.Args); i += 2 {
		c.warm(i, 2)
		c.overwrites(c.Args[i])
		if err := c.Store(c.Args[i], c.Args[i+1], keyspace.SetOpt{}); err != nil {
			return err
		}
		c.Changed(String, "set", c.Args[i])
	}
	return nil
}

// STRLEN key
func cmdStrLen(c *Ctx) error {
	val, _, err := c.ReadString(c.Args[1])
	if err != nil {
		return err
	}
	c.Out.Int(int64(len(val)))
	return nil
}

var errTooLong = resp.Errorf("ERR string exceeds maximum allowed size (proto-max-bulk-len)")

// APPEND key value
func cmdAppend(c *Ctx) error {
	key, suffix := c.Args[1], c.Args[2]
	e, there, err := c.FindString(key)
	if err != nil {
		return err
	}
	if !there {
		if err := c.Store(key, suffix, keyspace.SetOpt{}); err != nil {
			return err
		}
		c.Changed(String, "append", key)
		c.Out.Int(int64(len(suffix)))
		return nil
	}
	if int64(len(e.Bytes()))+int64(len(suffix)) > c.Opt.ProtoMaxBulkLen {
		return errTooLong
	}
	n, err := c.DB.Append(key, suffix)
	if err != nil {
		return err
	}
	c.Changed(String, "append", key)
	c.Out.Int(int64(n))
	return nil
}

// GETRANGE key start end, and SUBSTR alike
func cmdGetRange(c *Ctx) error {
	start, ok1 := resp.ParseInt(c.Args[2])
	end, ok2 := resp.ParseInt(c.Args[3])
	if !ok1 || !ok2 {
		return resp.ErrNotInteger
	}
	val, _, err := c.ReadString(c.Args[1])
	if err != nil {
		return err
	}
	c.Out.Bulk(slice(val, start, end))
	return nil
}

// slice is val[start:end+1] with Redis's negative indices and clamping.
func slice(val []byte, start, end int64) []byte {
	n := int64(len(val))
	if start < 0 && end < 0 && start > end {
		return nil
	}
	if start < 0 {
		start = max(n+start, 0)
	}
	if end < 0 {
		end = max(n+end, 0)
	}
	end = min(end, n-1)
	if n == 0 || start > end {
		return nil
	}
	return val[start : end+1]
}

// SETRANGE key offset value
func cmdSetRange(c *Ctx) error {
	key, patch := c.Args[1], c.Args[3]
	offset, ok := resp.ParseInt(c.Args[2])
	if !ok {
		return resp.ErrNotInteger
	}
	if offset < 0 {
		return resp.Errorf("ERR offset is out of range")
	}
	e, there, err := c.FindString(key)
	if err != nil {
		return err
	}
	size := 0
	if there {
		size = len(e.Bytes())
	}
	if len(patch) == 0 {
		c.Out.Int(int64(size))
		return nil
	}
	if offset > c.Opt.ProtoMaxBulkLen || offset+int64(len(patch)) > c.Opt.ProtoMaxBulkLen {
		return errTooLong
	}
	size, err = c.overwrite(key, there, size, int(offset), patch)
	if err != nil {
		return err
	}
	c.Changed(String, "setrange", key)
	c.Out.Int(int64(size))
	return nil
}

// overwrite puts patch at offset of the string at key, which has size bytes, and
// returns its new size.
func (c *Ctx) overwrite(key []byte, there bool, size, offset int, patch []byte) (int, error) {
	size = max(size, offset+len(patch))
	if !there {
		if err := c.StoreAs(key, nil, keyspace.Raw, keyspace.SetOpt{}); err != nil {
			return 0, err
		}
	}
	val, _, err := c.DB.Update(key, size, keyspace.Raw)
	if err != nil {
		return 0, err
	}
	copy(val[offset:], patch)
	return size, nil
}

// INCRBY key increment
func cmdIncrBy(c *Ctx) error {
	by, ok := resp.ParseInt(c.Args[2])
	if !ok {
		return resp.ErrNotInteger
	}
	return c.increment(by)
}

// DECRBY key decrement
func cmdDecrBy(c *Ctx) error {
	by, ok := resp.ParseInt(c.Args[2])
	if !ok {
		return resp.ErrNotInteger
	}
	if by == math.MinInt64 {
		return resp.Errorf("ERR decrement would overflow")
	}
	return c.increment(-by)
}

// increment adds by to the integer at key, which counts from zero.
func (c *Ctx) increment(by int64) error {
	key := c.Args[1]
	e, there, err := c.FindString(key)
	if err != nil {
		return err
	}
	var v int64
	if there {
		var ok bool
		if v, ok = resp.ParseInt(e.Bytes()); !ok {
			return resp.ErrNotInteger
		}
	}
	if by < 0 && v < math.MinInt64-by || by > 0 && v > math.MaxInt64-by {
		return resp.Errorf("ERR increment or decrement would overflow")
	}
	v += by
	var buf [20]byte
	text := strconv.AppendInt(buf[:0], v, 10)
	if there {
		val, _, err := c.DB.Update(key, len(text), keyspace.Int)
		if err != nil {
			return err
		}
		copy(val, text)
	} else if err := c.StoreAs(key, text, keyspace.Int, keyspace.SetOpt{}); err != nil {
		return err
	}
	c.Changed(String, "incrby", key)
	c.Out.Int(v)
	return nil
}
