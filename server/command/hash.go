package command

import (
	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/hash"
)

// HashCommands: https://redis.io/docs/latest/commands/?group=hash
func HashCommands() []Row {
	rows := []Row{
		{Name: "HSET", Run: func(c *Ctx) error { return cmdHSet(c, func(added int) { c.Out.Int(int64(added)) }) }},
		{Name: "HMSET", Run: func(c *Ctx) error { return cmdHSet(c, func(int) { c.Out.Status("OK") }) }},
		{Name: "HSETNX", Run: cmdHSetNX},
		{Name: "HGET", Run: cmdHGet},
		{Name: "HMGET", Run: cmdHMGet},
		{Name: "HGETALL", Run: cmdHGetAll},
		{Name: "HKEYS", Run: func(c *Ctx) error { return cmdHalves(c, true) }},
		{Name: "HVALS", Run: func(c *Ctx) error { return cmdHalves(c, false) }},
		{Name: "HLEN", Run: cmdHLen},
		{Name: "HSTRLEN", Run: cmdHStrLen},
		{Name: "HEXISTS", Run: cmdHExists},
		{Name: "HDEL", Run: cmdHDel},
		{Name: "HINCRBY", Run: cmdHIncrBy},
		{Name: "HINCRBYFLOAT", Run: cmdHIncrByFloat},
		{Name: "HRANDFIELD", Run: cmdHRandField},
		{Name: "HSCAN", Run: cmdHScan},
	}
	return append(rows, fieldExpiryCommands()...)
}

// HSET key field value [field value ...], and HMSET alike
func cmdHSet(c *Ctx, reply func(added int)) error {
	key, pairs := c.Args[1], c.Args[2:]
	if len(pairs)%2 != 0 {
		return resp.Errorf("ERR wrong number of arguments for '%s' command", c.Cmd.Full)
	}
	v, _, err := c.findHashEach(key, pairs, 2)
	if err != nil {
		return err
	}
	added, err := c.hashSet(key, v, pairs, false)
	if err != nil {
		return err
	}
	c.Changed(Hash, "hset", key)
	c.AddDirty(len(pairs)/2 - 1)
	reply(added)
	return nil
}

// HSETNX key field value
func cmdHSetNX(c *Ctx) error {
	key := c.Args[1]
	v, _, err := c.findHash(key, c.Args[2])
	if err != nil {
		return err
	}
	if _, there := v.get(c.Args[2]); there {
		c.Out.Int(0)
		return nil
	}
	if _, err := c.hashSet(key, v, c.Args[2:], false); err != nil {
		return err
	}
	c.Changed(Hash, "hset", key)
	c.Out.Int(1)
	return nil
}

// HGET key field
func cmdHGet(c *Ctx) error {
	v, _, err := c.readHash(c.Args[1])
	if err != nil {
		return err
	}
	c.elementOrNull(v.get(c.Args[2]))
	return nil
}

func (c *Ctx) elementOrNull(e listpack.Element, ok bool) {
	if ok {
		c.writeElement(e)
	} else {
		c.Out.Null()
	}
}

// HMGET key field [field ...]
func cmdHMGet(c *Ctx) error {
	v, _, err := c.readHash(c.Args[1])
	if err != nil {
		return err
	}
	c.Out.Array(len(c.Args) - 2)
	for _, field := range c.Args[2:] {
		c.elementOrNull(v.get(field))
	}
	return nil
}

// HGETALL key
func cmdHGetAll(c *Ctx) error {
	v, _, err := c.readHash(c.Args[1])
	if err != nil {
		return err
	}
	c.Out.Map(v.len())
	if v.big == nil {
		c.writeElements(v.lp, v.first(), 2*v.len(), false)
		return nil
	}
	for field, val := range v.live {
		c.Out.Bulk(field)
		c.Out.Bulk(val)
	}
	return nil
}

// HKEYS key, and HVALS alike
func cmdHalves(c *Ctx, fields bool) error {
	v, _, err := c.readHash(c.Args[1])
	if err != nil {
		return err
	}
	c.Out.Array(v.len())
	if v.big == nil {
		at := v.first()
		if !fields && at >= 0 {
			at = listpack.Next(v.lp, at)
		}
		c.writeElements(v.lp, at, v.len(), true)
		return nil
	}
	for field, val := range v.live {
		if !fields {
			field = val
		}
		c.Out.Bulk(field)
	}
	return nil
}

// HLEN key
func cmdHLen(c *Ctx) error {
	v, _, err := c.readHash(c.Args[1])
	if err != nil {
		return err
	}
	if v.big != nil {
		c.Out.Int(int64(v.big.Len())) // as Redis: with what nobody has found expired yet
		return nil
	}
	c.Out.Int(int64(v.len()))
	return nil
}

