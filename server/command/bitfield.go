package command

import (
	"math"

	"github.com/vedette-ha/vedette/internal/resp"
)

var (
	errFieldType = resp.NewError("ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.")
	errOverflow  = resp.NewError("ERR Invalid OVERFLOW type specified")
	errOnlyGet   = resp.NewError("ERR BITFIELD_RO only supports the GET subcommand")
)

const (
	fieldMaxSigned   = 64
	fieldMaxUnsigned = 63 // a reply is a signed integer
)

// fieldVerb is what an operation of BITFIELD does.
type fieldVerb uint8

const (
	fieldGet fieldVerb = iota
	fieldSet
	fieldIncr
)

// overflow is what becomes of a number that does not fit into its field.
type overflow uint8

const (
	overflowWrap overflow = iota
	overflowSat
	overflowFail
)

// fieldOp is one operation of BITFIELD.
type fieldOp struct {
	verb   fieldVerb
	over   overflow
	field  field
	at     int64
	number int64 // to set, or to add
}

// field is the type of a number: its width in bits, and whether it has a sign.
type field struct {
	width  uint
	signed bool
}

// BITFIELD key [GET type offset | [OVERFLOW <WRAP | SAT | FAIL>] <SET type offset
// value | INCRBY type offset increment> ...], and BITFIELD_RO, which only has GET
func cmdBitField(c *Ctx, readOnly bool) error {
	var few [8]fieldOp
	ops, last, err := c.parseFieldOps(few[:0])
	if err != nil {
		return err
	}
	key := c.Args[1]
	if last < 0 {
		val, _, err := c.ReadString(key)
		if err != nil {
			return err
		}
		c.Out.Array(len(ops))
		for i := range ops {
			c.Out.Int(ops[i].field.get(val, ops[i].at))
		}
		return nil
	}
	if readOnly {
		return errOnlyGet
	}
	val, grown, err := c.bitString(key, last)
	if err != nil {
		return err
	}
	c.runFieldOps(ops, val, grown)
	return nil
}

// runFieldOps runs operations some of which write. A string that has grown counts
// as changed by each write; if all of them overflow it has changed unnoticed, as in
// Redis, but replicas are told.
func (c *Ctx) runFieldOps(ops []fieldOp, val []byte, grown bool) {
	changes := 0
	c.Out.Array(len(ops))
	for i := range ops {
		op := &ops[i]
		was := op.field.get(val, op.at)
		if op.verb == fieldGet {
			c.Out.Int(was)
			continue
		}
		now, fits := op.result(was)
		if !fits && op.over == overflowFail {
			c.Out.Null()
			continue
		}
		setField(val, op.at, op.field.width, uint64(now))
		if op.verb == fieldSet {
			c.Out.Int(was)
		} else {
			c.Out.Int(now)
		}
		if grown || was != now {
			changes++
		}
	}
	switch key := c.Args[1]; {
	case changes > 0:
		c.Changed(String, "setbit", key)
		c.AddDirty(changes - 1)
	case grown:
		c.Effect(c.Args...)
	}
}

// parseFieldOps appends the operations to ops. last is the last bit that any of
// them writes to; -1 if none does.
func (c *Ctx) parseFieldOps(ops []fieldOp) (_ []fieldOp, last int64, err error) {
	last = -1
	over := overflowWrap
	for args := c.Args[2:]; len(args) > 0; {
		op, n := fieldOp{over: over}, 4
		switch word := args[0]; {
		case fold(word, "GET") && len(args) >= 3:
			op.verb, n = fieldGet, 3
		case fold(word, "SET") && len(args) >= 4:
			op.verb = fieldSet
		case fold(word, "INCRBY") && len(args) >= 4:
			op.verb = fieldIncr
		case fold(word, "OVERFLOW") && len(args) >= 2:
			if over, err = parseOverflow(args[1]); err != nil {
				return nil, 0, err
			}
			args = args[2:]
			continue
		default:
			return nil, 0, resp.ErrSyntax
		}
		if err := c.parseFieldOp(&op, args[1:n]); err != nil {
			return nil, 0, err
		}
		if op.verb != fieldGet {
			last = max(last, op.at+int64(op.field.width)-1)
		}
		ops = append(ops, op)
		args = args[n:]
	}
	return ops, last, nil
}

// parseFieldOp reads type, offset and, for what writes, a number.
func (c *Ctx) parseFieldOp(op *fieldOp, args [][]byte) (err error) {
	if op.field, err = parseField(args[0]); err != nil {
		return err
	}
	if op.at, err = c.bitOffset(args[1], op.field.width); err != nil {
		return err
	}
	if op.verb == fieldGet {
		return nil
	}
	var ok bool
	if op.number, ok = resp.ParseInt(args[2]); !ok {
		return resp.ErrNotInteger
	}
	return nil
}

func parseOverflow(word []byte) (overflow, error) {
	switch {
	case fold(word, "WRAP"):
		return overflowWrap, nil
	case fold(word, "SAT"):
		return overflowSat, nil
	case fold(word, "FAIL"):
		return overflowFail, nil
	}
	return 0, errOverflow
}

// parseField reads i1 to i64 or u1 to u63.
func parseField(arg []byte) (field, error) {
	if len(arg) < 2 || arg[0] != 'i' && arg[0] != 'u' {
		return field{}, errFieldType
	}
	signed := arg[0] == 'i'
	widest := int64(fieldMaxUnsigned)
	if signed {
		widest = fieldMaxSigned
	}
	width, ok := resp.ParseInt(arg[1:])
	if !ok || width < 1 || width > widest {
		return field{}, errFieldType
	}
	return field{uint(width), signed}, nil
}

// get reads the number at a bit of p.
func (f field) get(p []byte, at int64) int64 {
	return f.wrap(getField(p, at, f.width))
}

// wrap is the number that the low bits of v are.
func (f field) wrap(v uint64) int64 {
	v <<= 64 - f.width
	if f.signed {
		return int64(v) >> (64 - f.width)
	}
	return int64(v >> (64 - f.width))
}

// least and most are the limits of the type.
func (f field) least() int64 {
	if f.signed {
		return math.MinInt64 >> (64 - f.width)
	}
	return 0
}

func (f field) most() int64 {
	if f.signed {
		return math.MaxInt64 >> (64 - f.width)
	}
	return int64(1)<<f.width - 1
}

// result is what the operation makes of the number that was there. fits is false if
// it had to be wrapped or limited.
func (op *fieldOp) result(was int64) (now int64, fits bool) {
	low, high := op.field.least(), op.field.most()
	var above, below bool
	v := op.number
	if op.verb == fieldIncr {
		above = v > 0 && was > math.MaxInt64-v || v > 0 && was+v > high
		below = v < 0 && was < math.MinInt64-v || v < 0 && was+v < low
		v += was
	} else {
		above, below = v > high, v < low
		if below && (!op.field.signed || op.field.width < 64 && high-v < 0) {
			above, below = true, false // Redis takes it for a large number
		}
	}
	switch {
	case !above && !below:
		return v, true
	case op.over != overflowSat:
		return op.field.wrap(uint64(v)), false
	case above:
		return high, false
	}
	return low, false
}
