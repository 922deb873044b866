package command

import (
	"math"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// fieldExpiryCommands give the fields of hashes a time to live of their own, as
// Redis does from 7.4 on.
func fieldExpiryCommands() []Row {
	expire := func(f timeForm) func(*Ctx) error {
		return func(c *Ctx) error { return cmdHExpire(c, f) }
	}
	ttl := func(f timeForm) func(*Ctx) error {
		return func(c *Ctx) error { return cmdHTTL(c, f) }
	}
	return []Row{
		{Name: "HEXPIRE", Run: expire(timeForm{seconds: true})},
		{Name: "HPEXPIRE", Run: expire(timeForm{})},
		{Name: "HEXPIREAT", Run: expire(timeForm{seconds: true, absolute: true})},
		{Name: "HPEXPIREAT", Run: expire(timeForm{absolute: true})},
		{Name: "HTTL", Run: ttl(timeForm{seconds: true})},
		{Name: "HPTTL", Run: ttl(timeForm{})},
		{Name: "HEXPIRETIME", Run: ttl(timeForm{seconds: true, absolute: true})},
		{Name: "HPEXPIRETIME", Run: ttl(timeForm{absolute: true})},
		{Name: "HPERSIST", Run: cmdHPersist},
		{Name: "HGETDEL", Run: cmdHGetDel},
		{Name: "HGETEX", Run: cmdHGetEX},
		{Name: "HSETEX", Run: cmdHSetEX},
	}
}

// What these commands reply for each field.
const (
	fieldMissing = -2
	fieldNoTTL   = -1
	fieldUnmet   = 0 // NX, XX, GT or LT
	fieldDone    = 1
	fieldDeleted = 2 // the time given has passed
)

// fieldTimeMax is the latest time a field may expire, in Unix milliseconds.
const fieldTimeMax = 1<<46 - 1

// HEXPIRE key seconds [NX | XX | GT | LT] FIELDS numfields field [field ...], and
// HPEXPIRE, HEXPIREAT, HPEXPIREAT alike
func cmdHExpire(c *Ctx, f timeForm) error {
	key := c.Args[1]
	v, _, err := c.findHash(key)
	if err != nil {
		return err
	}
	when, err := c.fieldTime(c.Args[2], f)
	if err != nil {
		return err
	}
	rest := c.Args[3:]
	var cond expireCondition
	if cond, err = parseExpireCondition(rest[:1]); err == nil {
		rest = rest[1:]
	}
	fields, err := parseFields(rest, "ERR Parameter `numFields` should be greater than 0")
	if err != nil {
		return err
	}
	e := c.editFields(key, v)
	c.Out.Array(len(fields))
	for _, field := range fields {
		c.Out.Int(e.expire(field, when, cond))
	}
	return e.finish(when)
}

// fieldTime turns a time argument into Unix milliseconds.
func (c *Ctx) fieldTime(arg []byte, f timeForm) (int64, error) {
	v, ok := resp.ParseInt(arg)
	if !ok {
		return 0, resp.ErrNotInteger
	}
	if v < 0 {
		return 0, resp.Errorf("ERR invalid expire time, must be >= 0")
	}
	base, unit := int64(0), int64(1)
	if !f.absolute {
		base = c.Now
	}
	if f.seconds {
		unit = 1000
	}
	if v > fieldTimeMax/unit || v*unit > fieldTimeMax-base {
		return 0, invalidExpire(c)
	}
	return v*unit + base, nil
}

// parseFields reads FIELDS numfields field [field ...] to the end of the words;
// badNumber is the error for a number that is none, or below one.
func parseFields(args [][]byte, badNumber string) ([][]byte, error) {
	if len(args) == 0 || !fold(args[0], "FIELDS") {
		return nil, resp.Errorf("ERR Mandatory argument FIELDS is missing or not at the right position")
	}
	if len(args) < 2 {
		return nil, resp.Errorf("ERR The `numfields` parameter must match the number of arguments")
	}
	n, ok := resp.ParseInt(args[1])
	if !ok || n < 1 {
		return nil, resp.Errorf("%s", badNumber)
	}
	if n != int64(len(args)-2) {
		return nil, resp.Errorf("ERR The `numfields` parameter must match the number of arguments")
	}
	return args[2:], nil
}

const badFieldNumber = "ERR Number of fields must be a positive integer"

// HTTL key FIELDS numfields field [field ...], and HPTTL, HEXPIRETIME, HPEXPIRETIME
// alike
func cmdHTTL(c *Ctx, f timeForm) error {
	v, _, err := c.readHash(c.Args[1])
	if err != nil {
		return err
	}
	fields, err := parseFields(c.Args[2:], badFieldNumber)
	if err != nil {
		return err
	}
	c.Out.Array(len(fields))
	for _, field := range fields {
		if _, ok := v.get(field); !ok {
			c.Out.Int(fieldMissing)
			continue
		}
		at := v.expireAt(field)
		if at == keyspace.NoExpire {
			c.Out.Int(fieldNoTTL)
			continue
		}
		if !f.absolute {
			at = max(at-c.Now, 0)
		}
		if f.seconds {
			at = (at + 999) / 1000
		}
		c.Out.Int(at)
	}
	return nil
}

// expireAt returns when a field expires, or keyspace.NoExpire.
func (v *hashView) expireAt(field []byte) int64 {
	if v.big == nil {
		return keyspace.NoExpire
	}
	return v.big.ExpireAt(field)
}

// HPERSIST key FIELDS numfields field [field ...]
func cmdHPersist(c *Ctx) error {
	key := c.Args[1]
	v, _, err := c.findHash(key)
	if err != nil {
		return err
	}
	fields, err := parseFields(c.Args[2:], badFieldNumber)
	if err != nil {
		return err
	}
	e := c.editFields(key, v)
	c.Out.Array(len(fields))
	for _, field := range fields {
		c.Out.Int(e.persist(field))
	}
	return e.finish(0)
}

// HGETDEL key FIELDS numfields field [field ...]
func cmdHGetDel(c *Ctx) error {
	key := c.Args[1]
	v, _, err := c.findHash(key)
	if err != nil {
		return err
	}
	fields, err := parseFields(c.Args[2:], badFieldNumber)
	if err != nil {
		return err
	}
	if v, _, err = c.findHash(key, fields...); err != nil {
		return err
	}
	c.Out.Array(len(fields))
	for i, field := range fields {
		val, ok := v.get(field)
		c.elementOrNull(val, ok && !contains(fields[:i], field)) // one named twice is gone
	}
	n, err := c.hashDelete(key, v, fields)
	if err != nil || n == 0 {
		return err
	}
	c.Effect(append([][]byte{wordHDEL, key}, fields...)...)
	c.hashDeleted(key, n)
	return nil
}

func contains(list [][]byte, s []byte) bool {
	for _, t := range list {
		if string(t) == string(s) {
			return true
		}
	}
	return false
}

// HGETEX key [EX s | PX ms | EXAT unix-s | PXAT unix-ms | PERSIST] FIELDS numfields
// field [field ...]
func cmdHGetEX(c *Ctx) error {
	o, err := c.parseFieldOptions(false)
	if err != nil {
		return err
	}
	key := c.Args[1]
	v, _, err := c.findHash(key)
	if err != nil {
		return err
	}
	e := c.editFields(key, v)
	c.Out.Array(len(o.fields))
	for _, field := range o.fields {
		val, ok := e.v.get(field)
		c.elementOrNull(val, ok)
		switch {
		case o.persist:
			e.persist(field)
		case o.hasTime:
			e.expire(field, o.when, expireCondition{})
		}
	}
	return e.finish(o.when)
}

// HSETEX key [FNX | FXX] [EX s | PX ms | EXAT unix-s | PXAT unix-ms | KEEPTTL] FIELDS
// numfields field value [field value ...]
func cmdHSetEX(c *Ctx) error {
	o, err := c.parseFieldOptions(true)
	if err != nil {
		return err
	}
	key := c.Args[1]
	v, _, err := c.findHashEach(key, o.fields, 2)
	if err != nil {
		return err
	}
	for i := 0; (o.fnx || o.fxx) && i < len(o.fields); i += 2 {
		if _, there := v.get(o.fields[i]); there == o.fnx {
			c.Out.Int(0)
			return nil
		}
	}
	if err := c.hashSetTimed(key, v, &o); err != nil {
		return err
	}
	c.Out.Int(1)
	return nil
}

// hashSetTimed sets fields, gives them their time, and tells of it all. If that time
// has passed, they go at once.
func (c *Ctx) hashSetTimed(key []byte, v hashView, o *fieldOptions) error {
	if _, err := c.hashSet(key, v, o.fields, o.keepTTL); err != nil {
		return err
	}
	if past := o.hasTime && o.when <= c.Now && c.isMaster(); !past { // else HDEL says it all
		c.Effect(append([][]byte{wordHSET, key}, o.fields...)...)
	}
	c.Changed(Hash, "hset", key)
	c.AddDirty(len(o.fields)/2 - 1)
	v, _, err := c.findHash(key)
	if err != nil {
		return err
	}
	if !o.hasTime {
		for i := 0; i < len(o.fields); i += 2 {
			c.expireEffect(key, o.fields[i], v.expireAt(o.fields[i]))
		}
		return nil
	}
	e := c.editFields(key, v)
	for i := 0; i < len(o.fields); i += 2 {
		e.expire(o.fields[i], o.when, expireCondition{})
	}
	return e.finish(o.when)
}

// fieldOptions are what HGETEX and HSETEX take after the key.
type fieldOptions struct {
	fnx, fxx, keepTTL, persist, hasTime bool
	when                                int64    // Unix milliseconds
	fields                              [][]byte // with their values for HSETEX
}

func (c *Ctx) parseFieldOptions(isSet bool) (o fieldOptions, err error) {
	last := "PERSIST"
	if isSet {
		last = "KEEPTTL"
	}
	for i := 2; i < len(c.Args); i++ {
		a := c.Args[i]
		f, isTime := expireForm(a)
		isLast := fold(a, last)
		switch {
		case fold(a, "FIELDS"):
			o.fields, err = c.parsePairs(c.Args[i+1:], isSet)
			return o, err
		case isSet && (fold(a, "FNX") || fold(a, "FXX")):
			if o.fnx || o.fxx {
				return o, resp.Errorf("ERR Only one of FXX or FNX arguments can be specified")
			}
			o.fnx, o.fxx = fold(a, "FNX"), fold(a, "FXX")
		case !isTime && !isLast:
			return o, resp.Errorf("ERR unknown argument: %s", a)
		case o.hasTime || o.keepTTL || o.persist:
			return o, resp.Errorf("ERR Only one of EX, PX, EXAT, PXAT or %s arguments can be specified", last)
		case isLast:
			o.keepTTL, o.persist = isSet, !isSet
		case i+1 == len(c.Args):
			return o, resp.Errorf("ERR missing expire time")
		default:
			i++
			o.hasTime = true
			if o.when, err = c.fieldTime(c.Args[i], f); err != nil {
				return o, err
			}
		}
	}
	return o, resp.Errorf("ERR missing FIELDS argument")
}

// parsePairs reads numfields and that many fields, with values or without.
func (c *Ctx) parsePairs(args [][]byte, pairs bool) ([][]byte, error) {
	if len(args) == 0 {
		return nil, resp.Errorf("ERR wrong number of arguments for '%s' command", c.Cmd.Full)
	}
	n, ok := resp.ParseInt(args[0])
	if !ok || n < 1 || n > math.MaxInt32 {
		return nil, resp.Errorf("ERR invalid number of fields")
	}
	if pairs {
		n *= 2
	}
	if n != int64(len(args)-1) {
		return nil, resp.Errorf("ERR wrong number of arguments for '%s' command", c.Cmd.Full)
	}
	return args[1:], nil
}