// HSTRLEN key field
func cmdHStrLen(c *Ctx) error {
	v, _, err := c.readHash(c.Args[1])
	if err != nil {
		return err
	}
	e, _ := v.get(c.Args[2])
	c.Out.Int(int64(e.Len()))
	return nil
}

// HEXISTS key field
func cmdHExists(c *Ctx) error {
	v, _, err := c.readHash(c.Args[1])
	if err != nil {
		return err
	}
	_, ok := v.get(c.Args[2])
	c.Out.Int(boolInt(ok))
	return nil
}

func boolInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// HDEL key field [field ...]
func cmdHDel(c *Ctx) error {
	key := c.Args[1]
	v, _, err := c.findHash(key, c.Args[2:]...)
	if err != nil {
		return err
	}
	n, err := c.hashDelete(key, v, c.Args[2:])
	if err != nil {
		return err
	}
	if n > 0 {
		c.hashDeleted(key, n)
	}
	c.Out.Int(int64(n))
	return nil
}

// hashView is a hash to read: a listpack, or an Object. The zero hashView has no
// fields.
type hashView struct {
	lp  []byte
	big *hash.Hash
	now int64 // fields that expired before are not shown

	entry keyspace.Entry // it was found as
}

// mutable returns a big hash for the caller to change, as [keyspace.DB.MutableObject]
// does; nothing else may have changed since it was found.
func (v *hashView) mutable() *hash.Hash {
	v.entry.MutableObject()
	return v.big
}

// readHash finds the hash at key for a command that reads it.
func (c *Ctx) readHash(key []byte) (v hashView, there bool, err error) {
	e, there, err := c.ReadKind(key, keyspace.Hash)
	if err != nil || !there {
		return hashView{}, false, err
	}
	return c.viewHash(key, e)
}

// findHash finds the hash at key for a command that may change it. Those of the
// fields, if any are given, that have expired are deleted.
func (c *Ctx) findHash(key []byte, fields ...[]byte) (v hashView, there bool, err error) {
	return c.findHashEach(key, fields, 1)
}

// findHashEach is findHash with the fields at each step-th place.
func (c *Ctx) findHashEach(key []byte, fields [][]byte, step int) (v hashView, there bool, err error) {
	e, there, err := c.FindKind(key, keyspace.Hash)
	if err != nil || !there {
		return hashView{}, false, err
	}
	v, there, err = c.viewHash(key, e)
	if v.big == nil || !v.big.Due(v.now) || !c.isMaster() {
		return v, there, err
	}
	var gone [][]byte
	for i := 0; i < len(fields); i += step {
		if v.big.Expired(fields[i], v.now) {
			gone = append(gone, fields[i])
		}
	}
	if len(gone) > 0 && !c.expireFields(key, gone) {
		return hashView{}, false, nil
	}
	return v, there, err
}

func (c *Ctx) viewHash(key []byte, e keyspace.Entry) (v hashView, there bool, err error) {
	obj := e.Object()
	if obj == nil {
		return hashView{lp: e.Bytes()}, true, nil
	}
	v = hashView{big: obj.(*hash.Hash), now: c.hiddenBefore(), entry: e}
	if v.big.Due(v.now) && c.isMaster() && v.big.Expiring() <= reapAtOnce && !c.reapHash(key, reapAtOnce) {
		return hashView{}, false, nil
	}
	return v, true, nil
}

// hiddenBefore is the time before which fields expired that are not shown.
func (c *Ctx) hiddenBefore() int64 {
	if c.Space.ExpirePolicy() == keyspace.ExpireKeep {
		return 0
	}
	return c.Now
}

// len returns the number of fields that are shown.
func (v *hashView) len() int {
	if v.big != nil {
		return v.big.Live(v.now)
	}
	if v.lp == nil {
		return 0
	}
	return listpack.Len(v.lp) / 2
}

// first returns the place of the first field in the listpack, if that is what v is.
func (v *hashView) first() int {
	if v.lp == nil {
		return -1
	}
	return listpack.First(v.lp)
}

// get returns the value of a field.
func (v *hashView) get(field []byte) (val listpack.Element, ok bool) {
	if v.big != nil {
		s, ok := v.big.Get(field)
		return listpack.Element{Str: s}, ok && !v.big.Expired(field, v.now)
	}
	at := v.find(field)
	if at < 0 {
		return listpack.Element{}, false
	}
	return listpack.Get(v.lp, listpack.Next(v.lp, at)), true
}

// find returns where a field is in the listpack.
func (v *hashView) find(field []byte) int {
	return listpack.Find(v.lp, v.first(), field, 1)
}

// live visits the fields of a big hash that are shown.
func (v *hashView) live(yield func(field, val []byte) bool) {
	due := v.big.Due(v.now)
	for field, val := range v.big.All() {
		if due && v.big.Expired(field, v.now) {
			continue
		}
		if !yield(field, val) {
			return
		}
	}
}
