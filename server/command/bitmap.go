package command

import (
	"slices"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// BitmapCommands: https://redis.io/docs/latest/commands/?group=bitmap
func BitmapCommands() []Row {
	return []Row{
		{Name: "SETBIT", Run: cmdSetBit},
		{Name: "GETBIT", Run: cmdGetBit},
		{Name: "BITCOUNT", Run: cmdBitCount},
		{Name: "BITPOS", Run: cmdBitPos},
		{Name: "BITOP", Run: cmdBitOp},
		{Name: "BITFIELD", Run: func(c *Ctx) error { return cmdBitField(c, false) }},
		{Name: "BITFIELD_RO", Run: func(c *Ctx) error { return cmdBitField(c, true) }},
	}
}

var (
	errBitOffset = resp.NewError("ERR bit offset is not an integer or out of range")
	errBitValue  = resp.NewError("ERR bit is not an integer or out of range")
	errBitArg    = resp.NewError("ERR The bit argument must be 1 or 0.")
	errBitNot    = resp.NewError("ERR BITOP NOT must be called with a single source key.")
)

// bitOffset reads the position of a bit. With a width, "#n" is the n-th field of
// so many bits; a product too large for 64 bits wraps, as Redis's does. What a
// master sends is not held to our own limit.
func (c *Ctx) bitOffset(arg []byte, width uint) (int64, error) {
	byFields := width > 0 && len(arg) > 0 && arg[0] == '#'
	if byFields {
		arg = arg[1:]
	}
	at, ok := resp.ParseInt(arg)
	if byFields {
		at *= int64(width)
	}
	obeys := c.Space.ExpirePolicy() == keyspace.ExpireKeep
	if !ok || at < 0 || !obeys && at>>3 >= c.Opt.ProtoMaxBulkLen {
		return 0, errBitOffset
	}
	return at, nil
}

// bitString makes the string at key, created if missing, long enough for the bit
// at last, for the caller to write to. grown tells that it was not.
func (c *Ctx) bitString(key []byte, last int64) (val []byte, grown bool, err error) {
	e, there, err := c.FindString(key)
	if err != nil {
		return nil, false, err
	}
	size, need := 0, int(last>>3)+1
	if there {
		size = len(e.Bytes())
	} else if err := c.StoreAs(key, nil, keyspace.Raw, keyspace.SetOpt{}); err != nil {
		return nil, false, err
	}
	val, _, err = c.DB.Update(key, max(size, need), keyspace.Raw)
	return val, need > size, err
}

// SETBIT key offset value
func cmdSetBit(c *Ctx) error {
	key := c.Args[1]
	at, err := c.bitOffset(c.Args[2], 0)
	if err != nil {
		return err
	}
	bit, ok := resp.ParseInt(c.Args[3])
	if !ok || bit != 0 && bit != 1 {
		return errBitValue
	}
	val, grown, err := c.bitString(key, at)
	if err != nil {
		return err
	}
	was := bitAt(val, at)
	if grown || was != byte(bit) {
		mask := byte(0x80) >> (at & 7)
		val[at>>3] = val[at>>3]&^mask | byte(bit)<<(7-at&7)
		c.Changed(String, "setbit", key)
	}
	c.Out.Int(int64(was))
	return nil
}

// GETBIT key offset
func cmdGetBit(c *Ctx) error {
	at, err := c.bitOffset(c.Args[2], 0)
	if err != nil {
		return err
	}
	val, _, err := c.ReadString(c.Args[1])
	if err != nil {
		return err
	}
	c.Out.Int(int64(bitAt(val, at)))
	return nil
}

// bitRange is the range that BITCOUNT and BITPOS take, as it was given.
type bitRange struct {
	start, end int64
	hasEnd     bool
	inBits     bool
}

// parse reads start [end [BYTE | BIT]].
func (r *bitRange) parse(args [][]byte) error {
	var ok bool
	if r.start, ok = resp.ParseInt(args[0]); !ok {
		return resp.ErrNotInteger
	}
	if len(args) > 2 {
		if r.inBits = fold(args[2], "BIT"); !r.inBits && !fold(args[2], "BYTE") {
			return resp.ErrSyntax
		}
	}
	if len(args) > 1 {
		if r.end, ok = resp.ParseInt(args[1]); !ok {
			return resp.ErrNotInteger
		}
		r.hasEnd = true
	}
	return nil
}

// span is the range in bits of a string of n bytes; false if it is empty.
func (r *bitRange) span(n int) (bitSpan, bool) {
	total := int64(n)
	if r.inBits {
		total <<= 3
	}
	start, end := r.start, total-1
	if r.hasEnd {
		end = r.end
	}
	if start < 0 {
		start = max(start+total, 0)
	}
	if end < 0 {
		end = max(end+total, 0)
	}
	end = min(end, total-1)
	if start > end {
		return bitSpan{}, false
	}
	if r.inBits {
		return bitSpan{start, end}, true
	}
	return bitSpan{start << 3, end<<3 + 7}, true
}

// BITCOUNT key [start end [BYTE | BIT]]
func cmdBitCount(c *Ctx) error {
	var r bitRange
	switch len(c.Args) {
	case 2:
	case 4, 5:
		if _, ok := resp.ParseInt(c.Args[2]); !ok {
			return resp.ErrNotInteger
		}
		if _, ok := resp.ParseInt(c.Args[3]); !ok {
			return resp.ErrNotInteger // BITPOS looks at the unit first
		}
		if err := r.parse(c.Args[2:]); err != nil {
			return err
		}
	default:
		return resp.ErrSyntax
	}
	val, _, err := c.ReadString(c.Args[1])
	if err != nil {
		return err
	}
	backwards := r.start < 0 && r.end < 0 && r.start > r.end
	n := int64(0)
	if s, ok := r.span(len(val)); ok && !backwards {
		n = s.count(val)
	}
	c.Out.Int(n)
	return nil
}

// BITPOS key bit [start [end [BYTE | BIT]]]
func cmdBitPos(c *Ctx) error {
	bit, ok := resp.ParseInt(c.Args[2])
	if !ok {
		return resp.ErrNotInteger
	}
	if bit != 0 && bit != 1 {
		return errBitArg
	}
	var r bitRange
	switch {
	case len(c.Args) > 6:
		return resp.ErrSyntax
	case len(c.Args) > 3:
		if err := r.parse(c.Args[3:]); err != nil {
			return err
		}
	}
	val, there, err := c.ReadString(c.Args[1])
	if err != nil {
		return err
	}
	at := int64(-1)
	if s, ok := r.span(len(val)); ok {
		at = s.find(val, byte(bit))
		if at < 0 && bit == 0 && !r.hasEnd {
			at = int64(len(val)) << 3 // behind the end all is zero
		}
	} else if !there {
		at = -bit
	}
	c.Out.Int(at)
	return nil
}

// BITOP <AND | OR | XOR | NOT> destkey key [key ...]
func cmdBitOp(c *Ctx) error {
	var op bitOp
	switch word := c.Args[1]; {
	case fold(word, "AND"):
		op = bitAnd
	case fold(word, "OR"):
		op = bitOr
	case fold(word, "XOR"):
		op = bitXor
	case fold(word, "NOT"):
		op = bitNot
	default:
		return resp.ErrSyntax
	}
	dst, sources := c.Args[2], c.Args[3:]
	if op == bitNot && len(sources) != 1 {
		return errBitNot
	}
	longest, err := c.longest(sources)
	if err != nil {
		return err
	}
	if longest == 0 {
		if c.Replace(dst) {
			c.Changed(Generic, "del", dst)
		}
		c.Out.Int(0)
		return nil
	}
	if err := c.StoreAs(dst, c.combined(op, sources, longest), keyspace.Raw, keyspace.SetOpt{}); err != nil {
		return err
	}
	c.Changed(String, "set", dst)
	c.Out.Int(int64(longest))
	return nil
}

// longest is the length of the longest of several strings.
func (c *Ctx) longest(keys [][]byte) (n int, err error) {
	for _, key := range keys {
		val, _, err := c.ReadString(key)
		if err != nil {
			return 0, err
		}
		n = max(n, len(val))
	}
	return n, nil
}

// combined returns n bytes of the strings at the keys, combined by op; strings
// that are shorter, or missing, go on with zeros.
func (c *Ctx) combined(op bitOp, keys [][]byte, n int) []byte {
	acc := slices.Grow(c.Scratch[:0], n)[:n]
	clear(acc)
	c.Scratch = acc
	for i, key := range keys {
		var val []byte
		if e, ok := c.DB.Peek(key); ok {
			val = e.Bytes()
		}
		switch {
		case i == 0 && op != bitNot:
			copy(acc, val)
		default:
			op.combine(acc, val)
			if op == bitAnd {
				clear(acc[min(len(val), n):])
			}
		}
	}
	return acc
}
