package command

import (
	"bytes"
	"math"
	"slices"
	"strconv"

	"github.com/vedette-ha/vedette/internal/glob"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// GenericCommands: https://redis.io/docs/latest/commands/?group=generic
func GenericCommands() []Row {
	return slices.Concat(expireCommands(), dumpCommands(), objectCommands(), []Row{
		{Name: "DEL", Run: func(c *Ctx) error { return cmdDel(c, c.Opt.LazyUserDel) }},
		{Name: "UNLINK", Run: func(c *Ctx) error { return cmdDel(c, true) }},
		{Name: "EXISTS", Run: cmdExists},
		{Name: "TOUCH", Run: cmdTouch},
		{Name: "TYPE", Run: cmdType},
		{Name: "KEYS", Run: cmdKeys},
		{Name: "SCAN", Run: cmdScan},
		{Name: "RANDOMKEY", Run: cmdRandomKey},
		{Name: "RENAME", Run: cmdRename},
		{Name: "RENAMENX", Run: cmdRenameNX},
		{Name: "MOVE", Run: cmdMove},
		{Name: "COPY", Run: cmdCopy},
		{Name: "DBSIZE", Run: cmdDBSize},
	})
}

// DEL key [key ...], and UNLINK alike
func cmdDel(c *Ctx, lazy bool) error {
	n := 0
	for _, key := range c.Args[1:] {
		if _, there := c.DB.Peek(key); !there {
			continue
		}
		c.remove(key, lazy)
		c.Changed(Generic, "del", key)
		n++
	}
	c.Out.Int(int64(n))
	return nil
}

// EXISTS key [key ...]
func cmdExists(c *Ctx) error {
	n := 0
	for _, key := range c.Args[1:] {
		if _, there := c.Look(key); there {
			n++
		}
	}
	c.Out.Int(int64(n))
	return nil
}

// TOUCH key [key ...]
func cmdTouch(c *Ctx) error {
	n := 0
	for _, key := range c.Args[1:] {
		_, there := c.DB.Get(key) // even if CLIENT NO-TOUCH is on
		c.count(key, there)
		if there {
			n++
		}
	}
	c.Out.Int(int64(n))
	return nil
}

// TYPE key
func cmdType(c *Ctx) error {
	e, ok := c.Look(c.Args[1])
	if !ok {
		c.Out.Status("none")
		return nil
	}
	c.Out.Status(e.Kind().String())
	return nil
}

// KEYS pattern
func cmdKeys(c *Ctx) error {
	pattern := c.Args[1]
	all := len(pattern) == 1 && pattern[0] == '*'
	var keys [][]byte
	c.DB.Each(func(e keyspace.Entry) bool {
		if all || glob.Match(pattern, e.Key()) {
			keys = append(keys, e.Key())
		}
		return true
	})
	c.Out.Array(len(keys))
	for _, k := range keys {
		c.Out.Bulk(k)
	}
	return nil
}

// scanOptions are the words after a cursor.
type scanOptions struct {
	match  []byte // nil: everything
	count  int
	byType bool
	typ    string // if byType; there are no values of type "", which may be asked for
}

// SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]
func cmdScan(c *Ctx) error {
	cursor, ok := parseCursor(c.Args[1])
	if !ok {
		return resp.Errorf("ERR invalid cursor")
	}
	o, err := parseScanOptions(c.Args[2:], true)
	if err != nil {
		return err
	}
	keys, next := c.scan(cursor, &o)
	c.Out.Array(2)
	c.Out.BulkString(strconv.FormatUint(next, 10))
	c.Out.Array(len(keys))
	for _, k := range keys {
		c.Out.Bulk(k)
	}
	return nil
}

// scan collects the keys of one step. A type is looked up, and that counts as reading.
func (c *Ctx) scan(cursor uint64, o *scanOptions) (keys [][]byte, next uint64) {
	var missed [][]byte
	match := func(e keyspace.Entry) bool {
		fits := o.match == nil || glob.Match(o.match, e.Key())
		if fits && o.byType && e.ExpireAt() != keyspace.NoExpire && e.ExpireAt() <= c.Now {
			missed = append(missed, bytes.Clone(e.Key()))
		}
		return fits
	}
	next = c.DB.ScanMatch(cursor, o.count, match, func(e keyspace.Entry) {
		if o.byType {
			c.Lookups.Hits++
		}
		if !o.byType || o.typ == e.Kind().String() {
			keys = append(keys, e.Key())
		}
	})
	for _, key := range missed {
		c.count(key, false)
	}
	return keys, next
}

// parseCursor takes what strtoul takes of a cursor: digits with a sign; a negative
// number wraps.
func parseCursor(arg []byte) (uint64, bool) {
	if len(arg) == 0 {
		return 0, true
	}
	digits, negative := bytes.CutPrefix(arg, []byte("-"))
	if !negative {
		digits = bytes.TrimPrefix(arg, []byte("+"))
	}
	v, err := strconv.ParseUint(string(digits), 10, 64)
	if negative {
		v = -v
	}
	return v, err == nil
}

func parseScanOptions(args [][]byte, hasType bool) (o scanOptions, err error) {
	o.count = 10
	for ; len(args) > 0; args = args[2:] {
		if len(args) < 2 {
			return o, resp.ErrSyntax
		}
		switch {
		case fold(args[0], "COUNT"):
			v, ok := resp.ParseInt(args[1])
			if !ok {
				return o, resp.ErrNotInteger
			}
			if v < 1 {
				return o, resp.ErrSyntax
			}
			o.count = int(v)
		case fold(args[0], "MATCH"):
			o.match = args[1]
			if len(o.match) == 1 && o.match[0] == '*' {
				o.match = nil
			}
		case hasType && fold(args[0], "TYPE"):
			o.typ, o.byType = string(lower(args[1])), true
		default:
			return o, resp.ErrSyntax
		}
	}
	return o, nil
}

func lower(s []byte) []byte {
	out := make([]byte, len(s))
	for i, ch := range s {
		if 'A' <= ch && ch <= 'Z' {
			ch += 'a' - 'A'
		}
		out[i] = ch
	}
	return out
}

// RANDOMKEY
func cmdRandomKey(c *Ctx) error {
	e, ok := c.DB.RandomKey()
	if !ok {
		c.Out.Null()
		return nil
	}
	c.Out.Bulk(e.Key())
	return nil
}

// RENAME key newkey
func cmdRename(c *Ctx) error {
	if _, there := c.Find(c.Args[1]); !there {
		return resp.ErrNoSuchKey
	}
	if err := c.rename(c.Args[1], c.Args[2]); err != nil {
		return err
	}
	c.Out.Status("OK")
	return nil
}

// RENAMENX key newkey
func cmdRenameNX(c *Ctx) error {
	if _, there := c.Find(c.Args[1]); !there {
		return resp.ErrNoSuchKey
	}
	if _, taken := c.Find(c.Args[2]); taken {
		c.Out.Int(0)
		return nil
	}
	if err := c.rename(c.Args[1], c.Args[2]); err != nil {
		return err
	}
	c.Out.Int(1)
	return nil
}

// rename gives an existing key another name; its own is no change.
func (c *Ctx) rename(from, to []byte) error {
	if string(from) == string(to) {
		return nil
	}
	if _, err := c.DB.Rename(from, to); err != nil {
		return err
	}
	c.Host.Notify(NewKey, "new", to, c.DBIndex) // also where it replaced another
	c.Host.Touch(c.DBIndex, from)
	c.Host.Notify(Generic, "rename_from", from, c.DBIndex)
	c.Changed(Generic, "rename_to", to)
	return nil
}

var (
	errSameObject = resp.Errorf("ERR source and destination objects are the same")
	errDBIndex    = resp.Errorf("ERR DB index is out of range")
)

// Database reads the number of a database.
func (c *Ctx) Database(arg []byte) (int, error) {
	v, ok := resp.ParseInt(arg)
	if !ok {
		return 0, resp.ErrNotInteger
	}
	if v != int64(int32(v)) {
		return 0, resp.Errorf("ERR value is out of range, value must between %d and %d", math.MinInt32, math.MaxInt32)
	}
	if v < 0 || v >= int64(c.Space.Databases()) {
		return 0, errDBIndex
	}
	return int(v), nil
}

// MOVE key db
func cmdMove(c *Ctx) error {
	key := c.Args[1]
	to, err := c.Database(c.Args[2])
	if err != nil {
		return err
	}
	if to == c.DBIndex {
		return errSameObject
	}
	dst := c.Space.DB(to)
	if _, there := c.Find(key); !there {
		c.Out.Int(0)
		return nil
	}
	isNew := c.isNew(dst, key)
	moved, err := c.DB.Move(key, dst)
	if err != nil {
		return err
	}
	if !moved {
		c.Out.Int(0)
		return nil
	}
	if isNew {
		c.Host.Notify(NewKey, "new", key, to)
	}
	c.Host.Touch(to, key)
	c.Changed(Generic, "move_from", key)
	c.Host.Notify(Generic, "move_to", key, to)
	c.Out.Int(1)
	return nil
}

// COPY source destination [DB destination-db] [REPLACE]
func cmdCopy(c *Ctx) error {
	from, to := c.Args[1], c.Args[2]
	toDB, replace := c.DBIndex, false
	for i := 3; i < len(c.Args); i++ {
		switch {
		case fold(c.Args[i], "REPLACE"):
			replace = true
		case fold(c.Args[i], "DB") && i+1 < len(c.Args):
			i++
			var err error
			if toDB, err = c.Database(c.Args[i]); err != nil {
				return err
			}
		default:
			return resp.ErrSyntax
		}
	}
	if toDB == c.DBIndex && string(from) == string(to) {
		return errSameObject
	}
	dst := c.Space.DB(toDB)
	if _, there := c.Read(from); !there {
		c.Out.Int(0) // without a look at the destination, which may have expired
		return nil
	}
	if _, taken := dst.Peek(to); taken && !replace {
		c.Out.Int(0)
		return nil
	}
	if _, err := c.DB.Copy(from, dst, to); err != nil {
		return err
	}
	c.Host.Notify(NewKey, "new", to, toDB) // also where it replaced another
	c.ChangedIn(toDB, Generic, "copy_to", to)
	c.Out.Int(1)
	return nil
}

// DBSIZE
func cmdDBSize(c *Ctx) error {
	c.Out.Int(int64(c.DB.Len()))
	return nil
}
