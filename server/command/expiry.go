package command

import (
	"math"
	"strconv"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// timeForm is how an argument gives a time.
type timeForm struct {
	seconds  bool // or milliseconds
	absolute bool // Unix time, or from now
}

func invalidExpire(c *Ctx) error {
	return resp.Errorf("ERR invalid expire time in '%s' command", c.Cmd.Full)
}

// unixMS turns a time argument into Unix milliseconds. mustBePositive refuses what
// is not after zero (SET, GETEX); EXPIRE takes the past.
func (c *Ctx) unixMS(arg []byte, f timeForm, mustBePositive bool) (int64, error) {
	v, ok := resp.ParseInt(arg)
	if !ok {
		return 0, resp.ErrNotInteger
	}
	if mustBePositive && v <= 0 {
		return 0, invalidExpire(c)
	}
	if f.seconds {
		if v > math.MaxInt64/1000 || v < math.MinInt64/1000 {
			return 0, invalidExpire(c)
		}
		v *= 1000
	}
	if f.absolute {
		return v, nil
	}
	if v > math.MaxInt64-c.Now {
		return 0, invalidExpire(c)
	}
	return v + c.Now, nil
}

// stringOptions are what SET and GETEX take after their keys.
type stringOptions struct {
	nx, xx, get, keepTTL, persist bool
	expireArg                     []byte // nil: none
	form                          timeForm
}

// parseStringOptions reads the options of SET (isSet) or GETEX.
func parseStringOptions(args [][]byte, isSet bool) (o stringOptions, err error) {
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case isSet && fold(a, "NX") && !o.xx:
			o.nx = true
		case isSet && fold(a, "XX") && !o.nx:
			o.xx = true
		case isSet && fold(a, "GET"):
			o.get = true
		case isSet && fold(a, "KEEPTTL") && o.expireArg == nil:
			o.keepTTL = true
		case !isSet && fold(a, "PERSIST") && o.expireArg == nil:
			o.persist = true
		default:
			f, ok := expireForm(a)
			again := o.expireArg != nil && o.form == f // the last one counts
			if !ok || i+1 == len(args) || o.expireArg != nil && !again || o.keepTTL || o.persist {
				return o, resp.ErrSyntax
			}
			i++
			o.form, o.expireArg = f, args[i]
		}
	}
	return o, nil
}

func expireForm(word []byte) (f timeForm, ok bool) {
	switch {
	case fold(word, "EX"):
		return timeForm{seconds: true}, true
	case fold(word, "PX"):
		return timeForm{}, true
	case fold(word, "EXAT"):
		return timeForm{seconds: true, absolute: true}, true
	case fold(word, "PXAT"):
		return timeForm{absolute: true}, true
	}
	return f, false
}

// expireCommands are EXPIRE and its family: the TTL part of
// https://redis.io/docs/latest/commands/?group=generic
func expireCommands() []Row {
	expire := func(f timeForm) func(*Ctx) error {
		return func(c *Ctx) error { return cmdExpire(c, f) }
	}
	ttl := func(f timeForm) func(*Ctx) error {
		return func(c *Ctx) error { return cmdTTL(c, f) }
	}
	return []Row{
		{Name: "EXPIRE", Run: expire(timeForm{seconds: true})},
		{Name: "PEXPIRE", Run: expire(timeForm{})},
		{Name: "EXPIREAT", Run: expire(timeForm{seconds: true, absolute: true})},
		{Name: "PEXPIREAT", Run: expire(timeForm{absolute: true})},
		{Name: "TTL", Run: ttl(timeForm{seconds: true})},
		{Name: "PTTL", Run: ttl(timeForm{})},
		{Name: "EXPIRETIME", Run: ttl(timeForm{seconds: true, absolute: true})},
		{Name: "PEXPIRETIME", Run: ttl(timeForm{absolute: true})},
		{Name: "PERSIST", Run: cmdPersist},
	}
}

