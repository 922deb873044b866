package command

import (
	"math"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
)

const policySwitchNote = " Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."

var (
	errNoLFU = resp.Errorf("ERR An LFU maxmemory policy is not selected, access frequency not tracked." + policySwitchNote)
	errLFU   = resp.Errorf("ERR An LFU maxmemory policy is selected, idle time not tracked." + policySwitchNote)
)

// objectCommands: https://redis.io/docs/latest/commands/object/
func objectCommands() []Row {
	return []Row{
		{Name: "OBJECT ENCODING", Run: func(c *Ctx) error {
			return c.object(func(e keyspace.Entry) error {
				c.Out.BulkString(e.Encoding().String())
				return nil
			})
		}},
		{Name: "OBJECT REFCOUNT", Run: func(c *Ctx) error {
			return c.object(func(e keyspace.Entry) error {
				c.Out.Int(c.RefCount(e))
				return nil
			})
		}},
		{Name: "OBJECT IDLETIME", Run: func(c *Ctx) error {
			return c.object(func(e keyspace.Entry) error {
				if c.Opt.LFU {
					return errLFU
				}
				c.Out.Int(e.IdleSeconds())
				return nil
			})
		}},
		{Name: "OBJECT FREQ", Run: func(c *Ctx) error {
			return c.object(func(e keyspace.Entry) error {
				if !c.Opt.LFU {
					return errNoLFU
				}
				c.Out.Int(int64(e.Freq()))
				return nil
			})
		}},
		{Name: "OBJECT HELP", Run: cmdObjectHelp},
	}
}

// object looks at a key without touching it; a missing one is null.
func (c *Ctx) object(show func(keyspace.Entry) error) error {
	e, ok := c.DB.Peek(c.Args[2])
	if !ok {
		c.Lookups.Misses++
		c.Out.Null()
		return nil
	}
	c.Lookups.Hits++
	return show(e)
}

// The numbers below sharedIntegers exist once in Redis, and count as referenced by
// sharedRefCount.
const (
	sharedIntegers = 10000
	sharedRefCount = math.MaxInt32
)

// RefCount is what OBJECT REFCOUNT says: no value is shared here, but clients see
// what Redis shares.
func (c *Ctx) RefCount(e keyspace.Entry) int64 {
	if e.Encoding() != keyspace.Int || !c.Opt.SharedIntegers {
		return 1
	}
	if v, ok := resp.ParseInt(e.Bytes()); !ok || v < 0 || v >= sharedIntegers {
		return 1
	}
	return sharedRefCount
}

// OBJECT HELP
func cmdObjectHelp(c *Ctx) error {
	c.Help(
		"ENCODING <key>",
		"    Return the kind of internal representation used in order to store the value",
		"    associated with a <key>.",
		"FREQ <key>",
		"    Return the access frequency index of the <key>. The returned integer is",
		"    proportional to the logarithm of the recent access frequency of the key.",
		"IDLETIME <key>",
		"    Return the idle time of the <key>, that is the approximated number of",
		"    seconds elapsed since the last access to the key.",
		"REFCOUNT <key>",
		"    Return the number of references of the value associated with the specified",
		"    <key>.",
	)
	return nil
}

// Help answers a container's HELP as Redis frames it.
func (c *Ctx) Help(lines ...string) {
	name := c.Cmd.Name
	if c.Cmd.Parent != nil {
		name = c.Cmd.Parent.Name
	}
	c.Out.Array(len(lines) + 3)
	c.Out.Status(name + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
	for _, l := range lines {
		c.Out.Status(l)
	}
	c.Out.Status("HELP")
	c.Out.Status("    Prints this help.")
}
