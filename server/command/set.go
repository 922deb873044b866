package command

import (
	"strconv"

	"github.com/vedette-ha/vedette/internal/glob"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// SetCommands: https://redis.io/docs/latest/commands/?group=set
func SetCommands() []Row {
	return []Row{
		{Name: "SADD", Run: cmdSAdd},
		{Name: "SREM", Run: cmdSRem},
		{Name: "SCARD", Run: cmdSCard},
		{Name: "SISMEMBER", Run: cmdSIsMember},
		{Name: "SMISMEMBER", Run: cmdSMIsMember},
		{Name: "SMEMBERS", Run: cmdSMembers},
		{Name: "SMOVE", Run: cmdSMove},
		{Name: "SPOP", Run: cmdSPop},
		{Name: "SRANDMEMBER", Run: cmdSRandMember},
		{Name: "SSCAN", Run: cmdSScan},
		{Name: "SINTER", Run: cmdSInter},
		{Name: "SINTERCARD", Run: cmdSInterCard},
		{Name: "SINTERSTORE", Run: cmdSInterStore},
		{Name: "SUNION", Run: cmdSUnion},
		{Name: "SUNIONSTORE", Run: cmdSUnionStore},
		{Name: "SDIFF", Run: cmdSDiff},
		{Name: "SDIFFSTORE", Run: cmdSDiffStore},
	}
}

// SADD key member [member ...]
func cmdSAdd(c *Ctx) error {
	key, members := c.Args[1], c.Args[2:]
	e, there, err := c.FindKind(key, keyspace.Set)
	if err != nil {
		return err
	}
	var v setValue
	if there {
		v = setOf(e, there)
		outgrown := v.outgrown(c.Opt, len(members))
		if members = v.skipMembers(members); len(members) == 0 && !outgrown {
			c.Out.Int(0)
			return nil
		}
		c.makeMutable(e, &v)
		if outgrown {
			v.convertToBig()
		}
	} else {
		v = c.newSet(members[0], len(members))
	}
	added := 0
	for _, m := range members {
		if v.add(c.Opt, member{Str: m}) {
			added++
		}
	}
	if err := c.storeSet(key, &v); err != nil {
		return err
	}
	if added > 0 {
		c.Changed(Set, "sadd", key)
		c.AddDirty(added - 1)
	}
	c.Out.Int(int64(added))
	return nil
}

// SREM key member [member ...]
func cmdSRem(c *Ctx) error {
	key, members := c.Args[1], c.Args[2:]
	e, there, err := c.FindKind(key, keyspace.Set)
	if err != nil {
		return err
	}
	v := setOf(e, there)
	if v.big == nil {
		members = v.skipStrangers(members)
	}
	if !there || len(members) == 0 {
		c.Out.Int(0)
		return nil
	}
	c.makeMutable(e, &v)
	removed := 0
	for _, m := range members {
		if v.remove(member{Str: m}) {
			removed++
		}
	}
	if err := c.shrunk(key, &v, "srem", removed); err != nil {
		return err
	}
	c.Out.Int(int64(removed))
	return nil
}

// shrunk stores a set that lost so many members, and deletes it with the last; event
// says how it lost them.
func (c *Ctx) shrunk(key []byte, v *setValue, event string, removed int) error {
	if removed == 0 {
		return nil
	}
	left := v.len()
	if left > 0 {
		if err := c.storeSet(key, v); err != nil {
			return err
		}
	}
	c.Changed(Set, event, key)
	c.AddDirty(removed - 1)
	if left == 0 {
		c.DropEmpty(key)
	}
	return nil
}

// SCARD key
func cmdSCard(c *Ctx) error {
	v, _, err := c.readSet(c.Args[1])
	if err != nil {
		return err
	}
	c.Out.Int(int64(v.len()))
	return nil
}

// SISMEMBER key member
func cmdSIsMember(c *Ctx) error {
	v, _, err := c.readSet(c.Args[1])
	if err != nil {
		return err
	}
	c.Out.Int(truth(v.has(member{Str: c.Args[2]})))
	return nil
}

// SMISMEMBER key member [member ...]
func cmdSMIsMember(c *Ctx) error {
	v, _, err := c.readSet(c.Args[1])
	if err != nil {
		return err
	}
	c.Out.Array(len(c.Args) - 2)
	for _, m := range c.Args[2:] {
		c.Out.Int(truth(v.has(member{Str: m})))
	}
	return nil
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// SMEMBERS key
func cmdSMembers(c *Ctx) error {
	v, _, err := c.readSet(c.Args[1])
	if err != nil {
		return err
	}
	c.writeSet(&v)
	return nil
}

// SMOVE source destination member
func cmdSMove(c *Ctx) error {
	from, to, m := c.Args[1], c.Args[2], member{Str: c.Args[3]}
	_, there, err := c.FindKind(from, keyspace.Set)
	dst, taken := c.Find(to)
	switch {
	case err != nil:
		return err
	case !there:
		c.Out.Int(0)
		return nil
	case taken && dst.Kind() != keyspace.Set:
		return resp.ErrWrongType
	}
	src, _ := c.DB.Peek(from) // the look at the other may have moved it
	v := setOf(src, there)
	if string(from) == string(to) || !v.has(m) {
		c.Out.Int(truth(v.has(m)))
		return nil
	}
	c.makeMutable(src, &v)
	v.remove(m)
	if err := c.shrunk(from, &v, "srem", 1); err != nil {
		return err
	}
	if err := c.moveIn(to, m); err != nil {
		return err
	}
	c.Out.Int(1)
	return nil
}

// moveIn is the second half of SMOVE.
func (c *Ctx) moveIn(key []byte, m member) error {
	e, there, err := c.FindKind(key, keyspace.Set)
	if err != nil {
		return err
	}
	v := setOf(e, there)
	switch {
	case !there:
		v = c.newSet(m.Str, 1)
	case v.has(m):
		return nil
	default:
		c.makeMutable(e, &v)
	}
	v.add(c.Opt, m)
	if err := c.storeSet(key, &v); err != nil {
		return err
	}
	c.Changed(Set, "sadd", key)
	return nil
}

// SSCAN key cursor [MATCH pattern] [COUNT count]
func cmdSScan(c *Ctx) error {
	cursor, ok := parseCursor(c.Args[2])
	if !ok {
		return resp.Errorf("ERR invalid cursor")
	}
	v, there, err := c.readSet(c.Args[1])
	if err != nil {
		return err
	}
	var o scanOptions
	if there { // without a set Redis does not look at the options
		if o, err = parseScanOptions(c.Args[3:], false); err != nil {
			return err
		}
	}
	var found [][]byte
	add := func(m []byte) {
		if o.match == nil || glob.Match(o.match, m) {
			found = append(found, m)
		}
	}
	if v.big != nil {
		cursor = v.big.Scan(cursor, o.count, add)
	} else {
		cursor = 0 // all of a small set at once
		v.each(func(m member) bool {
			add(m.Bytes(nil))
			return true
		})
	}
	c.Out.Array(2)
	c.Out.BulkString(strconv.FormatUint(cursor, 10))
	c.Out.Array(len(found))
	for _, m := range found {
		c.Out.Bulk(m)
	}
	return nil
}
