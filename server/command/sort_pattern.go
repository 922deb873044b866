package command

import (
	"bytes"
	"math"
	"math/big"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// keyPattern says where SORT's BY and GET look: at a key, or a field of a hash, whose
// name has the element in the place of the star.
type keyPattern struct {
	self          bool // "#": the element itself
	star          bool
	before, after []byte
	field         []byte // nil: the key holds a string
}

var arrow = []byte("->")

// parseKeyPattern reads a pattern. As in Redis it is looked at as a C string: what is
// behind a NUL is no star and no arrow.
func parseKeyPattern(p []byte) keyPattern {
	if len(p) == 1 && p[0] == '#' {
		return keyPattern{self: true}
	}
	seen := cString(p)
	star := bytes.IndexByte(seen, '*')
	if star < 0 {
		return keyPattern{}
	}
	k := keyPattern{star: true, before: p[:star], after: p[star+1:]}
	if at := bytes.Index(seen[star+1:], arrow); at >= 0 && star+1+at+len(arrow) < len(seen) {
		k.after, k.field = p[star+1:star+1+at], p[star+1+at+len(arrow):]
	}
	return k
}

// hasStar reports whether a pattern depends on the element.
func hasStar(p []byte) bool { return bytes.IndexByte(cString(p), '*') >= 0 }

// follow looks up what the pattern names for an element; false if it is not there or
// of another type. What it returns may alias the data set.
func (c *Ctx) follow(k *keyPattern, elem []byte) ([]byte, bool) {
	if k.self || !k.star {
		return elem, k.self
	}
	c.Scratch = append(append(append(c.Scratch[:0], k.before...), elem...), k.after...)
	e, ok := c.Read(c.Scratch)
	switch {
	case !ok:
		return nil, false
	case k.field == nil:
		return e.Bytes(), e.Kind() == keyspace.String
	case e.Kind() != keyspace.Hash:
		return nil, false
	}
	h, ok, err := c.viewHash(c.Scratch, e)
	if !ok || err != nil {
		return nil, false
	}
	val, ok := h.get(k.field)
	if val.IsInt {
		return val.Append(nil), ok
	}
	return val.Str, ok
}

// sortNumber reads a weight by the rules of C's strtod for a C string: white space may
// come first, nothing at all is zero. What overflows or underflows is refused.
func sortNumber(b []byte) (float64, bool) {
	s := cString(b)
	if len(s) == 0 {
		return 0, true
	}
	s = bytes.TrimLeft(s, " \t\n\v\f\r")
	v, ok := resp.ParseFloat(s)
	if !ok {
		return 0, false
	}
	const normalMin = 0x1p-1022
	if v != 0 && math.Abs(v) < normalMin && !isExactly(s, v) {
		return 0, false
	}
	return v, true
}

// isExactly reports whether the number that s spells is v, and not only near it.
func isExactly(s []byte, v float64) bool {
	const enough = 1200 // bits: more than a number so small can need
	f, _, err := big.ParseFloat(string(s), 0, enough, big.ToNearestEven)
	return err == nil && f.Cmp(big.NewFloat(v)) == 0
}