// expireCondition is EXPIRE's NX, XX, GT or LT.
type expireCondition struct{ nx, xx, gt, lt bool }

func parseExpireCondition(args [][]byte) (o expireCondition, err error) {
	for _, a := range args {
		switch {
		case fold(a, "NX"):
			o.nx = true
		case fold(a, "XX"):
			o.xx = true
		case fold(a, "GT"):
			o.gt = true
		case fold(a, "LT"):
			o.lt = true
		default:
			return o, resp.Errorf("ERR Unsupported option %s", a)
		}
	}
	if o.nx && (o.xx || o.gt || o.lt) {
		return o, resp.Errorf("ERR NX and XX, GT or LT options at the same time are not compatible")
	}
	if o.gt && o.lt {
		return o, resp.Errorf("ERR GT and LT options at the same time are not compatible")
	}
	return o, nil
}

// allows reports whether a key that expires at was may be made to expire at when.
// A key without expiry lives for ever.
func (o expireCondition) allows(was, when int64) bool {
	none := was == keyspace.NoExpire
	switch {
	case o.nx && !none,
		o.xx && none,
		o.gt && (none || when <= was),
		o.lt && !none && when >= was:
		return false
	}
	return true
}

// EXPIRE key seconds [NX | XX | GT | LT], and PEXPIRE, EXPIREAT, PEXPIREAT alike
func cmdExpire(c *Ctx, f timeForm) error {
	cond, err := parseExpireCondition(c.Args[3:])
	if err != nil {
		return err
	}
	when, err := c.unixMS(c.Args[2], f, false)
	if err != nil {
		return err
	}
	key := c.Args[1]
	e, ok := c.Find(key)
	if !ok || !cond.allows(e.ExpireAt(), when) {
		c.Out.Int(0)
		return nil
	}
	if err := c.expireAt(key, when, c.Args[3:]...); err != nil {
		return err
	}
	c.Out.Int(1)
	return nil
}

// expireAt sets a key's expiry; a master deletes a key whose time has come. The conditions
// of EXPIRE, which hold, go to the replicas, too.
func (c *Ctx) expireAt(key []byte, when int64, conditions ...[]byte) error {
	if when <= c.Now && c.isMaster() {
		c.remove(key, c.Opt.LazyExpire)
		c.Effect(c.delWord(), key)
		c.Changed(Generic, "del", key)
		return nil
	}
	// Zero means no expiry to the keyspace; a replica may be told a time before 1970.
	if _, err := c.DB.SetExpire(key, max(when, 1)); err != nil {
		return err
	}
	c.Effect(append([][]byte{wordPEXPIREAT, key, strconv.AppendInt(nil, when, 10)}, conditions...)...)
	c.Changed(Generic, "expire", key)
	return nil
}

// delWord is how the deletion of an expired key is propagated.
func (c *Ctx) delWord() []byte {
	if c.Opt.LazyExpire {
		return wordUNLINK
	}
	return wordDEL
}

// TTL key, and PTTL, EXPIRETIME, PEXPIRETIME alike
func cmdTTL(c *Ctx, f timeForm) error {
	e, ok := c.Look(c.Args[1])
	if !ok {
		c.Out.Int(-2)
		return nil
	}
	at := e.ExpireAt()
	if at == keyspace.NoExpire {
		c.Out.Int(-1)
		return nil
	}
	if !f.absolute {
		at = max(at-c.Now, 0)
	}
	if f.seconds {
		at = int64((uint64(at) + 500) / 1000) // unsigned, as the largest would overflow
	}
	c.Out.Int(at)
	return nil
}

// PERSIST key
func cmdPersist(c *Ctx) error {
	key := c.Args[1]
	if _, ok := c.Find(key); !ok || !c.DB.Persist(key) {
		c.Out.Int(0)
		return nil
	}
	c.Changed(Generic, "persist", key)
	c.Out.Int(1)
	return nil
}
